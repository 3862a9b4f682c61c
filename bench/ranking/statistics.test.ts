/** Holds the fast correlations against ones that look at every pair. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countPairs, kendall, ranksOf } from "../../shared/rankCorrelation.ts";
import { best, intervalOf, kendallWithin, resamples, spearman, spearmanWithin } from "./statistics.ts";

/** Few different numbers, so that there are ties. */
const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -1, max: 1, noNaN: true }));
const item = fc.record({ first: value, second: value, group: fc.integer({ min: 0, max: 3 }) });
const items = fc.array(item, { maxLength: 60 });
type Item = { first: number; second: number; group: number };

const columns = (sample: readonly Item[]) => ({
  first: sample.map(({ first }) => first),
  second: sample.map(({ second }) => second),
  groups: sample.map(({ group }) => group),
});

/** By the definition: (concordant - discordant) / sqrt(pairs not tied in one x pairs not tied in the other). */
function naiveTau(sample: readonly Item[], compares: (left: Item, right: Item) => boolean): number | null {
  let [concordant, discordant, untiedFirst, untiedSecond] = [0, 0, 0, 0];
  for (const [index, left] of sample.entries()) {
    for (const right of sample.slice(index + 1)) {
      if (!compares(left, right)) continue;
      const product = Math.sign(left.first - right.first) * Math.sign(left.second - right.second);
      if (product > 0) concordant++;
      if (product < 0) discordant++;
      if (left.first !== right.first) untiedFirst++;
      if (left.second !== right.second) untiedSecond++;
    }
  }
  const scale = Math.sqrt(untiedFirst * untiedSecond);
  return scale === 0 ? null : (concordant - discordant) / scale;
}

/** A rank is 1 + how many are smaller + half of how many others are equal. */
const naiveRanks = (values: readonly number[]): number[] =>
  values.map(
    (mine) =>
      0.5 +
      values.filter((other) => other < mine).length +
      values.filter((other) => other === mine).length / 2,
  );

function naiveCorrelation(first: readonly number[], second: readonly number[]): number | null {
  const sum = (values: readonly number[]) => values.reduce((total, number) => total + number, 0);
  const products = (left: readonly number[], right: readonly number[]) =>
    left.length * sum(left.map((number, index) => number * (right[index] as number))) -
    sum(left) * sum(right);
  const scale = Math.sqrt(products(first, first) * products(second, second));
  return scale === 0 ? null : products(first, second) / scale;
}

function expectClose(found: number | null, expected: number | null): void {
  if (expected === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(expected, 9);
}

describe("Kendall's tau-b", () => {
  test("is what looking at every pair gives, ties included", () => {
    fc.assert(
      fc.property(items, (sample) => {
        const { first, second } = columns(sample);
        expectClose(
          kendall(first, second),
          naiveTau(sample, () => true),
        );
      }),
    );
  });

  test("within groups looks at the pairs of one group only", () => {
    fc.assert(
      fc.property(items, (sample) => {
        const { first, second, groups } = columns(sample);
        const expected = naiveTau(sample, (left, right) => left.group === right.group);
        expectClose(kendallWithin(first, second, groups), expected);
      }),
    );
  });

  test("is the published value of a worked example with ties", () => {
    // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) in its documentation.
    expect(kendall([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.47140452079103173, 12);
  });

  test("leaves its arguments as they are", () => {
    const [first, second] = [Float64Array.of(3, 1, 2), Float64Array.of(2, 3, 1)];
    countPairs(first, second);
    expect([...first, ...second]).toEqual([3, 1, 2, 2, 3, 1]);
  });
});

describe("Spearman's rho", () => {
  test("is the correlation of ranks that share ties", () => {
    fc.assert(
      fc.property(items, (sample) => {
        const { first, second } = columns(sample);
        expect([...ranksOf(first)]).toEqual(naiveRanks(first));
        expectClose(spearman(first, second), naiveCorrelation(naiveRanks(first), naiveRanks(second)));
      }),
    );
  });

  test("within one group is the plain one", () => {
    fc.assert(
      fc.property(items, (sample) => {
        const { first, second } = columns(sample);
        expectClose(
          spearmanWithin(
            first,
            second,
            sample.map(() => 7),
          ),
          spearman(first, second),
        );
      }),
    );
  });

  test("within groups does not see that one group is better than another", () => {
    expect(spearmanWithin([1, 2, 11, 12], [2, 1, 12, 11], [0, 0, 1, 1])).toBeCloseTo(-1, 12);
  });
});

describe("intervals", () => {
  test("the best are the largest, as many as the share says", () => {
    expect(best([5, 1, 4, 2, 3], 0.4)).toEqual([0, 2]);
  });

  test("resamples are the same for the same seed and stay within the items", () => {
    const draws = resamples(7, 20, 3);
    expect(draws).toEqual(resamples(7, 20, 3));
    expect(draws).not.toEqual(resamples(7, 20, 4));
    for (const draw of draws) {
      expect(draw).toHaveLength(7);
      expect(Math.max(...draw)).toBeLessThan(7);
    }
  });

  test("an interval leaves out a fortieth of the estimates on each side", () => {
    const estimates = Array.from({ length: 1001 }, (_, index) => 1000 - index);
    expect(intervalOf(500, estimates)).toEqual({ value: 500, low: 25, high: 975 });
  });

  test("what orders nothing has no interval", () => {
    expect(intervalOf(null, [null, null])).toEqual({ value: null, low: null, high: null });
  });
});
