/** Frames while 50,000 points are plotted, hovered, brushed and zoomed, with the pointer of a real browser. */

import type { Browser, Locator, Page } from "playwright-core";
import { startedProcesses } from "../edge/processes.ts";
import { watchOthers } from "../otherLoad.ts";
import { allPlotted, interactiveMs, measuredPages, type OpenPage, openPage } from "./pages.ts";
import type { Place } from "./place.ts";
import { quantile, round } from "./statistics.ts";

export interface Frames {
  doing: string;
  frames: number;
  medianMs: number;
  p99Ms: number;
  longestMs: number;
  longestTaskMs: number;
  otherLoad: number;
}

const hovers = 150;
const brushes = 5;
const brushSteps = 40;
const quietMs = 1000;

interface Area {
  picture: Locator;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What is done, in this order. */
const actions: Record<string, (page: Page) => Promise<void>> = {
  hovered: hover,
  brushed: brush,
  zoomed: zoom,
};

export async function framesOf(browser: Browser, place: Place): Promise<Frames[]> {
  const measured = measuredPages.find(({ name }) => name === "search");
  if (measured === undefined) return [];
  const results: Frames[] = [];
  let otherShare = watchOthers(startedProcesses);
  const opened = await openPage(browser, place, measured);
  try {
    await allPlotted(opened, place);
    await interactiveMs(opened, quietMs);
    const { firstContentfulPaintMs } = await opened.recorded();
    results.push(await between(opened, "plotted", firstContentfulPaintMs ?? 0, otherShare()));
    for (const [doing, act] of Object.entries(actions)) {
      place.log(doing);
      otherShare = watchOthers(startedProcesses);
      const { nowMs } = await opened.recorded();
      await act(opened.page);
      results.push(await between(opened, doing, nowMs, otherShare()));
    }
  } finally {
    await opened.context.close();
  }
  return results;
}

async function between(opened: OpenPage, doing: string, fromMs: number, otherLoad: number): Promise<Frames> {
  const { frames, longTasks } = await opened.recorded();
  const own = frames.filter((at) => at >= fromMs);
  const lengths = own.slice(1).map((at, index) => at - (own[index] ?? at));
  const tasks = longTasks.filter(([startMs]) => startMs >= fromMs).map(([, lengthMs]) => lengthMs);
  return {
    doing,
    frames: lengths.length,
    medianMs: round(quantile(lengths, 0.5)),
    p99Ms: round(quantile(lengths, 0.99)),
    longestMs: round(Math.max(0, ...lengths)),
    longestTaskMs: round(Math.max(0, ...tasks)),
    otherLoad: Math.round(otherLoad * 100) / 100,
  };
}

/** Where the picture is now: pressing its buttons may have scrolled it. */
async function areaOf(page: Page): Promise<Area> {
  const picture = page
    .locator(".picture")
    .filter({ has: page.locator(".picture-canvas") })
    .first();
  const canvas = picture.locator(".picture-canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (box === null) throw new Error("The picture is not on the screen.");
  return { picture, ...box };
}

/** Along a curve over the middle of the picture. */
async function hover(page: Page): Promise<void> {
  const { x, y, width, height } = await areaOf(page);
  for (let step = 0; step < hovers; step++) {
    const angle = (step / hovers) * 6 * Math.PI;
    const across = x + width * (0.15 + (0.7 * step) / hovers);
    await page.mouse.move(across, y + height * (0.5 + 0.3 * Math.sin(angle)));
  }
}

/** Rectangles into what is left, each zoomed when it is let go, then everything again. */
async function brush(page: Page): Promise<void> {
  for (let time = 0; time < brushes; time++) {
    const { picture, x, y, width, height } = await areaOf(page);
    await page.mouse.move(x + width * 0.3, y + height * 0.25);
    await page.mouse.down();
    for (let step = 1; step <= brushSteps; step++) {
      const share = (0.45 * step) / brushSteps;
      await page.mouse.move(x + width * (0.3 + share), y + height * (0.25 + share));
    }
    await page.mouse.up();
    await picture.getByRole("button", { name: "Show all" }).click();
  }
}

async function zoom(page: Page): Promise<void> {
  const { picture } = await areaOf(page);
  const press = (name: string) => picture.getByRole("button", { name }).click();
  for (const name of ["Zoom in", "Zoom in", "Zoom in", "Zoom out", "Zoom out", "Show all"]) await press(name);
}
