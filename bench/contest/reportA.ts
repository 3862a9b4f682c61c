/** Part A's figures, from whatever units are there. */

import { loadBenchmark } from "../search/benchmark.ts";
import type { TabularSearch } from "../search/problems.ts";
import { mean } from "../search/samples.ts";
import type { MeasuredCost } from "./benchmarkCost.ts";
import { type Curve, meanRegretAt, regretAt, type Speedup, speedupOf } from "./curve.ts";
import { outsideCurves, ownCurve } from "./curvesA.ts";
import { tableFile } from "./options.ts";
import { contestProblems, outsideContestants, strategyContestants } from "./outside.ts";
import { costUnit, isOwn, outsideUnit, ownUnit } from "./partA.ts";
import type { ContestState } from "./state.ts";

/** Shares of the hours at which regret is told. */
const shares = [0.25, 0.5, 1];
const evaluationMarks = [10, 20, 50, 100];

type Context = Parameters<typeof ownUnit>[2];

export interface RegretAtHours {
  processorHours: number;
  meanPercent: number;
  bySeedPercent: number[];
}

export interface OwnReport {
  name: string;
  seeds: number[];
  at: RegretAtHours[];
  end: RegretAtHours;
  /** Of the front in the end, mean. */
  architectures: number;
}

export interface OutsideReport {
  name: string;
  seeds: number;
  at: { processorHours: number; meanPercent: number }[];
  byEvaluations: { evaluations: number; processorHours: number; meanPercent: number }[];
  /** How many times as long it takes to what an own contestant has at each time. */
  slower: { than: string; at: ({ processorHours: number; regretPercent: number } & Speedup)[] }[];
}

export interface ProblemReportA {
  name: string;
  reward: string;
  score: string;
  cost: string;
  own: OwnReport[];
  outside: OutsideReport[];
  /** Curves by contestant and seed, for the picture. */
  curves: Record<string, Curve[]>;
}

export interface ReportA {
  hours: number;
  cost: MeasuredCost | undefined;
  problems: ProblemReportA[];
}

interface OwnCurves {
  name: string;
  seeds: number[];
  curves: Curve[];
  architectures: number;
}

export function reportA(
  state: ContestState,
  { contestants, seeds }: { contestants: readonly string[]; seeds: readonly number[] },
  context: Context,
): ReportA {
  const cost = state.read(costUnit(context));
  const problems = contestProblems(tableFile(context)).map((search) => {
    const own = ownOf(state, search, { contestants, seeds }, context);
    const outside = cost === undefined ? new Map() : outsideOf(state, search, contestants, { cost, context });
    return problemReport(search, own, outside, context.hours);
  });
  return { hours: context.hours, cost, problems };
}

function ownOf(
  state: ContestState,
  search: TabularSearch,
  { contestants, seeds }: { contestants: readonly string[]; seeds: readonly number[] },
  context: Context,
): OwnCurves[] {
  const benchmark = loadBenchmark(search);
  return contestants.filter(isOwn).flatMap((name) => {
    const runs = seeds.flatMap((seed) => {
      const run = state.read(ownUnit(name, seed, context));
      return run === undefined ? [] : [{ seed, run }];
    });
    if (runs.length === 0) return [];
    return [
      {
        name,
        seeds: runs.map(({ seed }) => seed),
        curves: runs.map(({ run }) => ownCurve(run, benchmark)),
        architectures: mean(runs.map(({ run }) => run.fronts.at(-1)?.front.length ?? 0)),
      },
    ];
  });
}

function outsideOf(
  state: ContestState,
  search: TabularSearch,
  contestants: readonly string[],
  { cost, context }: { cost: MeasuredCost; context: Context },
): Map<string, Curve[]> {
  const benchmark = loadBenchmark(search);
  const wanted = [...outsideContestants, ...strategyContestants].filter((name) => contestants.includes(name));
  return new Map(
    wanted.flatMap((name) => {
      const run = state.read(outsideUnit(name, search, context));
      return run === undefined ? [] : [[name, outsideCurves(run, benchmark, cost)]];
    }),
  );
}

function problemReport(
  { name, reward, score, cost }: TabularSearch,
  own: readonly OwnCurves[],
  outside: ReadonlyMap<string, Curve[]>,
  hours: number,
): ProblemReportA {
  const ownReports = own.map((contestant) => ownReport(contestant, hours));
  return {
    name,
    reward,
    score,
    cost,
    own: ownReports,
    outside: [...outside].map(([peer, curves]) => outsideReport(peer, curves, ownReports, hours)),
    curves: Object.fromEntries([
      ...own.map((contestant) => [contestant.name, contestant.curves] as const),
      ...outside,
    ]),
  };
}

function ownReport({ name, seeds, curves, architectures }: OwnCurves, hours: number): OwnReport {
  const at = shares.map((share) => {
    const bySeedPercent = curves.map((curve) => regretAt(curve, 3600 * share * hours));
    return { processorHours: share * hours, meanPercent: mean(bySeedPercent), bySeedPercent };
  });
  const ends = curves.map((curve) => curve.at(-1)?.processorSeconds ?? 0);
  const bySeedPercent = curves.map((curve) => regretAt(curve, Number.POSITIVE_INFINITY));
  const end = { processorHours: mean(ends) / 3600, meanPercent: mean(bySeedPercent), bySeedPercent };
  return { name, seeds, at, end, architectures };
}

function outsideReport(
  name: string,
  curves: readonly Curve[],
  own: readonly OwnReport[],
  hours: number,
): OutsideReport {
  const byEvaluations = evaluationMarks.map((evaluations) => {
    const points = curves.map((curve) => curve[Math.min(evaluations, curve.length) - 1]);
    const meanOf = (key: keyof Curve[number]) => mean(points.map((point) => point?.[key] ?? Number.NaN));
    const processorHours = meanOf("processorSeconds") / 3600;
    return { evaluations, processorHours, meanPercent: meanOf("regretPercent") };
  });
  return {
    name,
    seeds: curves.length,
    at: shares.map((share) => ({
      processorHours: share * hours,
      meanPercent: meanRegretAt(curves, 3600 * share * hours),
    })),
    byEvaluations,
    slower: own.map((contestant) => ({ than: contestant.name, at: slowerThan(curves, contestant) })),
  };
}

function slowerThan(curves: readonly Curve[], { at, end }: OwnReport): OutsideReport["slower"][number]["at"] {
  return [...at, end].map(({ processorHours, meanPercent: regretPercent }) => ({
    processorHours,
    regretPercent,
    ...speedupOf(curves, { processorSeconds: 3600 * processorHours, regretPercent }),
  }));
}
