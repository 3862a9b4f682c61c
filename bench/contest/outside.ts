/** Searches without the product, on the table of NAS-Bench-201: rows in the order in which they are paid. */

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureSearchPeers, peers, runPeer, writePeerProblem } from "../peers/search.ts";
import { type Benchmark, loadBenchmark } from "../search/benchmark.ts";
import { problems, type TabularSearch } from "../search/problems.ts";
import { runStrategy } from "../search/run.ts";
import { strategies } from "../search/strategies.ts";

export const outsideContestants = ["random", ...peers];

/** Cells that each trains at most, from so many seeds. */
export const outsideLengths = { evaluations: 100, seeds: 20 };

/** Named in bench/search/problems.ts; all see accuracy after 12 epochs. */
export const problemNames = ["c10-parameters", "P1"];

export interface OutsideRun {
  /** By seed, distinct rows. */
  rows: number[][];
  versions: Record<string, string>;
}

export function contestProblems(table: string): TabularSearch[] {
  return problems.filter(({ name }) => problemNames.includes(name)).map((problem) => ({ ...problem, table }));
}

/** @throws the signal's reason */
export async function runOutside(
  contestant: string,
  search: TabularSearch,
  signal: AbortSignal,
): Promise<OutsideRun> {
  const benchmark = loadBenchmark(search);
  const seeds = Array.from({ length: outsideLengths.seeds }, (_, index) => index + 1);
  const { random } = strategies;
  if (contestant === "random" && random !== undefined) {
    const { evaluations } = outsideLengths;
    return {
      rows: seeds.map((seed) => runStrategy(random, benchmark, evaluations, seed).rows),
      versions: {},
    };
  }
  return Promise.race([runPeers(contestant, benchmark, seeds), rejectedBy(signal)]);
}

async function runPeers(peer: string, benchmark: Benchmark, seeds: readonly number[]): Promise<OutsideRun> {
  const python = await ensureSearchPeers();
  const problemFile = path.join(tmpdir(), `nasturtium-contest-${process.pid}.json`);
  writePeerProblem(problemFile, benchmark, outsideLengths.evaluations);
  try {
    const rows: number[][] = [];
    const versions = await runPeer({ python, problemFile, peer }, seeds, (seed, run) => {
      rows[seeds.indexOf(seed)] = run.rows;
    });
    return { rows, versions };
  } finally {
    rmSync(problemFile, { force: true });
  }
}

/** The peers' processes end with this one. */
const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
