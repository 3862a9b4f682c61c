/** The list of searches, and what is around every page. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'"><b>bold</b>`;

const screens = ["desktop", "phone"] as const;

describe.skipIf(hasNoChromium())("the dashboard", () => {
  let world: World;
  let hostile: string;

  beforeAll(async () => {
    world = await startWorld();
    hostile = await world.edge.create({ ...smallSearch(HOSTILE), visibility: "public" });
  });
  afterAll(() => world?.stop());

  const rowOf = ({ page }: View, name: string) => page.getByRole("row").filter({ hasText: name });

  test.each(screens)(
    "on a %s lists every search with its state, progress, hypervolume and cost",
    async (size) => {
      const view = await openView(world, { size });
      const table = rowOf(view, world.table.name);
      await table.getByText("completed").waitFor();
      await table.getByRole("img", { name: /^Hypervolume of/ }).waitFor();
      const text = await table.innerText();
      expect(text).toMatch(/round 6 of 6, 60 measured/);
      expect(text).toMatch(/on the front/);
      expect(text).toMatch(/own machines/);
      expect(await rowOf(view, world.supernet.name).innerText()).toMatch(/running/);
      await view.suitsAll();
      await view.close();
    },
  );

  test.each(screens)("on a %s without a token asks for one, and goes on with it", async (size) => {
    const view = await openView(world, { size, token: null });
    await view.page.getByRole("heading", { name: "A token is needed here" }).waitFor();
    await view.suitsAll();
    await view.page.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
    await view.page.getByRole("button", { name: "Use this token" }).press("Enter");
    await rowOf(view, world.table.name).waitFor();
    await view.close();
  });

  test("filters by text and state, sorts by each heading, and keeps both in the address", async () => {
    const view = await openView(world);
    const names = () => view.page.locator("tbody .search-name a").allInnerTexts();
    await rowOf(view, world.table.name).waitFor();
    expect(await names()).toHaveLength(4);
    await view.page.getByLabel("Filter").fill("on a TABLE");
    await expect.poll(names).toEqual([world.table.name]);
    await view.page.getByLabel("State").selectOption("queued");
    await view.page.getByRole("heading", { name: "None of them matches" }).waitFor();
    await view.page.getByRole("button", { name: "Show all" }).click();
    await expect.poll(names).toHaveLength(4);
    await view.page.getByRole("button", { name: "Progress" }).click();
    await expect.poll(async () => (await names())[0]).toBe(HOSTILE);
    await view.page.getByRole("button", { name: "Progress" }).click();
    await expect.poll(async () => (await names()).at(-1)).toBe(HOSTILE);
    const order = await names();
    await view.page.reload();
    await rowOf(view, world.table.name).waitFor();
    expect(await names()).toEqual(order);
    await view.close();
  });

  test("a name that is HTML is shown as the text that it is", async () => {
    const view = await openView(world);
    await rowOf(view, "onerror").waitFor();
    expect(await view.page.locator(`a[href="#/searches/${hostile}"]`).innerText()).toBe(HOSTILE);
    expect(await view.page.locator("td b, td img").count()).toBe(0);
    expect(await view.page.title()).toBe("Searches · Nasturtium");
    await view.close();
  });

  test("takes the token out of the address; it is forgotten with the tab unless it is to be remembered", async () => {
    const view = await openView(world);
    await rowOf(view, world.table.name).waitFor();
    expect(view.page.url()).toBe(`${world.edge.edge.url}/#/searches`);
    expect(await view.page.content()).not.toContain(world.edge.edge.token);
    const later = await view.context.newPage();
    await later.goto(`${world.edge.edge.url}/`);
    await later.getByRole("heading", { name: "A token is needed here" }).waitFor();
    await later.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
    await later.getByLabel("Remember it on this device").check();
    await later.getByRole("button", { name: "Use this token" }).click();
    await later.getByRole("row").nth(1).waitFor();
    const last = await view.context.newPage();
    await last.goto(`${world.edge.edge.url}/`);
    await last.getByRole("row").nth(1).waitFor();
    await last.getByRole("button", { name: /^Token: / }).click();
    await last.getByRole("button", { name: "Forget the token" }).click();
    await last.getByRole("heading", { name: "A token is needed here" }).waitFor();
    await view.close();
  });

  test("a token that is revoked meanwhile is asked for anew, and the page goes on where it was", async () => {
    const { id, token } = await tokenWith(world, "searches:read");
    const view = await openView(world, { token, at: "/searches?text=table" });
    await rowOf(view, world.table.name).waitFor();
    expect(await view.page.getByRole("link", { name: "New search" }).count()).toBe(0);
    await world.edge.client.v1.tokens[":id"].$delete({ param: { id } });
    await view.page.getByRole("heading", { name: "The token is not accepted any more" }).waitFor();
    expect(await view.page.getByRole("alert").innerText()).toMatch(/revoked at/);
    await view.isAccessible();
    await view.page.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
    await view.page.getByRole("button", { name: "Use this token" }).click();
    await rowOf(view, world.table.name).waitFor();
    expect(await view.page.getByLabel("Filter").inputValue()).toBe("table");
    await view.close();
  });

  test("a token of another scope is told what it lacks", async () => {
    const { token } = await tokenWith(world, "runner");
    const view = await openView(world, { token });
    await view.page.getByRole("heading", { name: "The token may not do this" }).waitFor();
    expect(await view.page.getByRole("alert").innerText()).toContain("searches:read");
    await view.close();
  });

  test("a lost connection keeps what is shown, says so, and goes on by itself", async () => {
    const view = await openView(world);
    await rowOf(view, world.table.name).waitFor();
    await view.context.setOffline(true);
    await view.page.getByText("Connection lost.").waitFor();
    await view.page.getByText(/The searches below are from/).waitFor();
    expect(await rowOf(view, world.table.name).count()).toBe(1);
    await view.isAccessible();
    await view.context.setOffline(false);
    await view.page.getByText("Connection lost.").waitFor({ state: "detached" });
    await view.page.getByText(/The searches below are from/).waitFor({ state: "detached" });
    await view.close();
  });

  test("an address that leads nowhere says so", async () => {
    const view = await openView(world, { at: "/nowhere" });
    await view.page.getByRole("heading", { name: "There is no such page" }).waitFor();
    await view.isAccessible();
    await view.page.getByRole("link", { name: "To the searches" }).click();
    await rowOf(view, world.table.name).waitFor();
    await view.close();
  });

  test("the appearance that is chosen is kept", async () => {
    const view = await openView(world, { theme: "light" });
    const ground = () => view.page.evaluate("getComputedStyle(document.body).backgroundColor");
    const light = await ground();
    const button = view.page.getByRole("button", { name: /^Appearance/ });
    await button.click();
    expect(await ground()).toBe(light);
    await button.click();
    expect(await ground()).not.toBe(light);
    await view.page.reload();
    await rowOf(view, world.table.name).waitFor();
    expect(await ground()).not.toBe(light);
    await view.close();
  });

  test("all of it works by the keyboard, from the skip link on", async () => {
    const view = await openView(world);
    await rowOf(view, world.table.name).waitFor();
    await view.page.keyboard.press("Tab");
    await view.page.keyboard.press("Enter");
    expect(await view.page.evaluate("document.activeElement.tagName")).toBe("MAIN");
    await view.page.getByRole("button", { name: /^Token: / }).press("Enter");
    await view.page.getByRole("dialog").getByText("environment").waitFor();
    await view.isAccessible();
    await view.page.keyboard.press("Escape");
    expect(await view.page.getByRole("dialog").count()).toBe(0);
    await view.close();
  });
});

describe.skipIf(hasNoChromium())("the dashboard of a new deployment", () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ isEmpty: true });
  });
  afterAll(() => world?.stop());

  test("says what will be here and how to begin", async () => {
    const view = await openView(world);
    await view.page.getByRole("heading", { name: "No search yet" }).waitFor();
    await view.page.getByRole("link", { name: "Start the first search" }).waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("says in its set-up what to do before a search can run, and what is there when it is wanted", async () => {
    const { client } = world.edge;
    const view = await openView(world, { at: "/setup" });
    const step = (title: string) => view.page.getByRole("listitem").filter({ hasText: title });
    await step("A machine that trains").getByText("A runner has a token and has not come yet.").waitFor();
    expect(await step("Machines by the hour").innerText()).toMatch(/optional[\s\S]*Set a key/);
    await view.page.getByText("Begin with what is open at the top").waitFor();
    for (const { id, scopes } of await client.all(
      (query) => client.v1.tokens.$get({ query }),
      ["id", "scopes"],
    ))
      if (scopes.includes("runner")) await client.v1.tokens[":id"].$delete({ param: { id } });
    await view.page.reload();
    await step("A machine that trains").getByText("No runner has come yet").waitFor();
    await view.suitsAll();
    await step("A machine that trains").getByRole("link", { name: "Make a runner's token" }).click();
    expect(await view.page.getByLabel("Train (runner)").isChecked()).toBe(true);
    await view.close();
  });
});
