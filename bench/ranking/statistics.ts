/**
 * How well scores order architectures: Spearman's rho; this and Kendall's tau over pairs inside groups only, or over the
 * best by the truth; and paired bootstrap intervals of them.
 */

import { Random } from "../../shared/random.ts";
import { countPairs, type Pairs, ranksOf, tauOf } from "../../shared/rankCorrelation.ts";

/** An estimate with the bounds between which 95 % of its bootstrap estimates lie; null where nothing is ordered. */
export interface Interval {
  value: number | null;
  low: number | null;
  high: number | null;
}

/** Kendall's tau-b over the pairs whose two items have the same group; every pair counts once. */
export function kendallWithin(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  groups: ArrayLike<number>,
): number | null {
  const sum: Pairs = { all: 0, tiedFirst: 0, tiedSecond: 0, tiedBoth: 0, discordant: 0 };
  for (const members of membersByGroup(groups)) {
    const pairs = countPairs(pick(first, members), pick(second, members));
    for (const key of Object.keys(sum) as (keyof Pairs)[]) sum[key] += pairs[key];
  }
  return tauOf(sum);
}

/** Spearman's rho: the correlation of the ranks; null where one of the two orders nothing. */
export function spearman(first: ArrayLike<number>, second: ArrayLike<number>): number | null {
  return correlation(ranksOf(first), ranksOf(second));
}

/**
 * Spearman's rho inside groups: ranks are taken, and centred, group by group, and correlated over all.
 */
export function spearmanWithin(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  groups: ArrayLike<number>,
): number | null {
  const ranks = [first, second].map((values) => {
    const centred = new Float64Array(values.length);
    for (const members of membersByGroup(groups)) {
      const within = ranksOf(pick(values, members));
      for (const [at, index] of members.entries())
        centred[index] = (within[at] as number) - (members.length + 1) / 2;
    }
    return centred;
  });
  return correlation(ranks[0] as Float64Array, ranks[1] as Float64Array);
}

function correlation(first: Float64Array, second: Float64Array): number | null {
  const mean = (values: Float64Array): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [firstMean, secondMean] = [mean(first), mean(second)];
  let [both, firstSquares, secondSquares] = [0, 0, 0];
  for (const [index, value] of first.entries()) {
    const [left, right] = [value - firstMean, (second[index] as number) - secondMean];
    both += left * right;
    firstSquares += left * left;
    secondSquares += right * right;
  }
  const scale = Math.sqrt(firstSquares * secondSquares);
  return scale === 0 ? null : both / scale;
}

/** The items with the largest values, this share of them. */
export function best(values: ArrayLike<number>, share: number): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index).sort(
    (left, right) => (values[right] as number) - (values[left] as number),
  );
  return order.slice(0, Math.round(values.length * share));
}

/** The values of the items at the positions. */
export const pick = (values: ArrayLike<number>, at: ArrayLike<number>): Float64Array =>
  Float64Array.from({ length: at.length }, (_, index) => values[at[index] as number] as number);

function membersByGroup(groups: ArrayLike<number>): number[][] {
  const members = new Map<number, number[]>();
  for (let index = 0; index < groups.length; index++) {
    const group = groups[index] as number;
    const known = members.get(group);
    if (known === undefined) members.set(group, [index]);
    else known.push(index);
  }
  return [...members.values()];
}

/** Draws with replacement of as many items as there are: the same ones for every statistic, so differences pair. */
export function resamples(items: number, count: number, seed: number): Uint32Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () =>
    Uint32Array.from({ length: items }, () => random.integer(items)),
  );
}

/** The interval between the 2.5th and the 97.5th percentile of what the resamples give. */
export function intervalOf(value: number | null, estimates: readonly (number | null)[]): Interval {
  const sorted = Float64Array.from(estimates.filter((estimate) => estimate !== null)).sort();
  if (value === null || sorted.length === 0) return { value, low: null, high: null };
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { value, low: at(0.025), high: at(0.975) };
}
