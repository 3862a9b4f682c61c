/** Means of samples with their errors, and tests of whether two samples have the same one. */

import jstat from "jstat";

export interface Welch {
  /** Mean of the first less that of the second. */
  difference: number;
  degreesOfFreedom: number;
  /** Two-sided. */
  pValue: number;
}

/** Welch's test, which does not take the samples' variances for equal. Samples need two values each. */
export function welch(first: readonly number[], second: readonly number[]): Welch {
  const difference = mean(first) - mean(second);
  const [left, right] = [squaredError(first), squaredError(second)];
  const variance = left + right;
  const degreesOfFreedom =
    variance ** 2 / (left ** 2 / (first.length - 1) + right ** 2 / (second.length - 1));
  if (variance === 0) return { difference, degreesOfFreedom: 0, pValue: difference === 0 ? 1 : 0 };
  const statistic = Math.abs(difference) / Math.sqrt(variance);
  return { difference, degreesOfFreedom, pValue: 2 * jstat.studentt.cdf(-statistic, degreesOfFreedom) };
}

/** Student's test of whether paired values have the same mean. Samples need two pairs. */
export function pairedT(
  first: readonly number[],
  second: readonly number[],
): { difference: number; pValue: number } {
  const differences = first.map((value, index) => value - (second[index] as number));
  const difference = mean(differences);
  const error = standardError(differences) ?? Number.NaN;
  if (error === 0) return { difference, pValue: difference === 0 ? 1 : 0 };
  return { difference, pValue: 2 * jstat.studentt.cdf(-Math.abs(difference / error), first.length - 1) };
}

/** The p-values adjusted so that calling those below a level significant errs in the whole family at that level. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues
    .map((_, index) => index)
    .sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = pValues.map(() => 1);
  let least = 0;
  for (const [rank, index] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * (pValues[index] as number)));
    adjusted[index] = least;
  }
  return adjusted;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of the mean; null of fewer than two values. */
export const standardError = (values: readonly number[]): number | null =>
  values.length < 2 ? null : Math.sqrt(squaredError(values));

function squaredError(values: readonly number[]): number {
  const center = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - center) ** 2, 0);
  return squares / (values.length - 1) / values.length;
}
