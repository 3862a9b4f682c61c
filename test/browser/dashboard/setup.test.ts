/** The set-up of a new deployment: what is still to do, tokens, data and providers. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeCloud } from "../../fakes/cloud.ts";
import { type ServedFake, serveFake } from "../../fakes/serve.ts";
import { vastFake } from "../../fakes/vast.ts";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'">`;

const offer = {
  id: "offer1",
  gpu: "RTX 4090",
  gpuMemoryGb: 24,
  priceUsdPerHour: 0.44,
  host: "host1",
  location: "Sweden, SE",
  capacity: 3,
};

const parts = {
  "/setup": "Set-up",
  "/setup/tokens": "Tokens",
  "/setup/webhooks": "Webhooks",
  "/setup/triggers": "Triggers",
  "/setup/devices": "Devices",
  "/setup/data": "Data and providers",
};
const forms = {
  "/setup/tokens?new=runner": "New token",
  "/setup/webhooks?new=1": "New webhook",
  "/setup/triggers?new=template": "New template",
  "/setup/devices?new=device": "Connect a device",
  "/setup/devices?new=endpoint": "Add an endpoint",
};

describe.skipIf(hasNoChromium())("the set-up of a new deployment", () => {
  let world: World;
  let vast: ServedFake;

  beforeAll(async () => {
    vast = await serveFake(
      vastFake(new FakeCloud({ now: Date.now, bootSeconds: 1, key: "a-key", offers: [offer] })),
    );
    world = await startWorld({ isEmpty: true, vars: vast.env });
  });
  afterAll(async () => {
    await world?.stop();
    await vast?.close();
  });

  const isLoaded = async ({ page }: View, title: string) => {
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.locator("main .loading").first().waitFor({ state: "detached" });
  };
  const step = ({ page }: View, title: string) => page.getByRole("listitem").filter({ hasText: title });

  test("each part of it is accessible and fits in every look", async () => {
    const view = await openView(world, { at: "/setup" });
    for (const [address, title] of Object.entries(parts)) {
      await view.goTo(address);
      await isLoaded(view, title);
      await view.suitsAll();
    }
    await view.close();
  });

  test("its forms are accessible and fit in every look", async () => {
    const view = await openView(world, { size: "phone", at: "/setup" });
    for (const [address, name] of Object.entries(forms)) {
      await view.goTo(address);
      await view.page.getByRole("form", { name }).waitFor();
      await view.suitsAll();
    }
    await view.close();
  });

  test("says what is still to do, and each next step leads to where it is done", async () => {
    const view = await openView(world, { at: "/setup" });
    await isLoaded(view, "Set-up");
    expect(await step(view, "A machine that trains").innerText()).toMatch(/rent their machines/);
    expect(await step(view, "Machines by the hour").innerText()).toMatch(/keys of Vast\.ai/);
    for (const [title, link, shown] of [
      ["Word of what happens", "Make a webhook", "New webhook"],
      ["Devices that measure", "Connect a device", "Connect a device"],
      ["Searches that start by themselves", "Make a template", "New template"],
    ] as const) {
      await step(view, title).getByRole("link", { name: link }).click();
      await view.page.getByRole("form", { name: shown }).waitFor();
      await view.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Set-up" }).click();
    }
    await step(view, "Data of your own").getByRole("link").click();
    await view.page.getByText("nasturtium data push FOLDER").waitFor();
    await view.close();
  });

  test("a token that is made is shown once, works, and can be copied", async () => {
    const view = await openView(world, { at: "/setup/tokens" });
    await view.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await view.page.getByRole("button", { name: "New token" }).press("Enter");
    await view.page.getByLabel("Name", { exact: true }).fill(HOSTILE);
    await view.page.getByLabel("Look (searches:read)").check();
    await view.page.getByLabel("Expires").selectOption("week");
    await view.page.getByLabel("Name", { exact: true }).press("Enter");
    const made = view.page.getByRole("region", { name: `The token ${HOSTILE}` });
    const secret = await made.locator("pre").innerText();
    await view.isAccessible();
    await made.getByRole("button", { name: "Copy secret" }).click();
    expect(await view.page.evaluate("navigator.clipboard.readText()")).toBe(secret);
    const answer = await fetch(`${world.edge.edge.url}/v1/me`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    expect(await answer.json()).toMatchObject({ token: { name: HOSTILE, scopes: ["searches:read"] } });
    await made.getByRole("button", { name: "I have stored it" }).click();
    await view.page.getByRole("cell", { name: HOSTILE, exact: true }).waitFor();
    expect(await view.page.getByRole("row").filter({ hasText: HOSTILE }).innerText()).toMatch(
      /in 6 d|in 7 d/,
    );
    expect(await view.page.content()).not.toContain(secret);
    await view.close();
  });

  test("a token is bound to one search and told what is wrong with it", async () => {
    const id = await world.edge.create(smallSearch("bound"));
    const view = await openView(world, { at: "/setup/tokens?new=1" });
    const create = view.page.getByRole("button", { name: "Create the token" });
    await view.page.getByLabel("Name", { exact: true }).fill("bound runner");
    await create.click();
    await view.page.getByText("Correct the marked field").waitFor();
    await view.page.getByLabel("Train (runner)").check();
    await view.page.getByLabel("Expires").selectOption("at");
    await view.page.getByLabel("Time", { exact: true }).fill("2020-01-01T00:00");
    await create.click();
    await view.page.getByText("must be in the future").waitFor();
    expect(await view.page.getByLabel("Time", { exact: true }).getAttribute("aria-invalid")).toBe("true");
    await view.page.getByLabel("Expires").selectOption("");
    await view.page.getByLabel("Works for").selectOption(id);
    await create.click();
    await view.page.getByRole("region", { name: "The token bound runner" }).waitFor();
    await view.page.getByRole("cell", { name: "only for bound" }).waitFor();
    await view.close();
  });

  test("a token is revoked only after a question, and is then refused", async () => {
    const { token } = await tokenWith(world, "searches:write");
    const view = await openView(world, { at: "/setup/tokens" });
    await view.page.getByRole("button", { name: "Revoke searches:write" }).click();
    await view.page.getByRole("button", { name: "Keep it as it is" }).click();
    await view.page.getByRole("button", { name: "Revoke searches:write" }).click();
    await view.isAccessible();
    await view.page.getByRole("button", { name: "Revoke it" }).click();
    await view.page.getByRole("button", { name: "Revoke searches:write" }).waitFor({ state: "detached" });
    await view.page.getByLabel("Show those that are revoked or expired").check();
    await view.page.getByText(/^revoked /).waitFor();
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${world.edge.edge.url}/v1/searches`, { headers })).status).toBe(401);
    await view.close();
  });

  test("a token that may not manage is told so, and sees what it may", async () => {
    const { token } = await tokenWith(world, "searches:read");
    const view = await openView(world, { token, at: "/setup/tokens" });
    await view.page.getByRole("heading", { name: "The token may not do this" }).waitFor();
    expect(await view.page.getByRole("button", { name: "New token" }).count()).toBe(0);
    await view.isAccessible();
    await view.goTo("/setup");
    await isLoaded(view, "Set-up");
    expect(await step(view, "Word of what happens").innerText()).toMatch(/does not see this/);
    await view.close();
  });

  test("providers show whose key is set, how to set the others, and what is offered now", async () => {
    const view = await openView(world, { at: "/setup/data" });
    const shown = view.page.getByRole("region", { name: "Vast.ai" });
    await shown.getByRole("button", { name: "Show what Vast.ai offers now" }).click();
    await shown.getByRole("row").nth(1).waitFor();
    expect(await shown.getByRole("row").nth(1).innerText()).toMatch(/GB[\s\S]*\$\d/);
    await view.isAccessible();
    const other = view.page.getByRole("region", { name: "RunPod" });
    expect(await other.innerText()).toContain("npm run wrangler -- secret put RUNPOD_API_KEY");
    await view.close();
  });
});
