/**
 * Scores that need no training, corrected by a few cells that were trained: ridge regression towards the plain sum of the
 * scores' logarithmic ranks, so that few cells change little of it.
 */

import { Covariance, GaussianProcess } from "../../shared/gaussianProcess.ts";
import { ranksOf } from "../../shared/rankCorrelation.ts";

/** By how many trained cells' worth the scores hold to equal weights; chosen on the draw that is for choosing. */
const RIDGE = 60;

/**
 * Scores of all items.
 *
 * @param scores a list for each score; larger is better
 * @param targets what training gave each item; only that of the trained ones is read
 * @param trained positions of the trained items, at least two that differ
 */
export function corrected(
  scores: readonly ArrayLike<number>[],
  targets: ArrayLike<number>,
  trained: readonly number[],
): Float64Array {
  const items = targets.length;
  const columns = scores.map((values) => standardised(ranksOf(values).map((rank) => Math.log(rank / items))));
  const sums = Float64Array.from({ length: items }, (_, item) =>
    columns.reduce((sum, column) => sum + (column[item] as number), 0),
  );
  const wanted = standardised(Float64Array.from(trained, (item) => targets[item] as number));
  const prior = Float64Array.from(trained, (item) => sums[item] as number);
  const slope = dot(prior, wanted) / (dot(prior, prior) || 1);
  // Ridge regression is a Gaussian process with the inner product as its kernel.
  const inner = (left: number, right: number): number =>
    columns.reduce((sum, column) => sum + (column[left] as number) * (column[right] as number), 0);
  const matrix = Float64Array.from(trained.flatMap((left) => trained.map((right) => inner(left, right))));
  const process = new GaussianProcess(
    new Covariance(matrix, trained.length, RIDGE),
    wanted.map((value, index) => value - slope * (prior[index] as number)),
  );
  return sums.map(
    (sum, item) => slope * sum + process.mean(Float64Array.from(trained, (other) => inner(item, other))),
  );
}

/** So many positions, evenly spaced along the order of the values. */
export function spacedBy(values: ArrayLike<number>, count: number): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index).sort(
    (left, right) => (values[left] as number) - (values[right] as number),
  );
  return Array.from(
    { length: count },
    (_, index) => order[Math.floor(((index + 0.5) * order.length) / count)] as number,
  );
}

function standardised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return values.map((value) => (value - mean) / (deviation || 1));
}

const dot = (left: Float64Array, right: Float64Array): number =>
  left.reduce((sum, value, index) => sum + value * (right[index] as number), 0);
