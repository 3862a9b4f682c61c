/**
 * What a ranking is worth: correlations of several scores with the true accuracy, each with its interval, and the
 * differences that decide whether one of them is better. All scores are fixed before the true accuracy is looked at.
 */

import { deriveSeed } from "../../shared/random.ts";
import { kendall, ranksOf } from "../../shared/rankCorrelation.ts";
import { azNas, everyScore, joined, logRankSum, type UntrainedScores } from "../../shared/untrained.ts";
import { corrected, spacedBy } from "./corrected.ts";
import type { Score } from "./scoreFile.ts";
import {
  best,
  type Interval,
  intervalOf,
  kendallWithin,
  pick,
  resamples,
  spearman,
  spearmanWithin,
} from "./statistics.ts";

import { type BenchmarkCell, liveEdges, space } from "./table.ts";

/** The share of the cells that count as the best. */
const TOP_SHARE = 0.2;

/** A score of cells, as a table row: what it is called and what it is. */
interface Ranker {
  title: string;
  /** Larger is better. */
  scores: ArrayLike<number>;
}

const operationNames = space.cells.normal?.operations ?? [];
/** Weights of an operation relative to a 1x1 convolution; batch norms left out. */
const relativeSizes: Record<string, number> = { nor_conv_1x1: 1, nor_conv_3x3: 9 };

/** Convolution weights on edges that lie between input and output, in units of a 1x1 convolution. */
export function liveSize(selection: readonly number[]): number {
  const live = liveEdges(selection);
  return selection.reduce(
    (sum, operation, edge) => sum + (live[edge] ? (relativeSizes[operationNames[operation] ?? ""] ?? 0) : 0),
    0,
  );
}

/** The mean of the ranks that two scores give. */
function meanOfRanks(first: ArrayLike<number>, second: ArrayLike<number>): Float64Array {
  const [left, right] = [ranksOf(first), ranksOf(second)];
  return left.map((rank, index) => (rank + (right[index] as number)) / 2);
}

/** What cells were scored by. */
export interface Evidence {
  /** By shared weights. */
  supernet?: readonly Score[] | undefined;
  /** Without training, means over seeds. */
  untrained?: readonly UntrainedScores[] | undefined;
}

type Rankers = Record<string, Ranker>;

function rankersOf(cells: readonly BenchmarkCell[], { supernet, untrained }: Evidence) {
  const parameters = cells.map((cell) => cell.parameters);
  const liveParameters = cells.map(({ selection }) => liveSize(selection));
  return {
    parameters: { title: "parameters alone", scores: parameters },
    liveParameters: { title: "parameters that an output depends on", scores: liveParameters },
    twelveEpochs: { title: "the benchmark's own 12 epochs", scores: cells.map((cell) => cell.twelveEpochs) },
    ...(supernet === undefined ? {} : supernetRankers(supernet, { parameters, liveParameters })),
    ...(untrained === undefined ? {} : untrainedRankers(untrained)),
    ...(untrained === undefined ? {} : combinedRankers(cells, untrained, supernet)),
  } satisfies Rankers;
}

function supernetRankers(
  scores: readonly Score[],
  { parameters, liveParameters }: Record<"parameters" | "liveParameters", readonly number[]>,
): Rankers {
  const supernet = scores.map(({ loss }) => -loss);
  return {
    supernet: { title: "**supernet, -loss**", scores: supernet },
    supernetAccuracy: { title: "supernet, accuracy", scores: scores.map(({ accuracy }) => accuracy) },
    combination: { title: "**parameters + supernet**", scores: meanOfRanks(parameters, supernet) },
    liveCombination: {
      title: "parameters that count + supernet",
      scores: meanOfRanks(liveParameters, supernet),
    },
  };
}

