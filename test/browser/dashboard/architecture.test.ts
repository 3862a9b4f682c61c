/** The page of one architecture, with a try of its trained model. */

import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listTrainings, readFront, type Training } from "../../../cli/api.ts";
import { rootDir } from "../../../setup/node.mjs";
import { hasNoChromium } from "../chromium.ts";
import { openView, startWorld, type View, type World } from "./world.ts";

const boot = path.join(rootDir, "docs/images/boot.png");

describe.skipIf(hasNoChromium())("the page of an architecture", () => {
  let world: World;
  let training: Training;
  let at: string;

  beforeAll(async () => {
    world = await startWorld();
    training = await onlyTraining(world);
    at = `/searches/${world.trained.id}/architectures/${training.hash}`;
  });
  afterAll(() => world?.stop());

  const region = ({ page }: View, name: string) => page.getByRole("region", { name, exact: true });
  const load = async (view: View) => {
    await view.page.getByRole("button", { name: "Load the model" }).press("Enter");
    await view.page.getByRole("button", { name: /^Sample 1,/ }).waitFor();
  };

  test("shows cells, measurements, network, trainings and the model, in every look", async () => {
    const view = await openView(world, { size: "phone", at });
    await load(view);
    await view.page.getByRole("button", { name: /^Sample 1,/ }).click();
    await view.page.getByText(/^Took .* by TensorFlow.js on wasm/).waitFor();
    expect(await region(view, "What was measured").innerText()).toMatch(/fully trained/);
    await region(view, "Its cells")
      .getByRole("img", { name: /^Reduction cell/ })
      .waitFor();
    await view.page.locator(".parts summary").nth(1).click();
    await view.page.getByText("sums and output").first().waitFor();
    await view.suitsAll();
    await view.close();
  });

  test("the counts of the parts add up to the totals, which are what the search measured", async () => {
    const view = await openView(world, { at });
    await region(view, "The whole network").waitFor();
    const counts = (selector: string) =>
      view.page.locator(selector).evaluateAll((cells) => cells.map(({ textContent }) => textContent ?? ""));
    const numbers = (texts: readonly string[]) => texts.map((text) => Number(text.replaceAll(",", "")));
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    for (const title of ["parameters", "MACs"]) {
      const parts = numbers(await counts(`summary.part-row .count[data-title="${title}"]`));
      const [total = 0] = numbers(await counts(`.part-total .count[data-title="${title}"]`));
      expect(parts.length).toBe(5);
      expect(sum(parts)).toBe(total);
    }
    const [row] = await readFront(world.edge.client, world.trained.id);
    const [total] = numbers(await counts(`.part-total .count[data-title="parameters"]`));
    expect(total).toBe(row?.values.parameters);
    await view.close();
  });

  test("the model says in the page what it makes of a sample and of one's own file, and of no image that it is none", async () => {
    const view = await openView(world, { at });
    await load(view);
    expect(await view.page.getByRole("button", { name: /^Sample \d+,/ }).count()).toBe(24);
    await view.page.getByRole("button", { name: /^Sample 2,/ }).press("Enter");
    const answer = view.page.locator(".answer");
    await answer.waitFor();
    const shares = (await answer.locator(".answer-share").allInnerTexts()).map(Number.parseFloat);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    expect(shares.reduce((total, share) => total + share, 0)).toBeLessThanOrEqual(100.5);
    const own = view.page.getByLabel("Your own image");
    await own.setInputFiles(boot);
    await view.page.getByRole("img", { name: "boot.png, as the network sees it" }).waitFor();
    const before = await answer.innerText();
    await view.page.getByLabel("Invert my image").check();
    await expect.poll(() => answer.innerText()).not.toBe(before);
    await own.setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("no image") });
    await view.page.getByText("The browser cannot read this file as an image.").waitFor();
    await view.isAccessible();
    await view.close();
  });

  test("a model that cannot be fetched is told, and can be tried again", async () => {
    const view = await openView(world, { at });
    const model = "**/exports/tfjs";
    await view.page.route(model, (route) => route.fulfill({ status: 500, body: "" }));
    await view.page.getByRole("button", { name: "Load the model" }).click();
    await view.page.getByText("The edge answered 500").waitFor();
    await view.page.unroute(model);
    await view.page.getByRole("button", { name: "Try again" }).click();
    await view.page.getByRole("button", { name: /^Sample 1,/ }).waitFor();
    await view.close();
  });

  test("images of pushed data are not asked for without a token, and one's own are tried all the same", async () => {
    const view = await openView(world, { token: null, at: "/nowhere" });
    await view.page.route(`**/v1/searches/${world.trained.id}`, async (route) => {
      const search = await (await route.fetch()).json();
      search.specification.dataset.name = "of-somebody";
      await route.fulfill({ json: search });
    });
    const asked: string[] = [];
    view.page.on("request", (request) => asked.push(request.url()));
    await view.goTo(at);
    await view.page.getByRole("button", { name: "Load the model" }).click();
    await view.page.getByText("Its own test images show with a token").waitFor();
    await view.page.getByLabel("Your own image").setInputFiles(boot);
    await view.page.locator(".answer").waitFor();
    expect(asked.filter((url) => url.endsWith("/exports/samples"))).toEqual([]);
    await view.suitsAll();
    await view.close();
  });

  test("missing measurements and huge numbers are told as such", async () => {
    const view = await openView(world, { at: "/searches" });
    await view.page.route("**/architectures/*", async (route) => {
      const body = await (await route.fetch()).json();
      for (const measurement of body.measurements)
        Object.assign(measurement, {
          values: { accuracy: null, parameters: 1.2e21 },
          standardErrors: {},
          testAccuracy: null,
        });
      await route.fulfill({ json: body });
    });
    await view.goTo(at);
    const shown = region(view, "What was measured");
    await shown.waitFor();
    expect(await shown.innerText()).toMatch(/Accuracy\s+–\s+not measured\s+Parameters\s+1\.20e\+21/);
    await view.page.getByText("History").click();
    await view.suitsAll();
    await view.close();
  });

  test("tells how to make it again, and how its training went", async () => {
    const view = await openView(world, { token: null, at });
    expect(await region(view, "Reproduce it").locator("pre").innerText()).toContain(
      `nasturtium train ${world.trained.id} ${training.hash}`,
    );
    const loss = view.page.getByRole("figure", { name: "Training loss" });
    await loss.scrollIntoViewIfNeeded();
    await loss.locator("canvas").waitFor();
    expect(await loss.innerText()).toMatch(/after 12 steps/);
    await view.page.getByText("History").click();
    await view.page.getByRole("row", { name: /^Stage 1/ }).waitFor();
    await view.close();
  });

  test("one of a table has no network to look at, and one that nobody trained none to try", async () => {
    const [onTable] = await readFront(world.edge.client, world.table.id);
    const view = await openView(world, { at: `/searches/${world.table.id}/architectures/${onTable?.hash}` });
    await region(view, "The architecture").waitFor();
    expect(await region(view, "The whole network").count()).toBe(0);
    expect(await region(view, "Try the model").count()).toBe(0);
    const [untrained] = await readFront(world.edge.client, world.supernet.id);
    if (untrained !== undefined) {
      await view.goTo(`/searches/${world.supernet.id}/architectures/${untrained.hash}`);
      await view.page.getByText(/^A finished final training is tried right here/).waitFor();
      await view.isAccessible();
    }
    await view.goTo(`/searches/${world.table.id}/architectures/nowhere`);
    await view.page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await view.close();
  });
});

async function onlyTraining({ edge, trained }: World): Promise<Training> {
  const [training] = await listTrainings(edge.client, trained.id);
  if (training === undefined) throw new Error("nothing was trained");
  return training;
}
