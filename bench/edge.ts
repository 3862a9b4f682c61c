/**
 * What the edge bears: the real Worker under wrangler, with runners whose measurements are made up; nothing is trained.
 *
 *     npm run -s bench:edge -- [--json] [--only rounds|runners|scaling|training|large]
 *
 * - `rounds`: one runner, CPU of workerd and round trip per report (Linux, by /proc).
 * - `runners`: 200 runners, each on its own search, every tenth report sent twice: throughput, latencies, queries and
 *   rows written per round, and whether any round was lost or counted twice.
 * - `scaling`: a campaign with 1 to 64 runners whose rounds take a fixed time: throughput against one runner's.
 * - `training`: one search by training with 1 to 16 runners whose trainings take a fixed time, and none: the same.
 * - `large`: a search of 50,000 candidates, and what reading it takes.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { newToken } from "../cli/commands/dev.ts";
import { startLocalEdge } from "../cli/localEdge.ts";
import { largeSearch } from "./edge/large.ts";
import { manyRunners } from "./edge/many.ts";
import { printed } from "./edge/report.ts";
import { costOfRounds } from "./edge/rounds.ts";
import { scaling } from "./edge/scaling.ts";
import type { Site } from "./edge/site.ts";
import { trainingScaling } from "./edge/training.ts";

const parts: Record<string, (site: Site) => Promise<unknown>> = {
  rounds: costOfRounds,
  runners: manyRunners,
  scaling,
  training: trainingScaling,
  large: largeSearch,
};

const { values: args } = parseArgs({
  options: { json: { type: "boolean", default: false }, only: { type: "string" } },
});
if (args.only !== undefined && !Object.hasOwn(parts, args.only)) {
  console.error(`--only is one of ${Object.keys(parts).join(", ")}, not "${args.only}".`);
  process.exit(2);
}
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);

const results: Record<string, unknown> = {};
for (const [name, measure] of Object.entries(parts)) {
  if (args.only !== undefined && args.only !== name) continue;
  results[name] = await withEdge(measure);
}
const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.versions.node };
console.log(args.json ? JSON.stringify({ ...results, machine }) : printed(results, machine));

/** Each part has an edge and a database of its own. */
async function withEdge<T>(measure: (site: Site) => Promise<T>): Promise<T> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
  const edge = await startLocalEdge({
    stateDir,
    token: newToken(),
    port: 0,
    signal: abort.signal,
    vars: { NASTURTIUM_SERVER_TIMING: "1", NASTURTIUM_RATE_LIMIT: "0" },
  });
  try {
    return await measure({ url: edge.url, token: edge.token, signal: abort.signal, log });
  } finally {
    await edge.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}
