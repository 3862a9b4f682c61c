/**
 * Whether a network measured again falls where it was said to. The interval is one for a new observation (Hahn and Meeker
 * 1991, section 4.7) on the logarithms of medians of separate runs, each a process of its own, so that what differs from
 * run to run is in it.
 */

import { execFile } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import jstat from "jstat";
import type { Setting } from "./predictions.ts";

const runsBefore = 12;
const runsAfter = 20;
const confidence = 0.95;
/** Of the time, for the runs that the interval is estimated on. */
const shareBefore = 0.25;
const run = promisify(execFile);
const child = path.join(path.dirname(fileURLToPath(import.meta.url)), "once.ts");

export async function repeatability({ backend, space, size, log }: Setting, minutes: number) {
  let nominalMs: number | null = null;
  const once = async (): Promise<{ median: number; referenceMs: number }> => {
    const asked = JSON.stringify({ backend, space: space.name, size, referenceMs: nominalMs });
    const { stdout } = await run(process.execPath, [child, asked], { timeout: 120_000 });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { median: number; referenceMs: number };
  };
  const spread = async (count: number, overMinutes: number) => {
    const values: number[] = [];
    const raw: number[] = [];
    for (let index = 0; index < count; index++) {
      const startedAt = performance.now();
      const { median, referenceMs } = await once();
      nominalMs ??= referenceMs;
      values.push(median);
      raw.push(referenceMs);
      log(`${median.toPrecision(5)} ms; the reference takes ${referenceMs.toPrecision(4)} ms now`);
      const leftMs = (overMinutes * 60_000) / count - (performance.now() - startedAt);
      if (index + 1 < count && leftMs > 0) await sleep(leftMs);
    }
    return { values, raw };
  };
  log("runs that the interval is estimated on");
  const before = await spread(runsBefore, shareBefore * minutes);
  const interval = intervalFor(before.values);
  log(`interval ${interval.low.toPrecision(5)} to ${interval.high.toPrecision(5)} ms; new runs`);
  const after = await spread(runsAfter, minutes);
  const inside = after.values.filter((value) => interval.low <= value && value <= interval.high).length;
  return { interval, inside, of: runsAfter, minutes, before, after };
}

export function intervalFor(values: readonly number[]): { low: number; high: number } {
  const logs = values.map(Math.log);
  const n = logs.length;
  const mean = logs.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = studentQuantile((1 + confidence) / 2, n - 1) * deviation * Math.sqrt(1 + 1 / n);
  return { low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

function studentQuantile(probability: number, degreesOfFreedom: number): number {
  let low = 0;
  let high = 1000;
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (jstat.studentt.cdf(middle, degreesOfFreedom) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
