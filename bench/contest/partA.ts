/** Part A: cells of NAS-Bench-201, searched on the images of CIFAR-10 and judged by the table. */

import { availableParallelism, cpus } from "node:os";
import type { FrontRow } from "../../cli/api.ts";
import { codeOf } from "../../shared/code.ts";
import { selectionFromGenotype } from "../../shared/space.ts";
import { type Benchmark, loadBenchmark } from "../search/benchmark.ts";
import type { TabularSearch } from "../search/problems.ts";
import { benchmarkRecipe, costSample, type MeasuredCost, measureCost } from "./benchmarkCost.ts";
import { type ContestOptions, cifarFolder, tableFile } from "./options.ts";
import {
  contestProblems,
  type OutsideRun,
  outsideContestants,
  outsideLengths,
  runOutside,
  runStrategyAlone,
  strategyContestants,
} from "./outside.ts";
import { type OwnRun, runOwnSearch } from "./ownSearch.ts";
import { type ScoredCells, scoreCells, scoring } from "./scores.ts";
import {
  benchmarkLengths,
  network,
  type OwnContestant,
  ownContestants,
  ownSpecification,
} from "./settings.ts";
import type { ContestState, Unit } from "./state.ts";

export const partADefaults = {
  hours: 2,
  contestants: [...ownContestants, ...outsideContestants, ...strategyContestants],
};

/** What the units share. */
interface Context extends Pick<ContestOptions, "dataFolder" | "table" | "hours"> {
  state: ContestState;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** Rows of the table are the members of a front. */
export type TableRun = OwnRun<number>;

export const isOwn = (name: string): name is OwnContestant =>
  (ownContestants as readonly string[]).includes(name);

/** All that are asked for, the short ones first. */
export function partAUnits(options: ContestOptions, context: Context): Unit<unknown>[] {
  const { contestants, seeds } = options;
  const outside = contestants.filter((name) => !isOwn(name));
  const own = contestants.filter(isOwn);
  return [
    costUnit(context),
    ...(outside.includes("strategy-scored") ? [scoresUnit(context)] : []),
    ...outside.flatMap((name) =>
      contestProblems(context.table).map((search) => outsideUnit(name, search, context)),
    ),
    ...seeds.flatMap((seed) => own.map((name) => ownUnit(name, seed, context))),
  ];
}

export function costUnit(context: Context): Unit<MeasuredCost> {
  return {
    name: "A/cost",
    settings: {
      benchmarkRecipe,
      costSample,
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
    },
    wallSeconds: 90,
    run: () => measureCost({ ...context, tableFile: tableFile(context), dataFolder: cifarFolder(context) }),
  };
}

export function outsideUnit(name: string, search: TabularSearch, context: Context): Unit<OutsideRun> {
  const { name: problem, reward, score, cost } = search;
  return {
    name: `A/${name}-${problem}`,
    settings: {
      contestant: name,
      reward,
      score,
      cost,
      ...outsideLengths,
      ...(name === "strategy-scored" ? { scoring, network } : {}),
    },
    wallSeconds: 30,
    run: async () => {
      const own = { ...search, table: tableFile(context) };
      if (!strategyContestants.includes(name)) return runOutside(name, own, context.signal);
      return runStrategyAlone(own, name === "strategy" ? null : scoredOf(context));
    },
  };
}

/** Those that were scored before. */
function scoredOf(context: Context): ScoredCells {
  const scored = context.state.read(scoresUnit(context));
  if (scored === undefined) throw new Error("No cells are scored.");
  return scored;
}

function scoresUnit(context: Context): Unit<ScoredCells> {
  return {
    name: "A/scores",
    settings: { scoring, network },
    wallSeconds: 150,
    run: () => {
      const [search] = contestProblems(tableFile(context));
      if (search === undefined) throw new Error("There is no problem.");
      return scoreCells(loadBenchmark(search), context.signal);
    },
  };
}

export function ownUnit(contestant: OwnContestant, seed: number, context: Context): Unit<TableRun> {
  const { hours } = context;
  const specification = {
    name: `Contest A, ${contestant}, seed ${seed}`,
    dataset: { name: "cifar10" },
    space: "nas-bench-201",
    ...ownSpecification(contestant, { hours, seed, lengths: benchmarkLengths }),
  };
  return {
    name: `A/${contestant}-${seed}`,
    settings: { hours, specification },
    wallSeconds: (3600 * hours) / availableParallelism(),
    run: () => {
      const [search] = contestProblems(tableFile(context));
      if (search === undefined) throw new Error("There is no problem.");
      const memberOf = rowReader(loadBenchmark(search));
      return runOwnSearch(specification, { ...context, dataFolder: cifarFolder(context), memberOf });
    },
  };
}

/** The table's row of an architecture of a front. */
function rowReader({ problem, table }: Benchmark): (row: FrontRow) => number {
  return ({ genotype, text }) => {
    const code = codeOf(problem.positions, selectionFromGenotype(problem.space, genotype));
    const row = table.rowOf(code);
    if (row === undefined) throw new Error(`The table has no ${text}.`);
    return row;
  };
}
