/**
 * How much computing a search and its final training are, before either has begun: multiply-accumulates of its networks,
 * from their sizes. Rough, within a factor of two or so; what a search measures takes its place. Pure.
 */

import { candidateTrainings, rungSteps } from "./candidateTrainings.ts";
import { factsOf } from "./datasets.ts";
import { costTableOf, medianMacs } from "./networkCosts.ts";
import { recipeSteps, resolveRecipe } from "./recipes.ts";
import { rerankingLength } from "./reranking.ts";
import { trainedSize } from "./scaling.ts";
import { stageSteps } from "./schedule.ts";
import { resolveSchedule, type Specification } from "./specification.ts";

/** A training step goes forward, and back to activations and to weights. */
const passes = 3;
/** What evaluating candidates adds to training the supernet. */
const evaluationShare = 0.2;
/** Of what a rented GPU reaches on networks of small separable convolutions in 32-bit floats: a tenth of its peak. */
export const assumedMacsPerSecond = 1e12;
/** What is set aside for the final training is its estimate times this. */
export const safety = 1.25;

/** Multiply-accumulates. */
export interface Work {
  search: number;
  reranking: number;
  finalTraining: number;
}

/** @throws RangeError where a table is searched, which trains nothing */
export function workOf(specification: Specification): Work {
  const own = trainedSize(specification);
  const macs = medianMacs(costTableOf(specification), specification);
  // A cell's convolutions grow with the square of its channels.
  const macsAt = ({ channels, layers }: { channels: number; layers: number }): number =>
    macs * (layers / own.layers) * (channels / own.channels) ** 2;
  const schedule = resolveSchedule(specification);
  const { trainImages } = factsOf(specification.dataset);
  const images = schedule.stages.map(
    (stage) => [stageSteps(stage, schedule, trainImages).total * schedule.batchSize, stage] as const,
  );
  const search = images.reduce((sum, [count, stage]) => sum + passes * count * macsAt(stage), 0);
  const { finalTraining, evaluation } = specification;
  const { batchSize } = resolveRecipe(finalTraining);
  const candidates =
    evaluation.kind === "training"
      ? passes * candidateTrainings(specification, evaluation).steps * batchSize * macs
      : null;
  const finalImages = finalTraining.top * recipeSteps(finalTraining, trainImages) * batchSize;
  return {
    search: candidates ?? search * (1 + evaluationShare),
    reranking: passes * rerankingLength(specification).steps * batchSize * macs,
    finalTraining: passes * finalImages * macsAt(trainedSize(specification, finalTraining)),
  };
}

/** What a search has done so far. */
export interface Done {
  rounds: number;
  /** Rounds in all. */
  of: number;
  busySeconds: number;
}

export const notBegun: Done = { rounds: 0, of: 0, busySeconds: 0 };

const leastMeasuredSeconds = 60;

/** As measured so far, or as assumed. */
export function macsPerSecond(work: Work, { rounds, of, busySeconds }: Done): number {
  const isMeasured = busySeconds >= leastMeasuredSeconds && rounds > 0 && of > 0;
  return isMeasured ? (work.search * Math.min(1, rounds / of)) / busySeconds : assumedMacsPerSecond;
}

/** Seconds that are set aside for what comes after the last round: ordering the archive, and the final training. */
export function secondsAfterwards(
  specification: Specification,
  done: Done,
): { reranking: number; finalTraining: number } {
  const work = workOf(specification);
  const rate = macsPerSecond(work, done) / safety;
  return { reranking: work.reranking / rate, finalTraining: work.finalTraining / rate };
}

/** Of a search by training, what its first training is expected to take; 0 of others. */
export function secondsOfFirst(specification: Specification): number {
  const { evaluation } = specification;
  if (evaluation.kind !== "training") return 0;
  const [first = 0] = rungSteps(specification, evaluation);
  const { steps } = candidateTrainings(specification, evaluation);
  return ((workOf(specification).search / steps) * first) / assumedMacsPerSecond;
}

/** What a search is expected to take, in hours of one GPU, and in dollars at the price that may be paid. */
export interface Estimate {
  gpuHours: { search: number; reranking: number; finalTraining: number };
  /** Null without `rental`. */
  usd: number | null;
}

export function estimateOf(specification: Specification): Estimate {
  const work = workOf(specification);
  const hours = (macs: number): number => macs / assumedMacsPerSecond / 3600;
  const gpuHours = {
    search: hours(work.search),
    reranking: hours(work.reranking),
    finalTraining: hours(work.finalTraining),
  };
  const { rental } = specification;
  const all = gpuHours.search + gpuHours.reranking + gpuHours.finalTraining;
  return { gpuHours, usd: rental === undefined ? null : all * rental.maxUsdPerHour };
}
