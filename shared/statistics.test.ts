import { describe, expect, test } from "vitest";
import { Random } from "./random.ts";
import { accuracyStandardError, compareFronts, type UncertainPoint } from "./statistics.ts";

describe("the standard error of an accuracy", () => {
  test("is the spread of accuracies measured again and again", () => {
    const random = new Random(3);
    const images = 400;
    const seen = Array.from({ length: 3000 }, () => {
      let right = 0;
      for (let image = 0; image < images; image++) right += random.uniform() < 0.7 ? 1 : 0;
      return (100 * right) / images;
    });
    const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
    const spread = Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length);
    expect(accuracyStandardError(70, images)).toBeCloseTo(spread, 1);
  });

  test("is not zero at 100 %, and not known without images", () => {
    expect(accuracyStandardError(100, 100)).toBeGreaterThan(0.5);
    expect(accuracyStandardError(80, 0)).toBeNull();
    expect(accuracyStandardError(null, 100)).toBeNull();
  });
});

const front = (accuracies: readonly number[], error: number): UncertainPoint[] =>
  accuracies.map((accuracy, index) => ({ costs: [-accuracy, index + 1], standardErrors: [error, 0] }));

describe("two fronts", () => {
  test("that differ by much more than their errors are told apart", () => {
    const result = compareFronts(front([60, 80, 90], 0.5), front([50, 70, 80], 0.5), 1);
    expect(result.difference).toBeGreaterThan(0);
    expect(result.low).toBeGreaterThan(0);
    expect(result.pValue).toBeLessThan(0.01);
  });

  test("that differ by less than their errors are not", () => {
    const result = compareFronts(front([60, 80, 90], 2), front([60.5, 79.5, 90.2], 2), 1);
    expect(result.pValue).toBeGreaterThan(0.05);
    expect(result.low).toBeLessThan(0);
    expect(result.high).toBeGreaterThan(0);
  });

  test("that are the same differ by nothing", () => {
    expect(compareFronts(front([60, 80], 0), front([60, 80], 0), 1)).toMatchObject({
      difference: 0,
      pValue: 1,
    });
  });

  test("are called different about as often as the level says when they are the same", () => {
    const random = new Random(9);
    let called = 0;
    const searches = 60;
    for (let pair = 0; pair < searches; pair++) {
      const measured = () =>
        front(
          [60, 75, 85].map((accuracy) => accuracy + 1.5 * random.normal()),
          1.5,
        );
      if (compareFronts(measured(), measured(), pair).pValue < 0.05) called++;
    }
    expect(called / searches).toBeLessThan(0.2);
  });

  test("without points are refused", () => {
    expect(() => compareFronts([], front([60], 1), 1)).toThrow(RangeError);
  });
});
