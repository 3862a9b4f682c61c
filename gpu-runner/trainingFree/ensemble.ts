/** Scores of different scales joined by their ranks alone, as AZ-NAS does (Lee and Ham 2024, arXiv 2403.19232). */

import { ranksOf } from "../../shared/rankCorrelation.ts";
import type { TrainingFreeScores } from "./scorer.ts";

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

/** That and what activation patterns say. */
export const everyScore = [...azNas, "distinctPatterns", "logDeterminant"] as const;

/** Some scores of networks, joined. */
export const joined = (
  scores: readonly TrainingFreeScores[],
  names: readonly (keyof TrainingFreeScores)[],
): Float64Array => logRankSum(names.map((name) => scores.map((of) => of[name])));
