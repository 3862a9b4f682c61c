/** Pages that are measured, and how a page tells what it does: a script that runs in it before its own. */

import { setTimeout as pause } from "node:timers/promises";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { whole } from "../../dashboard/ui/format.ts";
import type { Place } from "./place.ts";

export interface MeasuredPage {
  name: string;
  address(place: Place): string;
  /** What is there once its content is. */
  content: string;
}

export const measuredPages: readonly MeasuredPage[] = [
  { name: "list", address: () => "/searches", content: "main table tbody tr" },
  {
    name: "search",
    address: ({ searchId }) => `/searches/${searchId}?view=front`,
    content: ".picture-canvas canvas",
  },
];

export interface Recorded {
  firstContentfulPaintMs: number | null;
  contentMs: number | null;
  /** Begin and length of every task over 50 ms. */
  longTasks: [startMs: number, lengthMs: number][];
  /** When each frame began. */
  frames: number[];
  nowMs: number;
}

const size = { width: 1280, height: 900 };
const limitMs = 120_000;

/** Times are since the navigation began. */
const recorder = (content: string): string => `{
  const recorded = { firstContentfulPaintMs: null, contentMs: null, longTasks: [], frames: [] };
  window.recorded = recorded;
  new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries())
      if (name === "first-contentful-paint") recorded.firstContentfulPaintMs = startTime;
  }).observe({ type: "paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) recorded.longTasks.push([startTime, duration]);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (recorded.contentMs !== null || document.querySelector(${JSON.stringify(content)}) === null) return;
    recorded.contentMs = performance.now();
    seen.disconnect();
  };
  const seen = new MutationObserver(look);
  seen.observe(document, { childList: true, subtree: true });
  const frame = () => {
    recorded.frames.push(performance.now());
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}`;

export interface OpenPage {
  context: BrowserContext;
  page: Page;
  recorded(): Promise<Recorded>;
}

/** In a context of its own, so without anything that was stored before. */
export async function openPage(browser: Browser, place: Place, measured: MeasuredPage): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
  context.setDefaultTimeout(limitMs);
  const page = await context.newPage();
  await page.addInitScript(recorder(measured.content));
  const address = encodeURIComponent(measured.address(place));
  await page.goto(`${place.url}/#token=${place.token}&go=${address}`, { waitUntil: "commit" });
  const recorded = async (): Promise<Recorded> =>
    (await page.evaluate("({ ...window.recorded, nowMs: performance.now() })")) as Recorded;
  return { context, page, recorded };
}

const pollMs = 100;

/** Waits until the content is there and nothing took over 50 ms for a while. @returns when that began */
export async function interactiveMs({ recorded }: OpenPage, quietMs: number): Promise<number> {
  for (const startedAt = Date.now(); Date.now() - startedAt < limitMs; ) {
    const { contentMs, firstContentfulPaintMs, longTasks, nowMs } = await recorded();
    if (contentMs !== null && firstContentfulPaintMs !== null) {
      const ends = longTasks.map(([startMs, lengthMs]) => startMs + lengthMs);
      const since = Math.max(contentMs, firstContentfulPaintMs, ...ends);
      if (nowMs - since >= quietMs) return since;
    }
    await pause(pollMs);
  }
  throw new Error("The page was not interactive in time.");
}

/** Waits until the picture says that it shows every candidate. */
export const allPlotted = async ({ page }: OpenPage, { candidates }: Place): Promise<void> => {
  await page.locator(`.picture-canvas[aria-label*="${whole(candidates)} candidates"]`).waitFor();
};
