/** Choosing an architecture: constraints, the recommendation, comparing, training, files. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listTrainings } from "../../../cli/api.ts";
import { smallSearch } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, tokenWith, type View, type World } from "./world.ts";

const HOSTILE = `<img src=x onerror="document.title='taken'">`;

describe.skipIf(hasNoChromium())("choosing an architecture", () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world?.stop());

  const choose = (rest = "", id = world.table.id) => `/searches/${id}/choose${rest}`;
  const recommended = ({ page }: View) => page.getByRole("region", { name: "Recommended", exact: true });
  const remaining = ({ page }: View) => page.locator(".remaining");

  test("recommends one of the front and says why, in every look", async () => {
    const view = await openView(world, { size: "phone", at: choose() });
    await recommended(view)
      .getByText(/^Of the \d+ that remain it is the most accurate/)
      .waitFor();
    expect(await recommended(view).innerText()).toMatch(/The next with less latency: \d.* % less latency/);
    await view.page.getByRole("region", { name: "Compare two" }).getByRole("row").nth(2).waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("a slider narrows by the keyboard what remains, and the address shares the choice", async () => {
    const view = await openView(world, { at: choose() });
    const slider = view.page.getByRole("slider", { name: "Latency, at most" });
    await slider.press("ArrowLeft");
    await slider.press("ArrowLeft");
    await expect.poll(() => remaining(view).innerText()).toMatch(/^16 of 18/);
    expect(view.page.url()).toMatch(/max_latency=\d/);
    const link = view.page.url();
    const hash = await recommended(view).getByRole("link").first().innerText();
    const other = await view.context.newPage();
    await other.goto(link);
    await other.getByLabel("Token", { exact: true }).fill(world.edge.edge.token);
    await other.getByRole("button", { name: "Use this token" }).click();
    await other.getByText("16 of 18", { exact: true }).waitFor();
    expect(await other.locator(".recommended-head a").innerText()).toBe(hash);
    await view.page.getByRole("button", { name: "Remove all constraints" }).click();
    await expect.poll(() => remaining(view).innerText()).toMatch(/^18 of 18/);
    expect(view.page.url()).not.toContain("max_latency");
    await view.close();
  });

  test("where nothing remains it names what to loosen, and does so", async () => {
    const view = await openView(world, { at: choose("?max_latency=0.001") });
    await view.page.getByRole("heading", { name: "No architecture keeps within all of these" }).waitFor();
    await view.isAccessible();
    await view.page.getByRole("button", { name: "Allow that" }).click();
    await expect.poll(() => remaining(view).innerText()).toMatch(/^1 of 18/);
    await recommended(view).getByText("It is the only one that remains").waitFor();
    await view.close();
  });

  test("compares two side by side, and keeps them in the address", async () => {
    const view = await openView(world, { at: choose() });
    const compare = view.page.getByRole("region", { name: "Compare two" });
    const button = view.page.getByRole("button", { name: /^Compare with/ }).nth(3);
    const hash = (await button.getAttribute("aria-label"))?.split(" ").at(-1) ?? "";
    await button.press("Enter");
    await expect.poll(() => compare.getByLabel("Second").inputValue()).toBe(hash);
    await expect.poll(() => compare.getByRole("row", { name: /^Latency/ }).innerText()).toMatch(/−\d+ %/);
    expect(await compare.getByRole("img").count()).toBe(2);
    await view.page.reload();
    await expect.poll(() => compare.getByLabel("Second").inputValue()).toBe(hash);
    await compare.getByLabel("First").selectOption(hash);
    await compare.getByText("Both are the same one.").waitFor();
    await view.close();
  });

  test("the call of the API makes the same choice, and genotype and call are copied", async () => {
    const view = await openView(world, { at: choose() });
    await view.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await view.page.getByRole("slider", { name: "Latency, at most" }).press("ArrowLeft");
    await view.page.getByRole("button", { name: "Copy call" }).click();
    const call = String(await view.page.evaluate("navigator.clipboard.readText()"));
    const [, address = ""] = /"(http[^"]+)"/.exec(call.replace(/-H "[^"]*"/, "")) ?? [];
    const answer = await fetch(address, { headers: { authorization: `Bearer ${world.edge.edge.token}` } });
    const { data } = (await answer.json()) as { data: { hash: string; text: string }[] };
    expect(data).toHaveLength(1);
    expect(await recommended(view).getByRole("link").first().innerText()).toBe(data[0]?.hash);
    await view.page.getByRole("button", { name: "Copy genotype as text" }).click();
    expect(await view.page.evaluate("navigator.clipboard.readText()")).toBe(data[0]?.text);
    await view.close();
  });

  test("starts a final training, follows it to its end, and downloads what it left", async () => {
    const view = await openView(world, { at: choose("", world.trained.id) });
    await view.page.getByRole("button", { name: "Start final training" }).click();
    const dialog = view.page.getByRole("dialog");
    await dialog.getByText("under a minute of one rented GPU").waitFor();
    await view.isAccessible();
    await dialog.getByLabel("Steps").fill("0");
    await dialog.getByText("Give more than 0 steps.").waitFor();
    expect(await dialog.getByRole("button", { name: "Start training" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Steps").fill("9");
    await dialog.getByRole("button", { name: "Start training" }).click();
    const trainings = view.page.getByRole("region", { name: "Final trainings" });
    const item = trainings.getByRole("article").first();
    await item.getByText("Waits for a runner.").waitFor();
    const runner = world.edge.startRunner(world.trained.id);
    await item.getByText("completed").waitFor({ timeout: 90_000 });
    await runner.stop();
    expect(await item.innerText()).toMatch(/9 steps/);
    const [file] = await Promise.all([
      view.page.waitForEvent("download"),
      item.getByRole("button", { name: "ONNX" }).click(),
    ]);
    const [newest] = await listTrainings(world.edge.client, world.trained.id);
    expect(file.suggestedFilename()).toBe(`${newest?.hash}-model.onnx`);
    expect(readFileSync(await file.path()).includes("classNames")).toBe(true);
    await view.close();
  });

  test("a token that only reads sees what it lacks to train", async () => {
    const { token } = await tokenWith(world, "searches:read");
    const view = await openView(world, { token, at: choose("", world.trained.id) });
    await view.page.getByText("A token with the scope searches:write starts trainings.").waitFor();
    expect(await view.page.getByRole("button", { name: "Start final training" }).isDisabled()).toBe(true);
    await view.close();
  });

  test("a public search is chosen from without a token", async () => {
    const view = await openView(world, { token: null, at: choose("", world.trained.id) });
    await recommended(view).waitFor();
    expect(await view.page.locator("pre").first().innerText()).not.toContain("TOKEN");
    await view.isAccessible();
    await view.close();
  });

  test("missing measurements and huge numbers are told as such, and without accuracies nothing is recommended", async () => {
    const view = await openView(world, { at: "/searches" });
    let isAccuracyKnown = true;
    await view.page.route("**/front", async (route) => {
      const body = await (await route.fetch()).json();
      body.data[0].values.latency = null;
      body.data[1].values.latency = 1.2e21;
      if (!isAccuracyKnown) for (const { values } of body.data) values.accuracy = null;
      await route.fulfill({ json: body });
    });
    await view.goTo(choose());
    await view.page.getByText("1 not measured: a constraint leaves them out.").waitFor();
    await view.page.getByRole("cell", { name: "1.20e+21 ms" }).first().waitFor();
    await view.suitsAll();
    isAccuracyKnown = false;
    await view.page.reload();
    await view.page.getByRole("heading", { name: "Their accuracy is not known yet" }).waitFor();
    await view.isAccessible();
    await view.close();
  });

  test("without anything measured it says so, and a name that is HTML is text", async () => {
    const id = await world.edge.create(smallSearch(HOSTILE));
    const view = await openView(world, { at: choose("", id) });
    await view.page.getByRole("heading", { name: "Nothing to choose from yet" }).waitFor();
    await view.page.getByRole("link", { name: HOSTILE }).waitFor();
    expect(await view.page.title()).toBe("Choose an architecture · Nasturtium");
    await view.isAccessible();
    await view.close();
  });
});
