/** The figures of searches on tables, and how they are printed. */

import { availableParallelism, cpus } from "node:os";
import { textTable } from "../../cli/table.ts";
import type { Benchmark } from "./benchmark.ts";
import type { TabularSearch } from "./problems.ts";
import { type Run, roundSize } from "./run.ts";
import { mean, standardError } from "./samples.ts";

/** Rounds before a checkpoint whose CPU time is averaged. */
const roundsTimed = 10;

export interface Checkpoint {
  evaluations: number;
  meanRegretPercent: number;
  /** Of the mean over the seeds; null where there is one seed. */
  standardErrorPercent: number | null;
  /** By seed. */
  regretsPercent: number[];
  /** Rows that were evaluated, mean over the seeds: fewer than asked for where a search repeats itself. */
  rowsEvaluated: number;
  /** Per round of 10, over the last 10 rounds, mean over the seeds. */
  cpuMsPerRound: number;
  /** Of the state as JSON, mean over the seeds; null for a peer. */
  stateBytes: number | null;
}

export interface ContestantReport {
  name: string;
  cpuSecondsPerSeed: number;
  checkpoints: Checkpoint[];
}

export interface ProblemReport extends TabularSearch {
  rows: number;
  /** What is left when every row is evaluated, because the reward is not the score. */
  floorPercent: number;
  contestants: ContestantReport[];
}

export interface SearchReport {
  date: string;
  machine: { cpu: string | undefined; cores: number };
  versions: Record<string, string>;
  seeds: number[];
  problems: ProblemReport[];
}

/** @param runs of each contestant by seed */
export function problemReport(
  search: TabularSearch,
  { table, regretOf }: Benchmark,
  checkpoints: readonly number[],
  runs: ReadonlyMap<string, readonly Run[]>,
): ProblemReport {
  const rows = table.codes.length;
  return {
    ...search,
    rows,
    floorPercent: regretOf(table.codes.keys()),
    contestants: [...runs].map(([name, bySeed]) => ({
      name,
      cpuSecondsPerSeed: mean(bySeed.map(({ cpuMs }) => cpuMs.at(-1) ?? 0)) / 1000,
      checkpoints: checkpoints.map((evaluations) => checkpointOf(evaluations, bySeed, regretOf)),
    })),
  };
}

function checkpointOf(
  evaluations: number,
  runs: readonly Run[],
  regretOf: Benchmark["regretOf"],
): Checkpoint {
  const regretsPercent = runs.map(({ rows }) => regretOf(rows.slice(0, evaluations)));
  const cpuMs = runs.map((run) => cpuMsPerRound(run, evaluations));
  const bytes = runs.flatMap(({ stateBytes }) => stateBytes[lastRound(stateBytes, evaluations)] ?? []);
  return {
    evaluations,
    meanRegretPercent: mean(regretsPercent),
    standardErrorPercent: standardError(regretsPercent),
    regretsPercent,
    rowsEvaluated: mean(runs.map(({ rows }) => Math.min(rows.length, evaluations))),
    cpuMsPerRound: mean(cpuMs),
    stateBytes: bytes.length === 0 ? null : mean(bytes),
  };
}

/** A search that had nothing more to propose has fewer rounds. */
const lastRound = ({ length }: readonly number[], evaluations: number): number =>
  Math.min(Math.ceil(evaluations / roundSize), length) - 1;

function cpuMsPerRound({ cpuMs }: Run, evaluations: number): number {
  const last = lastRound(cpuMs, evaluations);
  const timed = Math.min(roundsTimed, last + 1);
  return ((cpuMs[last] ?? 0) - (cpuMs[last - timed] ?? 0)) / Math.max(1, timed);
}

export function searchReport(
  seeds: readonly number[],
  versions: Record<string, string>,
  problems: ProblemReport[],
): SearchReport {
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    versions: { node: process.version, ...versions },
    seeds: [...seeds],
    problems,
  };
}

/** For a terminal. */
export function printReport({ problems, seeds, machine, versions, date }: SearchReport): string {
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = [
    `${machine.cpu ?? "unknown processor"}, ${machine.cores} cores`,
    ...listed,
    date.slice(0, 10),
  ];
  const sections = problems.map((problem) => {
    const { name, reward, score, cost, floorPercent } = problem;
    const measure = `regret in percent, mean ± standard error of ${seeds.length} seeds`;
    const title = `${name}: ${reward} -> ${score} against ${cost}; ${measure}; floor ${floorPercent.toFixed(3)}`;
    return `${title}\n${problemTable(problem)}`;
  });
  return [head.join("; "), ...sections].join("\n\n");
}

function problemTable({ contestants }: ProblemReport): string {
  const checkpoints = contestants[0]?.checkpoints ?? [];
  const last = checkpoints.at(-1)?.evaluations;
  const columns = {
    name: "",
    ...Object.fromEntries(checkpoints.map(({ evaluations }) => [`n${evaluations}`, `n=${evaluations}`])),
    cpu: `CPU ms a round at ${last}`,
    state: `state kB at ${last}`,
  };
  return textTable(contestants.map(rowOf), columns);
}

function rowOf({ name, checkpoints }: ContestantReport): Record<string, string> {
  const regrets = checkpoints.map((checkpoint) => {
    const { evaluations, meanRegretPercent, standardErrorPercent, rowsEvaluated } = checkpoint;
    const error = standardErrorPercent === null ? "" : ` ± ${standardErrorPercent.toFixed(3)}`;
    const fewer = rowsEvaluated < evaluations ? ` (${Math.round(rowsEvaluated)} rows)` : "";
    return [`n${evaluations}`, meanRegretPercent.toFixed(3) + error + fewer];
  });
  const { cpuMsPerRound = Number.NaN, stateBytes = null } = checkpoints.at(-1) ?? {};
  return {
    name,
    ...Object.fromEntries(regrets),
    cpu: cpuMsPerRound.toFixed(2),
    state: stateBytes === null ? "-" : (stateBytes / 1000).toFixed(1),
  };
}
