/**
 * Searches on the table of NAS-Bench-201, with other libraries and with the product's strategy alone: rows in the order in
 * which they are paid.
 */

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type DefaultState, defaultStrategy } from "../../edge/controller/strategies/default/index.ts";
import type { Measured, Strategy } from "../../edge/controller/strategies/strategy.ts";
import type { Code } from "../../shared/code.ts";
import { ensureSearchPeers, peers, runPeer, writePeerProblem } from "../peers/search.ts";
import { type Benchmark, loadBenchmark } from "../search/benchmark.ts";
import { problems, type TabularSearch } from "../search/problems.ts";
import { runStrategy } from "../search/run.ts";
import { strategies } from "../search/strategies.ts";
import { type ScoredCells, scoring, startsFrom } from "./scores.ts";

export const outsideContestants = ["random", ...peers];
/** The product's default strategy on 12 epochs of each cell, from random cells and from the best that were scored. */
export const strategyContestants = ["strategy", "strategy-scored"];
/** Of the best that were scored, those that a search begins with: as many as a round has candidates. */
const startingCells = 10;

/** Cells that each trains at most, from so many seeds. */
export const outsideLengths = { evaluations: 100, seeds: 20 };

/** Named in bench/search/problems.ts; all see accuracy after 12 epochs. */
export const problemNames = ["c10-parameters", "P1"];
/** Of their costs, the one that is known of every cell. */
const countedColumn = "params_c10";

export interface OutsideRun {
  /** By seed, distinct rows. */
  rows: number[][];
  versions: Record<string, string>;
  /** Processor seconds before the first row; absent: none. */
  startSeconds?: number;
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

/** @param scored null: the search starts from random cells */
export function runStrategyAlone(search: TabularSearch, scored: ScoredCells | null): OutsideRun {
  const benchmark = loadBenchmark(search);
  const known = knownCost(search, benchmark);
  const problem = { ...benchmark.problem, known };
  const rows = Array.from({ length: outsideLengths.seeds }, (_, index) => {
    const seed = index + 1;
    const first = scored === null ? [] : startsFrom(scored, { problem }, seed).slice(0, startingCells);
    const strategy = { ...defaultStrategy, start: beginningWith(first) };
    return runStrategy(strategy, { ...benchmark, problem }, outsideLengths.evaluations, seed).rows;
  });
  if (scored === null) return { rows, versions: {} };
  const startSeconds = (scored.processorSeconds * scoring.each) / scoring.cells;
  return { rows, versions: {}, startSeconds };
}

const beginningWith =
  (first: readonly number[][]): Strategy<DefaultState>["start"] =>
  (problem, random) =>
    defaultStrategy.start(problem, random, first);

/** Parameters are counted before anything is paid for, as in any search; latency is not known. */
function knownCost({ cost }: TabularSearch, { table, values }: Benchmark): (code: Code) => Measured {
  if (cost !== countedColumn) return () => [null, null];
  return (code) => {
    const row = table.rowOf(code);
    return [null, row === undefined ? null : (values.cost[row] ?? null)];
  };
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