function untrainedRankers(scores: readonly UntrainedScores[]): Rankers {
  const alone = (name: keyof UntrainedScores): number[] => scores.map((of) => of[name]);
  return {
    expressivity: { title: "expressivity", scores: alone("expressivity") },
    progressivity: { title: "progressivity", scores: alone("progressivity") },
    trainability: { title: "trainability", scores: alone("trainability") },
    swap: { title: "SWAP", scores: alone("distinctPatterns") },
    azNas: { title: "**AZ-NAS**", scores: joined(scores, azNas) },
  };
}

/** Numbers of short trainings that scores are corrected by: 12 epochs each. */
const shortTrainings = [8, 16, 32];

/** All scores that there are, joined; and corrected by short trainings of cells that are spaced along that order. */
function combinedRankers(
  cells: readonly BenchmarkCell[],
  untrained: readonly UntrainedScores[],
  supernet: readonly Score[] | undefined,
): Rankers {
  const scores = [
    ...everyScore.map((name) => untrained.map((of) => of[name])),
    ...(supernet === undefined ? [] : [supernet.map(({ loss }) => -loss)]),
  ];
  const order = logRankSum(scores);
  const twelveEpochs = cells.map((cell) => cell.twelveEpochs);
  const what = supernet === undefined ? "AZ-NAS + SWAP" : "AZ-NAS + SWAP + supernet";
  const rankers: Rankers = { everything: { title: `**${what}**`, scores: order } };
  for (const count of shortTrainings.filter((trainings) => trainings <= cells.length))
    rankers[`after${count}`] = {
      title: `**${what}, after ${count} short trainings**`,
      scores: corrected(scores, twelveEpochs, spacedBy(order, count)),
    };
  return rankers;
}

/** What a score's order is held against. */
interface Truth {
  accuracy: ArrayLike<number>;
  parameters: ArrayLike<number>;
  liveParameters: ArrayLike<number>;
}

type Statistic = (scores: ArrayLike<number>, truth: Truth) => number | null;

/** The columns. */
export const statistics = {
  tau: (scores, { accuracy }) => kendall(scores, accuracy),
  tauTop: (scores, { accuracy }) => {
    const top = best(accuracy, TOP_SHARE);
    return kendall(pick(scores, top), pick(accuracy, top));
  },
  tauWithin: (scores, { accuracy, parameters }) => kendallWithin(scores, accuracy, parameters),
  tauWithinLive: (scores, { accuracy, liveParameters }) => kendallWithin(scores, accuracy, liveParameters),
  rho: (scores, { accuracy }) => spearman(scores, accuracy),
  rhoTop: (scores, { accuracy }) => {
    const top = best(accuracy, TOP_SHARE);
    return spearman(pick(scores, top), pick(accuracy, top));
  },
  rhoWithin: (scores, { accuracy, parameters }) => spearmanWithin(scores, accuracy, parameters),
} satisfies Record<string, Statistic>;

export type StatisticName = keyof typeof statistics;
/** Pairs of scores whose difference is reported where both are there: first minus second. */
const comparisons: readonly [string, string][] = [
  ["combination", "parameters"],
  ["liveCombination", "liveParameters"],
  ["supernet", "parameters"],
  ["supernet", "twelveEpochs"],
  ["combination", "twelveEpochs"],
  ["azNas", "liveParameters"],
  ["everything", "liveParameters"],
  ["everything", "azNas"],
  ["everything", "supernet"],
  ["everything", "twelveEpochs"],
  ["after32", "everything"],
  ["after32", "liveParameters"],
  ["after32", "twelveEpochs"],
];

export interface RankingReport {
  rankers: Record<string, { title: string } & Record<StatisticName, Interval>>;
  differences: ({ first: string; second: string } & Record<StatisticName, Interval>)[];
  /** Per cell, in the order in which they were drawn. */
  cells: ({ index: number } & Partial<Score & UntrainedScores>)[];
}

