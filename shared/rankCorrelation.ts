/** How far two scores order the same items alike: Kendall's tau-b (Knight 1966), in n log n. */

/** Number of pairs of a kind among some items. */
export interface Pairs {
  all: number;
  /** Equal in the first, in the second, in both. */
  tiedFirst: number;
  tiedSecond: number;
  tiedBoth: number;
  /** In different order; what is tied in neither and not discordant is concordant. */
  discordant: number;
}

const pairsAmong = (count: number): number => (count * (count - 1)) / 2;

/** Compares two scores of the same items pair by pair, in n log n. */
export function countPairs(first: ArrayLike<number>, second: ArrayLike<number>): Pairs {
  const order = Uint32Array.from({ length: first.length }, (_, index) => index).sort(
    (left, right) =>
      (first[left] as number) - (first[right] as number) ||
      (second[left] as number) - (second[right] as number),
  );
  const firsts = Float64Array.from(order, (index) => first[index] as number);
  const seconds = Float64Array.from(order, (index) => second[index] as number);
  const isTiedFirst = (index: number): boolean => firsts[index] === firsts[index - 1];
  const isTiedBoth = (index: number): boolean => isTiedFirst(index) && seconds[index] === seconds[index - 1];
  const tiedFirst = pairsInRuns(order.length, isTiedFirst);
  const tiedBoth = pairsInRuns(order.length, isTiedBoth);
  const discordant = sortCountingInversions(seconds);
  const tiedSecond = pairsInRuns(order.length, (index) => seconds[index] === seconds[index - 1]);
  return { all: pairsAmong(order.length), tiedFirst, tiedSecond, tiedBoth, discordant };
}

/** Pairs inside runs of items that continue what stands before them. */
function pairsInRuns(length: number, continues: (index: number) => boolean): number {
  let pairs = 0;
  let run = 0;
  for (let index = 1; index < length; index++) {
    run = continues(index) ? run + 1 : 0;
    pairs += run;
  }
  return pairs;
}

/** Sorts in place by merging and returns how many pairs stood in the wrong order. */
function sortCountingInversions(values: Float64Array): number {
  let from: Float64Array = values;
  let into: Float64Array = new Float64Array(values.length);
  let inversions = 0;
  for (let width = 1; width < values.length; width *= 2) {
    for (let start = 0; start < values.length; start += 2 * width) {
      const middle = Math.min(start + width, values.length);
      const end = Math.min(start + 2 * width, values.length);
      let left = start;
      let right = middle;
      for (let to = start; to < end; to++) {
        const takesLeft =
          right >= end || (left < middle && (from[left] as number) <= (from[right] as number));
        if (!takesLeft) inversions += middle - left;
        into[to] = from[takesLeft ? left++ : right++] as number;
      }
    }
    [from, into] = [into, from];
  }
  if (from !== values) values.set(from);
  return inversions;
}

/** Kendall's tau-b of counted pairs; null where one of the two orders nothing. */
export function tauOf({ all, tiedFirst, tiedSecond, tiedBoth, discordant }: Pairs): number | null {
  const ordered = all - tiedFirst - tiedSecond + tiedBoth;
  const scale = Math.sqrt((all - tiedFirst) * (all - tiedSecond));
  return scale === 0 ? null : (ordered - 2 * discordant) / scale;
}

/** Kendall's tau-b. */
export const kendall = (first: ArrayLike<number>, second: ArrayLike<number>): number | null =>
  tauOf(countPairs(first, second));

/** Ranks from 1; what is equal shares the mean of its ranks. */
export function ranksOf(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, index) => index).sort(
    (left, right) => (values[left] as number) - (values[right] as number),
  );
  const ranks = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    const value = values[order[start] as number];
    while (end < order.length && values[order[end] as number] === value) end++;
    for (let at = start; at < end; at++) ranks[order[at] as number] = (start + 1 + end) / 2;
  }
  return ranks;
}
