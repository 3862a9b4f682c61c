/**
 * How quick the dashboard is with 50,000 candidates: a real Worker in workerd, a search whose every round was reported over
 * HTTP, a real Chromium as it starts on this machine, drawing by the CPU where there is no GPU.
 *
 *     npm run -s bench:dashboard -- [--json] [--only loads|frames|streams] [--loads 7] [--state FOLDER]
 *
 * - `loads`: cold loads of the list and of the search's front: first contentful paint and when the page can be used
 *   (its content is there and no task took over 50 ms for a second since), and what scripts and styles weigh.
 * - `frames`: lengths of frames while all candidates are plotted, hovered, brushed and zoomed.
 * - `streams`: events lost or doubled where a proxy cuts the stream at random places.
 *
 * Reporting 5,000 rounds takes minutes; with `--state` they are kept in a folder for the next time.
 */

import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Browser } from "playwright-core";
import { findChromium, startChromium } from "../test/browser/chromium.ts";
import { weights } from "./dashboard/bundle.ts";
import { framesOf } from "./dashboard/frames.ts";
import { coldLoads } from "./dashboard/loads.ts";
import { type Place, startPlace } from "./dashboard/place.ts";
import { limitsOf, printed, type Results } from "./dashboard/report.ts";
import { streamsCut } from "./dashboard/streams.ts";

type Part = (browser: Browser, place: Place) => Promise<Partial<Results>>;

const parts: Record<string, Part> = {
  async loads(browser, place) {
    const loads = await coldLoads(browser, place, Number(args.loads));
    return { loads, bundle: weights(loads) };
  },
  async frames(browser, place) {
    return { frames: await framesOf(browser, place) };
  },
  async streams(_, place) {
    return { streams: await streamsCut(place) };
  },
};

const { values: args } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    only: { type: "string" },
    loads: { type: "string", default: "7" },
    state: { type: "string" },
  },
});
if (args.only !== undefined && !Object.hasOwn(parts, args.only))
  fail(`--only is one of ${Object.keys(parts).join(", ")}, not "${args.only}".`);
if (!/^[1-9]\d*$/.test(args.loads)) fail(`--loads is a whole number of at least 1, not "${args.loads}".`);
if (findChromium() === undefined) fail("No Chromium here. Install it, or name it by NASTURTIUM_CHROMIUM.");

const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);

const place = await startPlace({ keptIn: args.state, signal: abort.signal, log });
const browser = await startChromium("own");
const results: Results = {
  candidates: place.candidates,
  machine: {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    node: process.versions.node,
    chromium: browser.version(),
  },
};
try {
  // A browser that has just started is loading pages of its own.
  await coldLoads(browser, place, 1);
  for (const [name, measure] of Object.entries(parts)) {
    if (args.only !== undefined && args.only !== name) continue;
    log(name);
    Object.assign(results, await measure(browser, place));
  }
} finally {
  await browser.close();
  await place.stop();
}
console.log(args.json ? JSON.stringify({ ...results, limits: limitsOf(results) }) : printed(results));

function fail(why: string): never {
  console.error(why);
  process.exit(2);
}
