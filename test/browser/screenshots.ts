/**
 * Takes the screenshots of the documentation from a real search, which it runs first, in a real Chromium over a real local
 * Worker.
 *
 *     npm run screenshots -- [--minutes 3|5|10] [--only NAME,NAME] [--out docs/images/dashboard]
 */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { demoTable } from "../../cli/demo/table.ts";
import { reasonOf } from "../../cli/errors.ts";
import { rootDir } from "../../setup/node.mjs";
import { startWorld, type World } from "./dashboard/world.ts";
import { runSearches } from "./screenshots/searches.ts";
import { type Shot, type Shown, shots } from "./screenshots/shots.ts";

const screens = {
  desktop: { viewport: { width: 1280, height: 1000 }, deviceScaleFactor: 1 },
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
} as const;
/** Left below what a short page holds. */
const marginPixels = 24;
const mostBytes = 150_000;
/** Of the palette; fewer where the file would be too large. */
const colourCounts = [256, 128, 64, 32];
/** Of the page that stands in for one that is not there. */
const missingTitle = "There is no such page";
const pollMs = 100;
const limitMs = 90_000;

const { values: args } = parseArgs({
  options: {
    minutes: { type: "string", default: "3" },
    only: { type: "string" },
    out: { type: "string", default: path.join(rootDir, "docs", "images", "dashboard") },
  },
});
if (!Object.hasOwn(demoTable, args.minutes))
  fail(`--minutes is one of ${Object.keys(demoTable).join(", ")}.`);
const asked = args.only?.split(",");
const unknown = asked?.find((name) => !shots.some((shot) => shot.name === name));
if (unknown !== undefined)
  fail(`--only knows ${shots.map(({ name }) => name).join(", ")}, not "${unknown}".`);
const log = (line: string) => console.error(line);

const world = await startWorld();
try {
  const shown = await runSearches(world, Number(args.minutes), log);
  mkdirSync(args.out, { recursive: true });
  for (const shot of shots) {
    if (asked !== undefined && !asked.includes(shot.name)) continue;
    // One that fails keeps none of the others from being taken.
    const told = await store(shot, shown).catch((error: unknown) => {
      process.exitCode = 1;
      return `failed: ${reasonOf(error)}`;
    });
    log(`${shot.name}: ${told}`);
  }
} finally {
  await world.stop();
}

async function store(shot: Shot, shown: Shown): Promise<string> {
  const taken = await take(world, shot, shown);
  if (taken === null) return "there is no such page or view yet";
  const png = await compressed(taken);
  writeFileSync(path.join(args.out, `${shot.name}.png`), png);
  return `${Math.ceil(png.byteLength / 1000)} kB`;
}

async function take({ edge, browser }: World, shot: Shot, shown: Shown): Promise<Buffer | null> {
  const context = await browser.newContext({
    ...screens[shot.size ?? "desktop"],
    colorScheme: shot.theme ?? "light",
    reducedMotion: "reduce",
    locale: "en-US",
    timezoneId: "UTC",
  });
  try {
    context.setDefaultTimeout(limitMs);
    const page = await context.newPage();
    const { url, token } = edge.edge;
    await page.goto(`${url}/#token=${token}&go=${encodeURIComponent(shot.address(shown))}`);
    await isWhole(page);
    if (await isMissing(page, shot.address(shown))) return null;
    await shot.prepare?.(page);
    await isWhole(page);
    return await page.screenshot({ clip: await usedPart(page) });
  } finally {
    await context.close();
  }
}

/** Without the page, or without the view that the address names. */
async function isMissing(page: Page, address: string): Promise<boolean> {
  if ((await page.locator("main h1").innerText()) === missingTitle) return true;
  const [, view] = /[?&]view=(\w+)/.exec(address) ?? [];
  if (view === undefined) return false;
  return (await page.locator(`[role=tab][aria-selected=true][id$="-${view}"]`).count()) === 0;
}

/** Nothing is still being loaded, and the pictures on the screen are drawn. */
async function isWhole(page: Page): Promise<void> {
  await page.locator("main h1").waitFor();
  const isWaiting = `[...document.querySelectorAll("main .bone")].some((bone) => {
    const { top, bottom } = bone.getBoundingClientRect();
    return top < innerHeight && bottom > 0;
  })`;
  for (const startedAt = Date.now(); await page.evaluate(isWaiting); await pause(pollMs))
    if (Date.now() - startedAt > limitMs) throw new Error("it was still loading");
  await page.evaluate(
    "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))",
  );
}

/** Of the screen, without the empty part below a short page. */
async function usedPart(page: Page) {
  const { width, height } = page.viewportSize() ?? screens.desktop.viewport;
  const ends = `Math.max(...[...document.querySelectorAll("main > *")].map((part) => part.getBoundingClientRect().bottom))`;
  const end = Number(await page.evaluate(ends)) + marginPixels;
  return { x: 0, y: 0, width, height: Math.min(height, Math.ceil(end)) };
}

async function compressed(png: Buffer): Promise<Buffer> {
  let smallest = png;
  for (const colours of colourCounts) {
    smallest = await sharp(png).png({ palette: true, colours, effort: 10 }).toBuffer();
    if (smallest.byteLength <= mostBytes) break;
  }
  return smallest;
}

function fail(why: string): never {
  console.error(why);
  process.exit(2);
}
