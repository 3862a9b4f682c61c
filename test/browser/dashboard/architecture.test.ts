/** The page of one architecture, with a try of its trained model. */

import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFront } from "../../../cli/api.ts";
import { rootDir } from "../../../setup/node.mjs";
import { SEARCH_LIMIT_MS } from "../../wholeSearch.ts";
import { hasNoChromium } from "../chromium.ts";
import { type Trained, trainedSearch } from "./trained.ts";
import { looks, openView, startWorld, type View, type World } from "./world.ts";

describe.skipIf(hasNoChromium())("the page of an architecture", () => {
  let world: World;
  let trained: Trained;
  let at: string;

  beforeAll(async () => {
    world = await startWorld({ isFresh: true });
    trained = await trainedSearch(world);
    at = `/searches/${trained.search.id}/architectures/${trained.training.hash}`;
  }, SEARCH_LIMIT_MS);
  afterAll(() => world?.stop());

  const region = ({ page }: View, name: string) => page.getByRole("region", { name, exact: true });
  const load = async (view: View) => {
    await view.page.getByRole("button", { name: "Load the model" }).press("Enter");
    await view.page.getByRole("button", { name: /^Sample 1,/ }).waitFor();
  };

  test.each(looks)(
    "in $theme on a $size shows cells, measurements, network, trainings and the model",
    async (look) => {
      const view = await openView(world, { ...look, at });
      await load(view);
      await view.page.getByRole("button", { name: /^Sample 1,/ }).click();
      await view.page.getByText(/^Took .* by TensorFlow.js on wasm/).waitFor();
      expect(await region(view, "What was measured").innerText()).toMatch(/fully trained/);
      await region(view, "Its cells")
        .getByRole("img", { name: /^Reduction cell/ })
        .waitFor();
      await view.page.locator(".parts summary").nth(1).click();
      await view.page.getByText("sums and output").first().waitFor();
      await view.fits();
      await view.isAccessible();
      await view.close();
    },
  );

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
    const [row] = await readFront(world.edge.client, trained.search.id);
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
    await own.setInputFiles(path.join(rootDir, "docs/images/boot.png"));
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

  test("tells how to make it again, and how its training went", async () => {
    const view = await openView(world, { token: null, at });
    expect(await region(view, "Reproduce it").locator("pre").innerText()).toContain(
      `nasturtium train ${trained.search.id} ${trained.training.hash}`,
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
