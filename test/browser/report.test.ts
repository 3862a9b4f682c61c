/** The report of the command line, opened as a file in a real browser. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../cli/run.testing.ts";
import { hasNoChromium } from "./chromium.ts";
import { looks, sizes, startWorld, type World } from "./dashboard/world.ts";

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

describe.skipIf(hasNoChromium())("a report in a browser", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-report-"));
  let world: World;
  /** Of a completed search on a table, and of one in the middle of its rounds. */
  const reports = { table: "", supernet: "" };

  beforeAll(async () => {
    world = await startWorld();
    const { url, token } = world.edge.edge;
    for (const kind of ["table", "supernet"] as const) {
      reports[kind] = path.join(folder, `${kind}.html`);
      const { code, stderr } = await runCli(["report", world[kind].id, "--out", reports[kind]], {
        env: { NASTURTIUM_EDGE: url, NASTURTIUM_TOKEN: token },
      });
      expect(stderr).toBe("");
      expect(code).toBe(0);
    }
  });

  afterAll(async () => {
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const kinds = ["table", "supernet"] as const;
  const cases = kinds.flatMap((kind) => looks.map((look) => ({ kind, ...look })));
  test.each(cases)("of a $kind is whole by itself: $theme, $size", async ({ kind, theme, size }) => {
    const context = await world.browser.newContext({ viewport: sizes[size], colorScheme: theme });
    const page = await context.newPage();
    const faults: string[] = [];
    const asked: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => faults.push(message.text()));
    page.on("request", (request) => asked.push(request.url()));
    const url = pathToFileURL(reports[kind]).href;
    await page.goto(url);
    expect(await page.locator("h1").innerText()).toBe(world[kind].name);
    expect(await page.locator(".drawing:visible svg").count()).toBeGreaterThanOrEqual(2);
    expect(await page.locator(".cell-drawing:visible").count()).toBeGreaterThan(0);
    // Colours of the theme, in the pictures too.
    const text = await page
      .locator(".drawing text:visible")
      .first()
      .evaluate((element) => getComputedStyle(element).fill);
    expect(text).toBe(theme === "light" ? "rgb(90, 100, 85)" : "rgb(166, 176, 157)");
    await page.evaluate(`for (const details of document.querySelectorAll("details")) details.open = true`);
    const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    expect(await page.evaluate(width)).toBe(0);
    await page.evaluate(readFileSync(axeSource, "utf8"));
    const run =
      "axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))";
    expect(await page.evaluate(run)).toEqual([]);
    expect(asked).toEqual([url]);
    expect(faults).toEqual([]);
    await context.close();
  });

  test("is read without scripts and prints on white with its pictures", async () => {
    const context = await world.browser.newContext({ javaScriptEnabled: false, colorScheme: "dark" });
    const page = await context.newPage();
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.goto(pathToFileURL(reports.table).href);
    expect(await page.locator(".drawing:visible svg").count()).toBeGreaterThanOrEqual(2);
    const pdf = await page.pdf({ format: "A4" });
    expect(pdf.byteLength).toBeGreaterThan(10_000);
    await context.close();
  });
});
