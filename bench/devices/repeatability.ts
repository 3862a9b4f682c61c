/**
 * Whether a network measured again falls where it was said to. The interval is one for a new observation (Hahn and Meeker
 * 1991, section 4.7) on the logarithms of medians of separate runs, each a process of its own, so that what differs from
 * run to run is in it. Runs that it is estimated on and new ones take turns: a machine drifts over minutes (its clock, its
 * neighbours), and an interval from a quarter of an hour knows nothing of what the hour after it brings.
 */

import { execFile } from "node:child_process";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import jstat from "jstat";
import type { Setting } from "./predictions.ts";

const runs = 20;
const confidence = 0.95;
const run = promisify(execFile);
const child = path.join(path.dirname(fileURLToPath(import.meta.url)), "once.ts");

export async function repeatability({ backend, space, size, log }: Setting, minutes: number) {
  let nominalMs: number | null = null;
  const once = async (): Promise<{ median: number; referenceMs: number }> => {
    const asked = JSON.stringify({ backend, space: space.name, size, referenceMs: nominalMs });
    const { stdout } = await run(process.execPath, [child, asked], { timeout: 120_000 });
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as { median: number; referenceMs: number };
  };
  const spacingMs = (minutes * 60_000) / (2 * runs);
  const values = { known: [] as number[], fresh: [] as number[] };
  const reference: number[] = [];
  for (let index = 0; index < 2 * runs; index++) {
    const startedAt = performance.now();
    const { median, referenceMs } = await once();
    nominalMs ??= referenceMs;
    const kind = index % 2 === 0 ? "known" : "fresh";
    values[kind].push(median);
    reference.push(referenceMs);
    log(`${kind} ${median.toPrecision(5)} ms; the reference takes ${referenceMs.toPrecision(4)} ms now`);
    const leftMs = spacingMs - (performance.now() - startedAt);
    if (index + 1 < 2 * runs && leftMs > 0) await sleep(leftMs);
  }
  const interval = intervalFor(values.known);
  const inside = values.fresh.filter((value) => interval.low <= value && value <= interval.high).length;
  return { interval, inside, of: runs, minutes, ...values, reference };
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
