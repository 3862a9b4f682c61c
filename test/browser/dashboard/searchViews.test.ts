/** The views of a search across its objectives, its policy and its time. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'"><b>bold</b>`;

/** Where a view of a search is. */
const addressOf = (id: string, view: "objectives" | "policy" | "timeline", query = ""): string =>
  `/searches/${id}?view=${view}${query && `&${query}`}`;

describe.skipIf(hasNoChromium())("a search", () => {
  let world: World;
  /** Nobody takes it; anyone may see it. */
  let untaken: string;

  beforeAll(async () => {
    world = await startWorld();
    untaken = await world.edge.create({
      ...smallSearch(HOSTILE),
      strategy: { name: "random" },
      visibility: "public",
    });
  });
  afterAll(() => world?.stop());

  const drawn = async ({ page }: View, title: string) => {
    const figure = page.locator("figure").filter({ has: page.getByRole("heading", { name: title }) });
    // Drawn once it is on the screen.
    await figure.scrollIntoViewIfNeeded();
    await figure.locator("canvas").first().waitFor();
  };
  const rows = ({ page }: View) =>
    page.getByRole("table", { name: "Architectures", exact: true }).locator("tbody tr");

  test("has views that all can use, in every look", async () => {
    const view = await openView(world, { size: "phone", at: addressOf(world.table.id, "objectives") });
    await drawn(view, "Objectives");
    await view.suitsAll();
    await view.goTo(addressOf(world.supernet.id, "policy"));
    await drawn(view, "Normal cells");
    await view.suitsAll();
    await view.goTo(addressOf(world.table.id, "timeline"));
    await drawn(view, "Timeline");
    await view.suitsAll();
    await view.close();
  });

  test("is filtered by its objectives, in fields and along an axis, and keeps that in the address", async () => {
    const view = await openView(world, { at: addressOf(world.table.id, "objectives") });
    const { page } = view;
    await drawn(view, "Objectives");
    expect(await rows(view).count()).toBe(50);
    const accuracy = page.getByRole("group", { name: /^Accuracy/ });
    await accuracy.getByLabel("at least").fill("80");
    await expect.poll(() => rows(view).count()).toBeLessThan(50);
    const few = await rows(view).count();
    await page
      .locator("p")
      .filter({ hasText: `${few} of 60 architectures` })
      .first()
      .waitFor();
    await page.reload();
    await expect.poll(() => rows(view).count()).toBe(few);
    await page.getByRole("button", { name: "Show all" }).click();
    await expect.poll(() => rows(view).count()).toBe(50);
    await page.locator(".picture-canvas").scrollIntoViewIfNeeded();
    await drawn(view, "Objectives");
    const box = await page.locator(".picture-canvas").boundingBox();
    if (box === null) throw new Error("the picture is there");
    await page.mouse.move(box.x + 64, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 66, box.y + 120, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => accuracy.getByLabel("at least").inputValue()).not.toBe("");
    await expect.poll(() => rows(view).count()).toBeLessThan(50);
    await accuracy.getByLabel("at least").fill("99");
    await page.getByRole("heading", { name: "No architecture is within all ends" }).waitFor();
    expect(await accuracy.getByText("More than at most: nothing fits.").count()).toBe(1);
    await view.close();
  });

  test("leads from an architecture's row to its page, and marks it in the picture", async () => {
    const view = await openView(world, { at: addressOf(world.table.id, "objectives") });
    const first = rows(view).first();
    const hash = await first.getByRole("link").innerText();
    expect(await first.getByRole("link").getAttribute("href")).toBe(
      `#/searches/${world.table.id}/architectures/${hash}`,
    );
    const mark = first.getByRole("button", { name: `Mark ${hash}` });
    await mark.press("Enter");
    await expect.poll(() => mark.getAttribute("aria-pressed")).toBe("true");
    expect(view.page.url()).toContain(`mark=${hash}`);
    await view.close();
  });

  test("shows its policy of any round by keys, by stage and by itself", async () => {
    const view = await openView(world, { at: addressOf(world.supernet.id, "policy") });
    const { page } = view;
    const slider = page.getByRole("slider", { name: "Round" });
    await slider.press("Home");
    await expect.poll(() => slider.getAttribute("aria-valuetext")).toMatch(/^in round 0, stage 1/);
    const picture = page.getByRole("img", { name: /in normal cells in round 0/ });
    await picture.waitFor();
    expect(await picture.getAttribute("aria-label")).not.toContain("pruned");
    await slider.press("ArrowRight");
    await expect.poll(() => slider.getAttribute("aria-valuetext")).toMatch(/^in round 1,/);
    await page.getByRole("button", { name: /^To the begin of stage 2/ }).press("Enter");
    await expect.poll(() => slider.getAttribute("aria-valuetext")).toMatch(/stage 2/);
    await page.getByRole("img", { name: /in normal cells.*were pruned/ }).waitFor();
    const rounds = page.getByRole("region", { name: "Rounds" });
    await rounds.getByRole("button", { name: "Play" }).press("Enter");
    await rounds.getByRole("button", { name: "Pause" }).waitFor();
    await expect.poll(() => slider.getAttribute("aria-valuetext")).toMatch(/^now/);
    await rounds.getByRole("button", { name: "Play" }).waitFor();
    await view.close();
  });

  test("tells of an operation how probable it was and why it was pruned", async () => {
    const view = await openView(world, { at: addressOf(world.supernet.id, "policy") });
    const { page } = view;
    const figure = page.locator("figure").first();
    await figure.getByText("The figures as a table").click();
    const pruned = figure
      .locator("tbody tr")
      .filter({ hasText: /pruned after stage 1/ })
      .first();
    await pruned.getByRole("button").click();
    const facts = page.locator(".policy-facts");
    await facts.getByText("no candidate any more").waitFor();
    await facts.getByText(/Pruned in round/).waitFor();
    expect(await facts.innerText()).toMatch(/when the schedule took one|measured worse/);
    await facts.getByRole("button", { name: "Close" }).click();
    await page.getByText(/^After stage 1, round/).click();
    await page
      .getByRole("table", { name: /^Prunings after round/ })
      .locator("s")
      .first()
      .waitFor();
    await view.close();
  });

  test("says where there is no policy, and what a table's is", async () => {
    const view = await openView(world, { at: addressOf(untaken, "policy") });
    await view.page.getByRole("heading", { name: "This search keeps no policy" }).waitFor();
    await view.isAccessible();
    await view.goTo(addressOf(world.table.id, "policy"));
    await view.page.getByText(/on a table keeps no policy of the past/).waitFor();
    await view.close();
  });

  test("lists its faults with reasons, and shows what is under the pointer and a part of its time", async () => {
    const view = await openView(world, { at: addressOf(world.table.id, "timeline") });
    const { page } = view;
    await drawn(view, "Timeline");
    const fault = page.getByRole("table", { name: "Faults" }).locator("tbody tr").first();
    expect(await fault.innerText()).toMatch(/A runner was not heard of again[\s\S]*runner [a-z2-7]+/);
    const canvas = page.locator(".picture-canvas");
    const told = page.locator(".picture-card").getByText(/The search was running for/);
    await canvas.scrollIntoViewIfNeeded();
    const area = async () => (await canvas.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    let moves = 0;
    // What comes above the picture moves it.
    await expect
      .poll(async () => {
        const { x, y, width } = await area();
        await page.mouse.move(x + width / 2 + (moves++ % 2), y + 26);
        return told.count();
      })
      .toBe(1);
    const { x, y, width } = await area();
    await page.mouse.down();
    await page.mouse.move(x + width * 0.8, y + 60, { steps: 4 });
    await page.mouse.up();
    const all = page.getByRole("button", { name: "Show all" });
    await expect.poll(() => all.isEnabled()).toBe(true);
    await all.press("Enter");
    await expect.poll(() => all.isEnabled()).toBe(false);
    await page.getByText("The figures as a table").click();
    await page
      .getByRole("region", { name: "Figures: Timeline" })
      .getByText(/^Runner .* worked on rounds/)
      .first()
      .waitFor();
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "SVG" }).click();
    expect((await saved).suggestedFilename()).toMatch(/\.svg$/);
    await view.close();
  });

  test("that nobody took says what will be here, to anyone, and names that are HTML stay text", async () => {
    const view = await openView(world, { token: null, at: addressOf(untaken, "timeline") });
    const { page } = view;
    await page.getByRole("heading", { name: "Nobody works on it yet" }).waitFor();
    await page.getByText(/show with a token of the scope searches:read/).waitFor();
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(HOSTILE);
    await view.isAccessible();
    await view.goTo(addressOf(untaken, "objectives"));
    await page.getByRole("heading", { name: "Nothing was measured yet" }).waitFor();
    expect(await page.locator("h1 b, h1 img").count()).toBe(0);
    await view.close();
  });
});
