/**
 * Scores of networks that were never trained, and how they are joined: by their ranks alone, as AZ-NAS does (Lee and Ham
 * 2024, arXiv 2403.19232). What makes them stands in gpu-runner/trainingFree/.
 */

import { z } from "zod";
import { ranksOf } from "./rankCorrelation.ts";

/** Most architectures that a search scores before its first weight steps. */
export const largestUntrained = 2048;

/** Of one network with one set of start weights; of all of them, larger is better. */
export const untrainedScoresSchema = z.strictObject({
  /** Entropy of the features' spectrum, in sum over blocks, and its smallest step. */
  expressivity: z.number().min(0).max(1e6),
  progressivity: z.number().min(-1e6).max(1e6),
  /** Of the blocks' Jacobians, in the mean. */
  trainability: z.number().min(-1e7).max(1),
  /** Multiply-accumulates for one image, of what an output depends on: what AZ-NAS calls complexity. */
  macs: z.number().min(0).max(1e15),
  /** SWAP: units that tell images apart in a way of their own. */
  distinctPatterns: z.number().min(0).max(1e12),
});
export type UntrainedScores = z.infer<typeof untrainedScoresSchema>;

/**
 * For each item the sum of the logarithms of its ranks, each as a share of the number of items: an item that one score
 * puts last loses more than one that it puts first gains. What is equal shares the mean of its ranks.
 *
 * @param scores of all items, a list for each score; larger is better
 */
export function logRankSum(scores: readonly ArrayLike<number>[]): Float64Array {
  const items = scores[0]?.length ?? 0;
  const sums = new Float64Array(items);
  for (const values of scores)
    for (const [item, rank] of ranksOf(values).entries())
      sums[item] = (sums[item] as number) + Math.log(rank / items);
  return sums;
}

/** What AZ-NAS joins. */
export const azNas = ["expressivity", "progressivity", "trainability", "macs"] as const;

/** That and SWAP, which makes a better order on NAS-Bench-201 (docs/explanation/ranking.md). */
export const everyScore = [...azNas, "distinctPatterns"] as const;

/** Some scores of networks, joined. */
export const joined = (
  scores: readonly UntrainedScores[],
  names: readonly (keyof UntrainedScores)[],
): Float64Array => logRankSum(names.map((name) => scores.map((of) => of[name])));

/** The means of a network's scores over seeds; null where one is no number. */
export function meanScores(seeds: readonly UntrainedScores[]): UntrainedScores | null {
  const mean = (name: keyof UntrainedScores): number =>
    seeds.reduce((sum, scores) => sum + scores[name], 0) / seeds.length;
  const means = {
    expressivity: mean("expressivity"),
    progressivity: mean("progressivity"),
    trainability: mean("trainability"),
    macs: mean("macs"),
    distinctPatterns: mean("distinctPatterns"),
  };
  return everyScore.every((name) => Number.isFinite(means[name])) ? means : null;
}
