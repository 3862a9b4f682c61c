/** How far the front that a search found is from the best that the table has. */

import { ParetoFront } from "../../shared/pareto.ts";

/** By row. */
export interface Values {
  /** What the search sees, to be maximised. */
  reward: Float64Array;
  /** What is true, in percent. */
  score: Float64Array;
  /** To be minimised. */
  cost: Float64Array;
}

const costQuantile = 0.995;

/**
 * Regret in percent: the share of the true front's hypervolume that is missing. The rows that no other evaluated one
 * beats in reward and cost are taken at their true score; the volume is the area under the best score at or below a
 * cost, from a score of 0. The cost axis runs from the least cost of a row that learns (whose score is above the middle
 * between the lowest and the highest) to the 99.5th percentile; what costs less counts at its start, what costs more
 * not at all.
 *
 * @returns the regret after the given rows were evaluated
 */
export function regretMeasure(values: Values): (rows: Iterable<number>) => number {
  const { reward, cost } = values;
  const regretOf = frontRegretMeasure(values);
  return (rows) => {
    const seen = new ParetoFront<number>(2);
    for (const row of rows) seen.insert([at(cost, row), -at(reward, row)], row);
    return regretOf(seen.entries().map(({ item }) => item));
  };
}

/** The same of a search that hands a front over itself: the regret of exactly those rows, 100 of none. */
export function frontRegretMeasure({
  score,
  cost,
}: Pick<Values, "score" | "cost">): (front: Iterable<number>) => number {
  const axis = costAxis(score, cost);
  const best = areaUnder(score.keys(), score, cost, axis);
  return (front) => 100 * (1 - areaUnder(front, score, cost, axis) / best);
}

interface CostAxis {
  low: number;
  high: number;
}

function costAxis(score: Float64Array, cost: Float64Array): CostAxis {
  const middle = (score.reduce((a, b) => Math.min(a, b)) + score.reduce((a, b) => Math.max(a, b))) / 2;
  const ofLearning = cost.filter((_, row) => at(score, row) > middle);
  const sorted = cost.toSorted();
  return {
    low: ofLearning.reduce((a, b) => Math.min(a, b)),
    high: at(sorted, Math.floor(costQuantile * (sorted.length - 1))),
  };
}

function areaUnder(
  rows: Iterable<number>,
  score: Float64Array,
  cost: Float64Array,
  { low, high }: CostAxis,
): number {
  const inside = [...rows].filter((row) => at(cost, row) <= high);
  inside.sort((left, right) => at(cost, left) - at(cost, right));
  let area = 0;
  let height = 0;
  let from = low;
  for (const row of inside) {
    const to = Math.max(low, at(cost, row));
    area += height * (to - from);
    height = Math.max(height, at(score, row));
    from = to;
  }
  return area + height * (high - from);
}

const at = (values: Float64Array, row: number): number => values[row] ?? Number.NaN;
