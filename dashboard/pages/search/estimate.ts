/** When a search will be done, as its last rounds went. Pure. */

import type { Search } from "../../app/api.ts";

/** So many of the last rounds tell how long one takes: later stages are slower. */
const mostRounds = 20;
const fewestGaps = 2;

/**
 * Seconds until the last round; null where nobody can tell. The median, so that a pause among them does not count.
 *
 * @param createdAt when each round ended
 */
export function secondsLeft(
  { round, rounds }: Pick<Search["progress"], "round" | "rounds">,
  createdAt: readonly string[],
): number | null {
  const times = createdAt.slice(-mostRounds - 1).map((text) => Date.parse(text));
  const gaps = times.slice(1).map((time, index) => (time - (times[index] ?? time)) / 1000);
  if (gaps.length < fewestGaps || rounds <= 0) return null;
  const median = gaps.toSorted((a, b) => a - b)[gaps.length >> 1] ?? Number.NaN;
  return Number.isFinite(median) ? Math.max(0, rounds - round) * median : null;
}
