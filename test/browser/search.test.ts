/** A whole search for accuracy, parameters and the latency in a real browser: the page is the device, the Worker and the runner are real. */

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createToken, listTrainings, readEvents, readFront } from "../../cli/api.ts";
import { isFinished, SEARCH_LIMIT_MS, searchOnDevices, TestEdge } from "../wholeSearch.ts";
import { hasNoChromium, startChromium } from "./chromium.ts";

describe.skipIf(hasNoChromium())("a search on a browser", () => {
  let browser: Browser;
  let edge: TestEdge;

  beforeAll(async () => {
    browser = await startChromium();
    edge = await TestEdge.start();
  });
  afterAll(async () => {
    await browser?.close();
    await edge?.stop();
  });

  test(
    "predicts its candidates' latency from a calibration there, measures the front there, and ends with a model",
    async () => {
      const { token } = await createToken(edge.client, { name: "page", scopes: ["device"] });
      const page = await browser.newPage();
      await page.goto(`${edge.edge.url}/device#token=${token}&name=browser&backend=wasm`);
      await page.getByRole("heading", { name: "Waiting for work" }).waitFor({ timeout: 110_000 });

      const search = searchOnDevices("browser");
      const id = await edge.create({
        ...search,
        objectives: [...search.objectives, { name: "parameters", goal: "minimize" }],
      });
      const runner = edge.startRunner(id);
      const { state } = await edge.until(id, runner, isFinished);
      await runner.stop();
      await page.close();

      expect(state).toBe("completed");
      const front = await readFront(edge.client, id);
      expect(front.length).toBeGreaterThan(0);
      for (const { values, predicted } of front) {
        expect(values["latency.browser"]).toBeGreaterThan(0);
        expect(values.parameters).toBeGreaterThan(0);
        expect(predicted).toEqual([]);
      }
      expect(await listTrainings(edge.client, id)).toMatchObject([{ state: "completed" }]);
      const events = (await readEvents(edge.client, id)).map(({ type }) => type);
      expect(events).not.toContain("measurement.failed");
      expect(events).not.toContain("device.quarantined");
    },
    SEARCH_LIMIT_MS,
  );
});
