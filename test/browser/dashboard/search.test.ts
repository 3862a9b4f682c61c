/** The page of a search: what can be done with it, its front, its progress and its events. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSearch } from "../../../cli/api.ts";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'"><b>bold</b>`;

describe.skipIf(hasNoChromium())("the page of a search", () => {
  let world: World;
  let waiting: string;

  beforeAll(async () => {
    world = await startWorld();
    waiting = await world.edge.create({ ...smallSearch(HOSTILE), visibility: "public" });
  });
  afterAll(() => world?.stop());

  const front = ({ page }: View) => page.getByRole("img", { name: /^Accuracy against/ });
  const drawn = ({ page }: View) => page.locator(".picture-canvas canvas").first().waitFor();
  const row = ({ page }: View) => page.locator(".front-table tbody tr");
  const chosen = ({ page }: View) => page.locator(".selection");
  const boxOf = async (view: View) => {
    await drawn(view);
    const box = await front(view).boundingBox();
    if (box === null) throw new Error("the picture has no place");
    return box;
  };

  test("each view can be read and fits, in every look", async () => {
    const view = await openView(world, { size: "phone", at: `/searches/${world.table.id}` });
    await view.page.getByRole("heading", { level: 1, name: world.table.name }).waitFor();
    await row(view).first().waitFor();
    await view.suitsAll();
    await view.goTo(`/searches/${world.supernet.id}?view=progress`);
    await view.page.getByRole("heading", { name: "Loss" }).waitFor();
    await view.suitsAll();
    await view.page.getByRole("tab", { name: "Events" }).click();
    await view.page.getByText("Started.").waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("a point that is clicked is shown with its cell, kept in the address, and leads to its page", async () => {
    const view = await openView(world, { at: `/searches/${world.table.id}` });
    const name = (await row(view).first().locator("code").innerText()).trim();
    await row(view).first().getByRole("button").click();
    await chosen(view).getByText(name).waitFor();
    await chosen(view).getByRole("img").first().waitFor();
    expect(view.page.url()).toContain(`architecture=${name}`);
    expect(await chosen(view).getByRole("link", { name: "Its page" }).getAttribute("href")).toBe(
      `#/searches/${world.table.id}/architectures/${name}`,
    );
    await view.page.reload();
    await chosen(view).getByText(name).waitFor();
    await chosen(view).getByRole("button", { name: "Clear" }).click();
    await chosen(view).getByText("Nothing chosen").waitFor();
    await chosen(view).getByRole("button", { name: "Best latency" }).click();
    await chosen(view).getByRole("link", { name: "Its page" }).waitFor();
    await view.close();
  });

  test("hovering shows the cell, a click chooses, dragging zooms and is undone", async () => {
    const view = await openView(world, { at: `/searches/${world.table.id}` });
    const { mouse } = view.page;
    await front(view).scrollIntoViewIfNeeded();
    const box = await boxOf(view);
    const card = view.page.locator(".picture-card");
    await expect
      .poll(async () => {
        for (let x = 0.08; x < 0.95 && (await card.count()) === 0; x += 0.01)
          for (let y = 0.08; y < 0.9 && (await card.count()) === 0; y += 0.03)
            await mouse.move(box.x + x * box.width, box.y + y * box.height);
        return card.count();
      })
      .toBe(1);
    await card.locator("svg").first().waitFor();
    expect(await card.innerText()).toMatch(/Accuracy\s+[\d.]+ %/);
    await mouse.down();
    await mouse.up();
    await chosen(view).getByRole("button", { name: "Copy genotype" }).waitFor();
    const all = view.page.getByRole("button", { name: "Show all" });
    expect(await all.isDisabled()).toBe(true);
    await mouse.move(box.x + 0.3 * box.width, box.y + 0.3 * box.height);
    await mouse.down();
    await mouse.move(box.x + 0.6 * box.width, box.y + 0.7 * box.height, { steps: 4 });
    await view.page.locator(".picture-brush").waitFor();
    await mouse.up();
    await expect.poll(() => all.isDisabled()).toBe(false);
    await all.click();
    await expect.poll(() => all.isDisabled()).toBe(true);
    await view.page.getByRole("button", { name: "Zoom in" }).press("Enter");
    await expect.poll(() => all.isDisabled()).toBe(false);
    await view.close();
  });

  test("a candidate that was not kept is shown from its round, with a genotype to copy", async () => {
    const { client } = world.edge;
    const query = { limit: 200 };
    const param = { id: world.supernet.id };
    const candidates = await (await client.v1.searches[":id"].candidates.$get({ param, query })).json();
    const archived = await (await client.v1.searches[":id"].front.$get({ param, query: {} })).json();
    const known = new Set(archived.data.map(({ hash }) => hash));
    const unkept = [];
    for (const { hash } of candidates.data)
      if (!known.has(hash) && !(await isKept(world, hash))) unkept.push(hash);
    const [hash] = unkept;
    const view = await openView(world, { at: `/searches/${world.supernet.id}?architecture=${hash}` });
    await chosen(view).getByText("has no page of its own").waitFor();
    await chosen(view).getByRole("button", { name: "Copy genotype" }).waitFor();
    expect(await chosen(view).getByRole("link").count()).toBe(0);
    await view.goTo(`/searches/${world.supernet.id}?architecture=never`);
    await chosen(view).getByText("measured nothing of that name").waitFor();
    await view.close();
  });

  test("any two objectives can be drawn; the one that the other axis has is swapped", async () => {
    const view = await openView(world, { at: `/searches/${world.table.id}` });
    await drawn(view);
    await view.page.getByLabel("Up").selectOption("latency");
    await view.page.getByRole("img", { name: /^Latency against Accuracy/ }).waitFor();
    expect(await view.page.getByLabel("Across").inputValue()).toBe("accuracy");
    await view.page.reload();
    await view.page.getByRole("img", { name: /^Latency against Accuracy/ }).waitFor();
    await view.close();
  });

  test("the table of the front sorts by each objective, and the picture saves as SVG, PNG and CSV", async () => {
    const view = await openView(world, { at: `/searches/${world.table.id}` });
    await drawn(view);
    const first = () => row(view).first().innerText();
    const best = await first();
    await view.page.locator(".front-table").getByRole("button", { name: "Latency" }).click();
    await view.page.locator(".front-table").getByRole("button", { name: "Latency" }).click();
    await expect.poll(first).not.toBe(best);
    for (const [name, ending] of [
      ["SVG", ".svg"],
      ["PNG", ".png"],
    ] as const) {
      const saved = view.page.waitForEvent("download");
      await view.page.getByRole("button", { name }).click();
      expect((await saved).suggestedFilename()).toBe(`pareto-front${ending}`);
    }
    await view.page.getByText("The figures as a table").click();
    const saved = view.page.waitForEvent("download");
    await view.page.locator(".picture").getByRole("button", { name: "CSV" }).click();
    expect(readFileSync(await (await saved).path(), "utf8")).toMatch(/^Architecture,Latency,Accuracy/);
    await view.close();
  });

  test("events are filtered by what they are about, and saved as JSON without a gap", async () => {
    const view = await openView(world, { at: `/searches/${world.supernet.id}?view=events` });
    await view.page.getByText("Started.").waitFor();
    await view.page.getByLabel("About").selectOption("stage");
    await expect.poll(() => view.page.getByText("Started.").count()).toBe(0);
    await view.page.getByText(/Stage 1 is completed/).waitFor();
    const saved = view.page.waitForEvent("download");
    await view.page.getByRole("button", { name: "Download as JSON" }).click();
    const events = JSON.parse(readFileSync(await (await saved).path(), "utf8")) as { sequence: number }[];
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    await view.close();
  });

  test("pausing and resuming shows at once, with its events", async () => {
    const id = await world.edge.create(smallSearch("steered"));
    const view = await openView(world, { at: `/searches/${id}?view=events` });
    const { page } = view;
    await page.getByText("Created.").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator(".page-head").getByText("paused").waitFor();
    await page.getByText("Paused.", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("Goes on.", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await view.close();
  });

  test("events come once each and in order though the connection is lost twice", async () => {
    const { client } = world.edge;
    const param = { id: world.supernet.id };
    const { data } = await (await client.v1.searches[":id"].events.$get({ param, query: {} })).json();
    const told = ({ sequence, ...event }: (typeof data)[number]) =>
      `retry: 100\nid: ${sequence}\ndata: ${JSON.stringify(event)}\n\n`;
    const asked: (string | undefined)[] = [];
    const view = await openView(world, { at: "/searches" });
    await view.page.route("**/events", async (route) => {
      asked.push(route.request().headers()["last-event-id"]);
      if (asked.length === 2) return route.abort();
      if (asked.length > 2) return route.continue();
      // Three, the last one cut off.
      const body = data.slice(0, 3).map(told).join("").slice(0, -4);
      return route.fulfill({ body, contentType: "text/event-stream" });
    });
    await view.goTo(`/searches/${world.supernet.id}?view=events`);
    const lines = view.page.locator(".events li");
    await expect.poll(() => lines.count()).toBe(data.length);
    expect(asked.slice(0, 3)).toEqual(["0", "2", "2"]);
    const types = await lines.locator("code").allInnerTexts();
    expect(types.toReversed()).toEqual(data.map(({ type }) => type));
    await view.close();
  });

  test("cancelling and deleting ask first; a deleted search is gone from the list", async () => {
    const id = await world.edge.create(smallSearch("unwanted"));
    const view = await openView(world, { at: `/searches/${id}` });
    const { page } = view;
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Cancel" }).press("Enter");
    await dialog.getByRole("button", { name: "Keep it as it is" }).click();
    expect((await readSearch(world.edge.client, id)).state).toBe("queued");
    await page.getByRole("button", { name: "Cancel" }).click();
    await view.isAccessible();
    await dialog.getByRole("button", { name: "Cancel the search" }).click();
    await page.locator(".page-head").getByText("cancelled").waitFor();
    await page.getByText("More").press("Enter");
    await page.getByRole("button", { name: "Delete" }).click();
    await dialog.getByRole("button", { name: "Delete for good" }).click();
    await page.getByRole("heading", { level: 1, name: "Searches" }).waitFor();
    await page.getByRole("link", { name: world.table.name }).waitFor();
    expect(await page.getByRole("link", { name: "unwanted" }).count()).toBe(0);
    await view.goTo(`/searches/${id}`);
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await view.close();
  });

  test("visibility is changed with a warning, and all of a finished search is exported", async () => {
    const view = await openView(world, { at: `/searches/${world.table.id}` });
    const { page } = view;
    await page.getByText("More").click();
    await page.getByRole("button", { name: "Make public" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Make public" }).click();
    await page.locator(".page-title").getByText("public").waitFor();
    await page.getByText("More").click();
    await view.isAccessible();
    for (const [name, ending] of [
      ["Export archive", /\.tar$/],
      ["Front as CSV", /\.csv$/],
    ] as const) {
      const saved = page.waitForEvent("download");
      await page.getByRole("button", { name }).click();
      expect((await saved).suggestedFilename()).toMatch(ending);
    }
    await page.getByRole("button", { name: "Make private" }).click();
    await page.getByText("Only with a token can it be seen now.").waitFor();
    await page.locator(".page-title").getByText("public").waitFor({ state: "detached" });
    await view.close();
  });

  test("a search that waits says what will be here, and its name is the text that it is", async () => {
    const view = await openView(world, { at: `/searches/${waiting}` });
    await view.page.getByRole("heading", { name: "No candidate yet" }).waitFor();
    expect(await view.page.getByRole("heading", { level: 1 }).innerText()).toBe(HOSTILE);
    expect(await view.page.title()).toBe(`${HOSTILE} · Nasturtium`);
    await view.isAccessible();
    await view.page.getByRole("tab", { name: "Front" }).press("ArrowRight");
    await view.page.getByRole("heading", { name: "No round is over yet" }).waitFor();
    expect(view.page.url()).toContain("view=progress");
    await view.close();
  });

  test("a search that failed says why, and so does one whose candidates are all beyond a limit", async () => {
    const view = await openView(world, { at: "/searches" });
    await view.page.route(`**/v1/searches/${world.supernet.id}`, async (route) => {
      const search = await (await route.fetch()).json();
      const failure = "its data set is gone <b>for good</b>";
      await route.fulfill({ json: { ...search, state: "failed", failure } });
    });
    await view.goTo(`/searches/${world.supernet.id}`);
    const failed = view.page.getByRole("alert").filter({ hasText: "The search has failed" });
    await failed.getByText("its data set is gone <b>for good</b>", { exact: true }).waitFor();
    await row(view).first().waitFor();
    await view.suitsAll();
    await view.page.route("**/front", (route) => route.fulfill({ json: { data: [] } }));
    await view.goTo(`/searches/${world.table.id}`);
    await view.page.getByRole("heading", { name: "Nothing is within the limits yet" }).waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("a public search is seen without a token, without its cost and without what changes it", async () => {
    const view = await openView(world, { token: null, at: `/searches/${waiting}` });
    await view.page.getByRole("heading", { name: "No candidate yet" }).waitFor();
    expect(await view.page.getByRole("button", { name: "Pause" }).count()).toBe(0);
    await view.page.getByText("Shown to whoever has a token").waitFor();
    await view.close();
  });

  test("a token that only reads is offered nothing that changes a search", async () => {
    const { token } = await tokenWith(world, "searches:read");
    const view = await openView(world, { token, at: `/searches/${world.supernet.id}` });
    await row(view).first().waitFor();
    await view.page.getByText("More").click();
    expect(await view.page.getByRole("button", { name: /Pause|Cancel|Delete|Make/ }).count()).toBe(0);
    await view.close();
  });

  test("candidates that do not load leave the front, and are asked for again", async () => {
    const view = await openView(world, { at: "/searches" });
    await view.page.route("**/points*", (route) => route.fulfill({ status: 404, body: "{}" }));
    await view.goTo(`/searches/${world.table.id}`);
    await view.page.getByText("The candidates could not be loaded").waitFor();
    await row(view).first().waitFor();
    await view.page.unroute("**/points*");
    await view.page.getByRole("button", { name: "Try again" }).click();
    await view.page.getByRole("img", { name: /: 60 candidates/ }).waitFor();
    await view.close();
  });

  test("missing measurements and huge numbers are told as such", async () => {
    const view = await openView(world, { at: "/searches" });
    await view.page.route("**/front", async (route) => {
      const body = await (await route.fetch()).json();
      body.data[0].values.latency = null;
      body.data[1].values.latency = 1.2e21;
      await route.fulfill({ json: body });
    });
    await view.goTo(`/searches/${world.table.id}`);
    await row(view).getByText("not measured").waitFor();
    await row(view).getByText("1.20e+21 ms").waitFor();
    await view.fits();
    await view.close();
  });
});

async function isKept({ edge, supernet }: World, hash: string): Promise<boolean> {
  const param = { id: supernet.id, hash };
  return edge.client.v1.searches[":id"].architectures[":hash"].$get({ param }).then(
    () => true,
    () => false,
  );
}
