/**
 * How much computing a search and its final training are, before either has begun: multiply-accumulates of its networks,
 * from their sizes. Rough, within a factor of two or so; what a search measures takes its place. Pure.
 */

import { candidateTrainings, rungSteps } from "./candidateTrainings.ts";
import { factsOf } from "./datasets.ts";
import { costTableOf, medianMacs } from "./networkCosts.ts";
import { recipeSteps, resolveRecipe } from "./recipes.ts";
import { rerankingLength, rerankingShare, rungRecipe, withReranking } from "./reranking.ts";
import { trainedSize } from "./scaling.ts";
import { type Schedule, type Stage, stageSteps } from "./schedule.ts";
import { resolveReranking, resolveSchedule, type Specification, scoredFirst } from "./specification.ts";

/** A training step goes forward, and back to activations and to weights. */
const passes = 3;
/** Of what a rented GPU reaches on networks of small separable convolutions in 32-bit floats: a tenth of its peak. */
export const assumedMacsPerSecond = 1e12;
/** What is set aside for the final training is its estimate times this. */
export const safety = 1.25;

/** Multiply-accumulates. */
export interface Work {
  /** Of the rounds, or the trainings of candidates, with what is scored first. */
  search: number;
  /** Of what is scored first. */
  scoring: number;
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
  const search = schedule.stages.reduce(
    (sum, stage) => sum + imagesOf(stage, schedule, trainImages) * macsAt(stage),
    0,
  );
  const { finalTraining, evaluation } = specification;
  const { batchSize } = resolveRecipe(finalTraining);
  const scoring = scoredFirst(specification) * scoringWork(macsAt(scoredSize(specification)));
  const candidates =
    evaluation.kind === "training"
      ? passes * candidateTrainings(specification, evaluation).steps * batchSize * macs
      : null;
  const finalImages = finalTraining.top * recipeSteps(finalTraining, trainImages) * batchSize;
  return {
    scoring,
    search: scoring + (candidates ?? search),
    reranking: passes * rerankingLength(specification).steps * batchSize * macs,
    finalTraining: passes * finalImages * macsAt(trainedSize(specification, finalTraining)),
  };
}

/** Images that go through a network of a stage, once each: those that train it, and those that candidates are measured on. */
function imagesOf(stage: Stage, schedule: Schedule, trainImages: number): number {
  const { policy, confirmation, batchSize, stepsPerRound } = schedule;
  const { total, warmup } = stageSteps(stage, schedule, trainImages);
  const rounds = Math.ceil((total - warmup) / stepsPerRound);
  const { architectures, images, tuningSteps } = confirmation;
  return (
    passes * total * batchSize +
    rounds * policy.candidates * policy.evaluationImages +
    architectures * (images + passes * tuningSteps * batchSize)
  );
}

/** Scoring an architecture takes about as long as a weight step on so many images: small operations one after the other. */
const scoringImages = 256;
const scoringWork = (macs: number): number => passes * scoringImages * macs;
/** Of what a search's rounds cost, the part that scores without training may cost unless it says otherwise. */
const scoringShare = 1 / 5;
/** Fewer are not worth it, and more find hardly better ones. */
const fewestScored = 16;
const mostScored = 1500;

/** Size of the networks that are scored: a search's first. */
export function scoredSize(specification: Specification): { channels: number; layers: number } {
  const [stage] = specification.evaluation.kind === "supernet" ? resolveSchedule(specification).stages : [];
  return stage ?? trainedSize(specification);
}

/**
 * The specification with what is sized by its length where it does not say what it wants: short trainings, and scores
 * without training.
 */
export const withSizedParts = (specification: Specification): Specification =>
  withSizedReranking(withSizedScoring(specification));

function withSizedReranking(specification: Specification): Specification {
  if (specification.evaluation.kind !== "supernet") return specification;
  const { search } = workOf({ ...specification, reranking: undefined });
  const budget = (search * rerankingShare) / (1 - rerankingShare);
  return withReranking(specification, Math.floor(budget / stepWork(specification)));
}

function withSizedScoring(specification: Specification): Specification {
  const { evaluation } = specification;
  if (evaluation.kind === "tabular" || evaluation.untrained !== undefined) return specification;
  const ofOne = workOf({ ...specification, evaluation: { ...evaluation, untrained: { architectures: 1 } } });
  const { search, scoring: each } = ofOne;
  const payable = Math.min(
    (search - each) / (1 - scoringShare),
    budgetSeconds(specification) * assumedMacsPerSecond,
  );
  const architectures = Math.min(mostScored, Math.floor((scoringShare * payable) / each));
  if (architectures < fewestScored) return specification;
  return { ...specification, evaluation: { ...evaluation, untrained: { architectures } } };
}

/** Of a machine's time, what the tightest budget pays for; infinitely many without one. */
function budgetSeconds({ budget, rental }: Specification): number {
  const none = Number.POSITIVE_INFINITY;
  const { gpuHours = none, wallClockHours = none, usd } = budget;
  const paid = usd === undefined || rental === undefined ? none : usd / rental.maxUsdPerHour;
  return 3600 * Math.min(gpuHours, wallClockHours, paid);
}

/** Of a weight step of the final training's recipe, at the size of the search's networks. */
function stepWork(specification: Specification): number {
  const { batchSize } = resolveRecipe(specification.finalTraining);
  return passes * batchSize * medianMacs(costTableOf(specification), specification);
}

/** Of the fewest short trainings that compare anything: two on the first rung. */
export function leastReranking(specification: Specification): number {
  if (resolveReranking(specification) === null) return 0;
  const { trainImages } = factsOf(specification.dataset);
  return 2 * recipeSteps(rungRecipe(specification, 0), trainImages) * stepWork(specification);
}

/** Share of its budget of hours that a search keeps for its short trainings; 0 where it has none. */
export function keptForReranking(specification: Specification): number {
  if (resolveReranking(specification) === null) return 0;
  const { search, reranking } = workOf(specification);
  return Math.min(rerankingShare, reranking / (search + reranking));
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
  // What scoring takes for its multiply-adds says little of training.
  const first = work.scoring > 0 ? 1 : 0;
  const isMeasured = busySeconds >= leastMeasuredSeconds && rounds > first && of > 0;
  return isMeasured ? doneOf(work, rounds, of) / busySeconds : assumedMacsPerSecond;
}

/** What so many of all rounds have computed: the first of them scores, where anything is scored. */
function doneOf({ search, scoring }: Work, rounds: number, of: number): number {
  const first = scoring > 0 ? 1 : 0;
  const share = of > first ? Math.min(1, (rounds - first) / (of - first)) : 1;
  return scoring + (search - scoring) * share;
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

/** Of a search by training, what scoring and its first training are expected to take; 0 of others. */
export function secondsOfFirst(specification: Specification): number {
  const { evaluation } = specification;
  if (evaluation.kind !== "training") return 0;
  const [first = 0] = rungSteps(specification, evaluation);
  const { steps } = candidateTrainings(specification, evaluation);
  const { search, scoring } = workOf(specification);
  return (scoring + ((search - scoring) / steps) * first) / assumedMacsPerSecond;
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
