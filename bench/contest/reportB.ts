/** Part B's figures, from whatever units are there. */

import { hypervolume } from "../../shared/hypervolume.ts";
import { type Interval, intervalOf, pick, resamples } from "../ranking/statistics.ts";
import { mean } from "../search/samples.ts";
import type { Member } from "./answer.ts";
import type { Architecture, ContestDataset, SpaceName } from "./arena.ts";
import { isAlike } from "./controls.ts";
import { isOwnB, type PartB, testSeeds } from "./partB.ts";
import type { ContestState } from "./state.ts";

/** About a tenth, a half and nine tenths of a space's random architectures have fewer parameters. */
export const parameterLimits: Record<SpaceName, readonly number[]> = {
  "tnd-nas": [60_000, 80_000, 100_000],
  darts: [50_000, 65_000, 80_000],
};
/** Volumes are of accuracies above this, in percent. */
const leastAccuracy: Record<ContestDataset, number> = { "fashion-mnist": 70, cifar10: 30 };
/** About the smallest and the largest network of a space. */
const parameterRange: Record<SpaceName, readonly [low: number, high: number]> = {
  "tnd-nas": [15_000, 200_000],
  darts: [15_000, 170_000],
};
const bootstraps = 2000;

/** One answer, judged. */
export interface Judged {
  contestant: string;
  dataset: ContestDataset;
  seed: number;
  processorSeconds: number;
  seen: number;
  architectures: number;
  /** Share in percent of the volume between the reference and a perfect network of the smallest size. */
  volumePercent: number;
  /** Best test accuracy by parameter limit; null where nothing is below it. */
  bestPercent: (number | null)[];
  /** Of each architecture with controls, its test accuracy less the mean of theirs. */
  aboveControls: number[];
}

export interface Paired {
  product: string;
  other: string;
  /** Volume first, then the best by parameter limit: the product's less the other's. */
  differences: (Interval & { pairs: number })[];
}

export interface ReportB {
  space: SpaceName;
  limits: readonly number[];
  judged: Judged[];
  paired: Paired[];
  aboveControls: { contestant: string; architectures: number; interval: Interval }[];
  /** Trainings that the report still lacks. */
  missing: number;
}

export function reportB(
  space: SpaceName,
  parts: readonly PartB[],
  contestants: readonly string[],
  state: ContestState,
): ReportB {
  const judged = parts.flatMap((part) => judgedOf(part, state));
  const untested = parts.flatMap((part) => part.testUnits(state)).filter((unit) => !state.read(unit));
  const present = contestants.filter((name) => judged.some(({ contestant }) => contestant === name));
  return {
    space,
    limits: parameterLimits[space],
    judged,
    paired: present
      .filter(isOwnB)
      .flatMap((product) =>
        present
          .filter((other) => other !== product)
          .map((other) => ({ product, other, differences: differencesOf(judged, product, other) })),
      ),
    aboveControls: present.map((contestant) => {
      const values = judged
        .filter((row) => row.contestant === contestant)
        .flatMap((row) => row.aboveControls);
      return { contestant, architectures: values.length, interval: meanInterval(values) };
    }),
    missing: untested.length,
  };
}

/** Answers of which every architecture was tested. */
function judgedOf(part: PartB, state: ContestState): Judged[] {
  const { space, dataset } = part.arena;
  const answers = part.answers(state);
  const controls = testedControls(
    part,
    answers.flatMap(({ answer }) => answer),
    state,
  );
  return answers.flatMap(({ name: contestant, seed, answer, processorSeconds, seen }) => {
    const tested = answer.map((member) => ({ ...member, test: testOf(part, member, state, testSeeds) }));
    if (tested.some(({ test }) => test === undefined)) return [];
    const points = tested.map(({ parameters, test = 0 }) => ({ parameters, accuracy: test }));
    const judged: Judged = {
      contestant,
      dataset,
      seed,
      processorSeconds,
      seen,
      architectures: answer.length,
      volumePercent: volumeOf(points, space, dataset),
      bestPercent: parameterLimits[space].map((limit) => bestBelow(points, limit)),
      aboveControls: points.flatMap((point) => aboveControls(point, controls)),
    };
    return [judged];
  });
}

interface Point {
  parameters: number;
  /** On the test images, in percent. */
  accuracy: number;
}

function testedControls(part: PartB, members: readonly Member[], state: ContestState): Point[] {
  return part.controls(members).flatMap((control) => {
    const accuracy = testOf(part, control, state, testSeeds.slice(0, 1));
    return accuracy === undefined ? [] : [{ parameters: control.parameters, accuracy }];
  });
}

/** The mean over the seeds; undefined while one is missing. */
function testOf(
  part: PartB,
  architecture: Architecture,
  state: ContestState,
  seeds: readonly number[],
): number | undefined {
  const tested = seeds.map((seed) => state.read(part.testUnit(architecture, seed)));
  if (tested.some((result) => result === undefined)) return undefined;
  return mean(tested.flatMap((result) => result?.testAccuracy ?? []));
}

/** In percent: 0 of what is worse than the reference, 100 of a perfect network of the smallest size. */
export function volumeOf(points: readonly Point[], space: SpaceName, dataset: ContestDataset): number {
  const [low, high] = parameterRange[space].map(Math.log) as [number, number];
  const least = leastAccuracy[dataset];
  const scaled = points.map(({ parameters, accuracy }) => [
    Math.max(0, (Math.log(parameters) - low) / (high - low)),
    (100 - accuracy) / (100 - least),
  ]);
  return 100 * hypervolume(scaled, [1, 1]);
}

export function bestBelow(points: readonly Point[], limit: number): number | null {
  const below = points.filter(({ parameters }) => parameters <= limit).map(({ accuracy }) => accuracy);
  return below.length === 0 ? null : Math.max(...below);
}

function aboveControls({ parameters, accuracy }: Point, controls: readonly Point[]): number[] {
  const alike = controls.filter((control) => isAlike(control.parameters, parameters));
  return alike.length === 0 ? [] : [accuracy - mean(alike.map((control) => control.accuracy))];
}

/** Over the data sets and seeds that both have. */
function differencesOf(judged: readonly Judged[], product: string, other: string): Paired["differences"] {
  const pairs = judged
    .filter(({ contestant }) => contestant === product)
    .flatMap((own) => {
      const against = judged.find(
        ({ contestant, dataset, seed }) =>
          contestant === other && dataset === own.dataset && seed === own.seed,
      );
      return against === undefined ? [] : [{ own: measuresOf(own), against: measuresOf(against) }];
    });
  const measures = pairs[0]?.own.length ?? 0;
  return Array.from({ length: measures }, (_, index) => {
    const values = pairs.flatMap(({ own, against }) => {
      const [left, right] = [own[index] ?? null, against[index] ?? null];
      return left === null || right === null ? [] : [left - right];
    });
    return { ...meanInterval(values), pairs: values.length };
  });
}

const measuresOf = ({ volumePercent, bestPercent }: Judged): (number | null)[] => [
  volumePercent,
  ...bestPercent,
];

/** The mean with its 95 % interval by bootstrap. */
export function meanInterval(values: readonly number[]): Interval {
  if (values.length === 0) return { value: null, low: null, high: null };
  const estimates = resamples(values.length, bootstraps, 1).map((draw) => mean([...pick(values, draw)]));
  return intervalOf(mean(values), estimates);
}
