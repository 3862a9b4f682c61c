/** The page about money, and the part of a new search that rents, with machines of a RunPod that speaks its wire format. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasNoChromium } from "../chromium.ts";
import { priceUsdPerHour, type RentalWorld, rentingSearch, startRentalWorld } from "./rentals.ts";
import { openView, tokenWith, type View } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'">`;

describe.skipIf(hasNoChromium())("money", () => {
  let world: RentalWorld;
  let rented: string;

  beforeAll(async () => {
    world = await startRentalWorld(2);
  });
  afterAll(() => world?.stop());

  const rowOf = ({ page }: View, name: string) =>
    page.getByRole("region", { name: "Machines", exact: true }).getByRole("row").filter({ hasText: name });
  const open = (rest: Parameters<typeof openView>[1] = {}) => openView(world, { ...rest, at: "/money" });

  test("before anything is rented says so, with the caps that are set", async () => {
    const view = await open();
    await view.page.getByRole("heading", { name: "No machine runs" }).waitFor();
    await view.page.getByRole("heading", { name: "No search has rented yet" }).waitFor();
    await view.page.getByText(/^All is well/).waitFor();
    await view.page.getByText("Nothing was spent in 30 days.").waitFor();
    expect(await view.page.getByRole("region", { name: "This month" }).innerText()).toMatch(
      /\$0\.00\s+of \$50/,
    );
    await view.isAccessible();
    await view.close();
  });

  test("a new search that rents shows offers, its cost against the budget, and gets its machine", async () => {
    const view = await openView(world, { at: "/new" });
    const { page } = view;
    await page.getByLabel("Name", { exact: true }).fill(HOSTILE);
    await page.getByLabel("Rent machines for it").check();
    const offers = page.getByRole("table", { name: "Offers" });
    await offers.getByRole("row").filter({ hasText: "RTX 4090" }).getByText("within").waitFor();
    await offers.getByRole("row").filter({ hasText: "H100" }).getByText("above the ceiling").waitFor();
    expect(await page.getByLabel("US dollars").inputValue()).toBe("5");
    await page.getByText(/Cost at the ceiling: about .* of \$5\.00/).waitFor();
    await view.isAccessible();
    await page.getByRole("button", { name: "Rent this kind: H100 of runpod" }).click();
    expect(await page.getByLabel("At most, $ an hour").inputValue()).toBe("2.75");
    await page.getByLabel("GPUs").fill("RTX 4090");
    await page.getByLabel("At most, $ an hour").fill("0.5");
    const start = page.getByRole("button", { name: "Start the search" });
    await expect.poll(() => start.isEnabled()).toBe(true);
    await start.click();
    await page.waitForURL(/#\/searches\/[a-z0-9]+$/);
    rented = page.url().split("/").at(-1) ?? "";
    await expect
      .poll(async () => {
        await world.minute();
        return world.cloud.machines.length;
      })
      .toBe(1);
    await view.goTo("/money");
    await rowOf(view, HOSTILE).getByText("launched").waitFor();
    await view.close();
  });

  test("tells of each machine what it is and what it costs, second by second, in every look", async () => {
    const view = await open({ size: "phone" });
    const row = rowOf(view, HOSTILE);
    await row.getByText("launched").waitFor();
    expect(await row.innerText()).toMatch(/RTX 4090[\s\S]+runpod[\s\S]+\$0\.40/);
    const spent = async () => Number((await row.locator(".ticking").innerText()).slice(1));
    const first = await spent();
    await expect.poll(spent).toBeGreaterThan(first);
    expect(await view.page.title()).toBe("Money · Nasturtium");
    await view.page.getByRole("img", { name: /^Budget of <img/ }).waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("a token that only reads sees the machines and cannot end them", async () => {
    const { token } = await tokenWith(world, "searches:read");
    const view = await open({ token });
    await rowOf(view, HOSTILE).getByText("needs searches:write").waitFor();
    expect(await view.page.getByRole("button", { name: /^End/ }).count()).toBe(0);
    await view.close();
  });

  test("a token of another scope is told once what it lacks", async () => {
    const { token } = await tokenWith(world, "runner");
    const view = await open({ token });
    await view.page.getByRole("heading", { name: "The token may not do this" }).waitFor();
    expect(await view.page.getByRole("alert").count()).toBe(1);
    await view.close();
  });

  test("a lost connection keeps what is shown and says how old it is", async () => {
    const view = await open();
    await rowOf(view, HOSTILE).waitFor();
    await view.context.setOffline(true);
    await view.page.getByText("Connection lost.").waitFor();
    expect(await rowOf(view, HOSTILE).count()).toBe(1);
    await view.context.setOffline(false);
    await view.page.getByText("Connection lost.").waitFor({ state: "detached" });
    await view.close();
  });

  test("ends a machine after a question, shows it until the provider has confirmed, and its row says gone", async () => {
    const view = await open();
    const end = rowOf(view, HOSTILE).getByRole("button", { name: /^End/ });
    await end.press("Enter");
    const dialog = view.page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Keep it as it is" }).click();
    expect(world.cloud.machines[0]?.deletedAt).toBeNull();
    await end.click();
    await view.isAccessible();
    // Another is not wanted.
    await world.edge.client.v1.searches[":id"].pause.$post({ param: { id: rented } });
    await dialog.getByRole("button", { name: "End it" }).click();
    await dialog.waitFor({ state: "hidden" });
    await expect
      .poll(async () => {
        await world.minute();
        return world.cloud.machines[0]?.deletedAt ?? null;
      })
      .not.toBeNull();
    await rowOf(view, HOSTILE).getByText("gone", { exact: true }).waitFor();
    await view.isAccessible();
    expect(world.cloud.machines.every(({ deletedAt }) => deletedAt !== null)).toBe(true);
    await view.close();
  });

  test("the ledger has every movement, and all of it as a CSV that adds up to what was spent", async () => {
    const view = await open();
    const { page } = view;
    await page.getByRole("button", { name: `Show ledger of ${HOSTILE}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("set aside", { exact: true }).first().waitFor();
    await view.isAccessible();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      dialog.getByRole("button", { name: "CSV" }).click(),
    ]);
    const lines = readFileSync(await file.path(), "utf8")
      .trim()
      .split("\r\n");
    expect(lines[0]).toBe("id,at,instance,kind,amount_usd");
    const sum = lines.slice(1).reduce((total, line) => total + Number(line.split(",").at(-1)), 0);
    const { spentUsd } = await world.edge.client.json(
      world.edge.client.v1.searches[":id"].budget.$get({ param: { id: rented } }),
      ["spentUsd"],
    );
    expect(sum).toBeCloseTo(spentUsd, 6);
    expect(sum).toBeLessThan(priceUsdPerHour);
    await view.close();
  });

  test("what was spent is drawn by day, with figures and a file", async () => {
    const view = await open();
    const { page } = view;
    const figure = page.getByRole("figure").filter({ hasText: "Spending over time" });
    await figure.getByRole("img", { name: /in 30 days, most of it on <img/ }).waitFor();
    await figure.getByLabel("Over").selectOption("7");
    await figure.getByRole("img", { name: /in 7 days/ }).waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      figure.getByRole("button", { name: "SVG" }).click(),
    ]);
    const svg = readFileSync(await file.path(), "utf8");
    expect(svg).toContain("<svg");
    expect(svg).not.toContain("<img");
    await figure.getByText("The figures as a table").click();
    await view.isAccessible();
    await view.close();
  });

  test("a search that gets no machine is an alert with what to do", async () => {
    world.cloud.faults.once.launch = Array.from({ length: 5 }, () => ({ kind: "balance" as const }));
    await world.edge.create(rentingSearch("broke"));
    await world.minute();
    const view = await open();
    const alerts = view.page.getByRole("region", { name: "Alerts" });
    await alerts.getByRole("heading", { name: "broke waits for a machine" }).waitFor();
    await alerts.getByText("Add credit at the provider, or name another one in the search.").waitFor();
    await alerts.getByRole("listitem").filter({ hasText: "waits for a machine (balance)" }).first().waitFor();
    await view.fits();
    await view.isAccessible();
    await view.close();
  });
});
