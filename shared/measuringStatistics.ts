/**
 * How sure repeated measurements are, without a guess at how they scatter: times have a floor and a long tail, so a
 * normal distribution would say too much. Pure.
 */

/** Half of a normal distribution lies within so many standard deviations: makes a MAD comparable with one. */
const NORMAL_MAD = 1.4826;
/** A clock with coarse steps gives equal times and so a MAD of 0; what differs by less than this share is no outlier. */
const SMALLEST_DEVIATION = 0.005;

export interface MedianInterval {
  median: number;
  low: number;
  high: number;
}

export const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** @throws RangeError where there are none */
export function medianOf(sorted: readonly number[]): number {
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError("nothing has no median");
  return (lower + upper) / 2;
}

/**
 * How many of n sorted values lie outside of the interval at either end: the largest k for which k values or more lie
 * beyond the median with a chance of (1 - confidence) / 2 at most, by the binomial distribution with 1/2. Null where
 * even the smallest and the largest are not sure enough.
 */
export function ranksOutside(n: number, confidence = 0.95): number | null {
  const tail = (1 - confidence) / 2;
  let logTerm = -n * Math.LN2; // as logarithms, because 2^-n is 0 from some thousand values on
  let below = 0;
  for (let k = 0; k < n; k++) {
    below += Math.exp(logTerm);
    if (below > tail) return k === 0 ? null : k - 1;
    logTerm += Math.log((n - k) / (k + 1));
  }
  return null;
}

/**
 * The median and its distribution-free confidence interval from order statistics (David and Nagaraja, Order
 * Statistics, 2003, section 7.1). Whatever the distribution of independent values is, the interval holds its median at
 * least so often. Null for fewer than 6 values at 95 %.
 */
export function medianInterval(values: readonly number[], confidence = 0.95): MedianInterval | null {
  const sorted = ascending(values);
  const outside = ranksOutside(sorted.length, confidence);
  if (outside === null) return null;
  const low = sorted[outside] as number;
  const high = sorted[sorted.length - 1 - outside] as number;
  return { median: medianOf(sorted), low, high };
}

export interface OutlierRule {
  /** So many deviations (MAD x 1.4826) above the median. */
  deviations: number;
  /** Of all values; where more than that lie so high they are how the thing is, and all stay. */
  largestShare: number;
}

/** Splits off what is much slower than most, as when something else had the processor; nothing is ever too fast. */
export function withoutSlow(
  values: readonly number[],
  { deviations, largestShare }: OutlierRule,
): { kept: number[]; outliers: number } {
  if (values.length === 0) return { kept: [], outliers: 0 };
  const median = medianOf(ascending(values));
  const mad = medianOf(ascending(values.map((value) => Math.abs(value - median))));
  const deviation = Math.max(NORMAL_MAD * mad, SMALLEST_DEVIATION * median);
  const kept = values.filter((value) => value <= median + deviations * deviation);
  const outliers = values.length - kept.length;
  return outliers <= largestShare * values.length ? { kept, outliers } : { kept: [...values], outliers: 0 };
}
