/** Cold loads: first contentful paint, and when the page can be used. */

import type { Browser } from "playwright-core";
import { startedProcesses } from "../edge/processes.ts";
import { watchOthers } from "../otherLoad.ts";
import { interactiveMs, type MeasuredPage, measuredPages, openPage } from "./pages.ts";
import type { Place } from "./place.ts";
import { median, round } from "./statistics.ts";

/** So long without a task over 50 ms, and a page counts as interactive since the last one. */
const quietMs = 1000;

export interface Loads {
  page: string;
  loads: number;
  firstContentfulPaintMs: { median: number; largest: number };
  interactiveMs: { median: number; largest: number };
  /** Of the machine, by other programs. */
  otherLoad: number;
  /** Files of scripts and styles that it loaded. */
  files: string[];
}

export async function coldLoads(browser: Browser, place: Place, loads: number): Promise<Loads[]> {
  const results: Loads[] = [];
  for (const measured of measuredPages) {
    place.log(`${loads} cold loads of ${measured.name}`);
    results.push(await loadsOf(browser, place, measured, loads));
  }
  return results;
}

async function loadsOf(
  browser: Browser,
  place: Place,
  measured: MeasuredPage,
  loads: number,
): Promise<Loads> {
  const paints: number[] = [];
  const interactive: number[] = [];
  const others: number[] = [];
  const files = new Set<string>();
  for (let load = 0; load < loads; load++) {
    const otherShare = watchOthers(startedProcesses);
    const opened = await openPage(browser, place, measured);
    try {
      interactive.push(await interactiveMs(opened, quietMs));
      paints.push((await opened.recorded()).firstContentfulPaintMs ?? Number.NaN);
      others.push(otherShare());
      const names = `performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)`;
      for (const name of (await opened.page.evaluate(names)) as string[])
        if (/\.(js|css)$/.test(name)) files.add(name);
    } finally {
      await opened.context.close();
    }
  }
  const told = (values: number[]) => ({ median: round(median(values)), largest: round(Math.max(...values)) });
  return {
    page: measured.name,
    loads,
    firstContentfulPaintMs: told(paints),
    interactiveMs: told(interactive),
    otherLoad: Math.round(median(others) * 100) / 100,
    files: [...files].sort(),
  };
}
