/** The report of the command line, opened as a file in a real browser. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../cli/run.testing.ts";
import { hasNoChromium } from "./chromium.ts";
import { fits, isAccessible, looks, sizes, startWorld, type World } from "./dashboard/world.ts";

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

  test.each(["table", "supernet"] as const)("of a %s is whole by itself, in every look", async (kind) => {
    const context = await world.browser.newContext();
    const page = await context.newPage();
    const faults: string[] = [];
    const asked: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => faults.push(message.text()));
    page.on("request", (request) => asked.push(request.url()));
    const url = pathToFileURL(reports[kind]).href;
    await page.goto(url);
    expect(await page.locator("h1").innerText()).toBe(world[kind].name);
    for (const { theme, size } of looks) {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize(sizes[size]);
      expect(await page.locator(".drawing:visible svg").count()).toBeGreaterThanOrEqual(2);
      expect(await page.locator(".cell-drawing:visible").count()).toBeGreaterThan(0);
      // Colours of the theme, in the pictures too.
      const text = await page
        .locator(".drawing text:visible")
        .first()
        .evaluate((element) => getComputedStyle(element).fill);
      expect(text).toBe(theme === "light" ? "rgb(90, 100, 85)" : "rgb(166, 176, 157)");
      await page.evaluate(`for (const details of document.querySelectorAll("details")) details.open = true`);
      await fits(page, { theme, size });
      await isAccessible(page, { theme, size });
    }
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