/** Correlations of every score, with intervals over resampled cells. */
export function reportOf(
  cells: readonly BenchmarkCell[],
  evidence: Evidence,
  options: { seed: number; resamples: number },
): RankingReport {
  const rankers: Rankers & ReturnType<typeof rankersOf> = rankersOf(cells, evidence);
  const { supernet, untrained } = evidence;
  const truth: Truth = {
    accuracy: cells.map(({ accuracy }) => accuracy),
    parameters: rankers.parameters.scores,
    liveParameters: rankers.liveParameters.scores,
  };
  const draws = resamples(cells.length, options.resamples, deriveSeed(options.seed, "bootstrap"));
  const all = Uint32Array.from(cells.keys());
  const estimates = [all, ...draws].map((at) => estimatesOf(rankers, truth, at));
  const intervals = (of: (estimate: Estimates, name: StatisticName) => number | null) =>
    mapStatistics((name) => {
      const [value = null, ...others] = estimates.map((estimate) => of(estimate, name));
      return intervalOf(value, others);
    });
  return {
    rankers: Object.fromEntries(
      Object.entries<Ranker>(rankers).map(([ranker, { title }]) => [
        ranker,
        { title, ...intervals((estimate, name) => estimate[ranker]?.[name] ?? null) },
      ]),
    ),
    differences: comparisons
      .filter(([first, second]) => first in rankers && second in rankers)
      .map(([first, second]) => ({
        first,
        second,
        ...intervals((estimate, name) =>
          difference(estimate[first]?.[name] ?? null, estimate[second]?.[name] ?? null),
        ),
      })),
    cells: cells.map(({ index }, at) => ({ index, ...supernet?.[at], ...untrained?.[at] })),
  };
}

type Estimates = Record<string, Record<StatisticName, number | null>>;

function estimatesOf(rankers: Rankers, truth: Truth, at: Uint32Array): Estimates {
  const sampled: Truth = {
    accuracy: pick(truth.accuracy, at),
    parameters: pick(truth.parameters, at),
    liveParameters: pick(truth.liveParameters, at),
  };
  return Object.fromEntries(
    Object.entries(rankers).map(([name, { scores }]) => {
      const sampledScores = pick(scores, at);
      return [name, mapStatistics((statistic) => statistics[statistic](sampledScores, sampled))];
    }),
  );
}

const mapStatistics = <T>(map: (name: StatisticName) => T): Record<StatisticName, T> =>
  Object.fromEntries(Object.keys(statistics).map((name) => [name, map(name as StatisticName)])) as Record<
    StatisticName,
    T
  >;

/** An order that does not exist counts as none. */
const difference = (first: number | null, second: number | null): number | null =>
  first === null && second === null ? null : (first ?? 0) - (second ?? 0);

const headings: Record<StatisticName, string> = {
  tau: "tau",
  tauTop: "tau, top 20 %",
  tauWithin: "tau, equal parameters",
  tauWithinLive: "tau, equal parameters that count",
  rho: "rho",
  rhoTop: "rho, top 20 %",
  rhoWithin: "rho, equal parameters",
};

/** The report as Markdown tables. */
export function printed({ rankers, differences }: Pick<RankingReport, "rankers" | "differences">): string {
  const titles = Object.entries(headings) as [StatisticName, string][];
  const rows = (entries: [string, Record<StatisticName, Interval>][]): string[] =>
    entries.map(
      ([title, intervals]) => `| ${title} | ${titles.map(([name]) => cell(intervals[name])).join(" | ")} |`,
    );
  const head = (first: string): string[] => [
    `| ${first} | ${titles.map(([, title]) => title).join(" | ")} |`,
    `| --- |${titles.map(() => " --: |").join("")}`,
  ];
  return [
    ...head("score"),
    ...rows(Object.values(rankers).map((row) => [row.title, row])),
    "",
    ...head("difference"),
    ...rows(differences.map((row) => [`${rankers[row.first]?.title} - ${rankers[row.second]?.title}`, row])),
  ].join("\n");
}

function cell({ value, low, high }: Interval): string {
  if (value === null) return "-";
  const text = (number: number | null): string => (number === null ? "-" : number.toFixed(3));
  return `${text(value)} [${text(low)}, ${text(high)}]`;
}
