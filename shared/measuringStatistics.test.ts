import jStat from "jstat";
import { describe, expect, test } from "vitest";
import { medianInterval, medianOf, ranksOutside, withoutSlow } from "./measuringStatistics.ts";
import { Random } from "./random.ts";

const rule = { deviations: 5, largestShare: 0.1 };

describe("the interval of a median", () => {
  test("has the ranks of the published table (Conover, Practical Nonparametric Statistics)", () => {
    // By n, the rank of the lower end, counted from 1.
    const ranks = { 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 15: 4, 20: 6, 25: 8, 30: 10, 40: 14, 50: 18, 100: 40 };
    for (const [n, rank] of Object.entries(ranks))
      expect([n, ranksOutside(Number(n))]).toEqual([n, rank - 1]);
    for (const n of [0, 1, 5]) expect(ranksOutside(n)).toBeNull();
  });

  test("has the ranks that jStat's binomial distribution gives", () => {
    for (const confidence of [0.5, 0.9, 0.95, 0.99]) {
      for (let n = 1; n <= 300; n += 7) {
        const tail = (1 - confidence) / 2;
        let outside: number | null = null;
        for (let k = 0; 2 * k < n && jStat.binomial.cdf(k, n, 0.5) <= tail; k++) outside = k;
        expect([n, confidence, ranksOutside(n, confidence)]).toEqual([n, confidence, outside]);
      }
    }
  });

  test("can be had of very many values", () => {
    // By the normal approximation: n / 2 - 0.98 * sqrt(n).
    expect(ranksOutside(1_000_000)).toBeGreaterThan(500_000 - 985);
    expect(ranksOutside(1_000_000)).toBeLessThan(500_000 - 975);
  });

  test("is between two of the values, with the median within", () => {
    expect(medianInterval([9, 1, 2, 8, 3, 7, 4, 6, 5])).toEqual({ median: 5, low: 2, high: 8 });
    expect(medianInterval([1, 2, 3])).toBeNull();
    expect(medianOf([1, 2, 4, 9])).toBe(3);
    expect(() => medianOf([])).toThrow(RangeError);
  });

  test("holds the true median of a skewed distribution at least 95 % of the time", () => {
    const random = new Random(11);
    const trials = 4000;
    let held = 0;
    for (let trial = 0; trial < trials; trial++) {
      const values = Array.from({ length: 31 }, () => Math.exp(random.normal())); // its median is 1
      const interval = medianInterval(values);
      if (interval && interval.low <= 1 && interval.high >= 1) held++;
    }
    expect(held / trials).toBeGreaterThan(0.945);
  });
});

describe("what is too slow", () => {
  test("is left out and counted", () => {
    const values = [10, 11, 10, 12, 11, 10, 11, 12, 10, 95, 11];
    expect(withoutSlow(values, rule)).toEqual({ kept: values.filter((value) => value < 90), outliers: 1 });
  });

  test("stays where it is more than a tenth: then the device is like that", () => {
    const values = [10, 11, 10, 12, 11, 10, 80, 80, 90];
    expect(withoutSlow(values, rule)).toEqual({ kept: values, outliers: 0 });
  });

  test("is nothing that a coarse clock makes of equal times", () => {
    const values = Array.from({ length: 40 }, (_, index) => (index === 3 ? 5.01 : 5));
    expect(withoutSlow(values, rule).outliers).toBe(0);
    expect(withoutSlow([...values, 6], rule).outliers).toBe(1);
  });

  test("is never something fast", () => {
    expect(withoutSlow([...Array(20).fill(10), 0.1], rule).outliers).toBe(0);
    expect(withoutSlow([], rule)).toEqual({ kept: [], outliers: 0 });
  });
});
