import { expect, test } from "vitest";
import { meanCurve, regretAt, speedupOf } from "./curve.ts";

const curve = (...points: [processorSeconds: number, regretPercent: number][]) =>
  points.map(([processorSeconds, regretPercent]) => ({ processorSeconds, regretPercent }));
const curves = [curve([10, 50], [30, 20], [50, 4]), curve([20, 40], [40, 10])];

test("a regret holds until the next one, and is 100 before the first", () => {
  const [first = []] = curves;
  expect([9, 10, 29.9, 30, 1000].map((seconds) => regretAt(first, seconds))).toEqual([100, 50, 50, 20, 4]);
});

test("a mean curve changes with each seed and ends with the first that ends", () => {
  expect(meanCurve(curves)).toEqual(curve([10, 75], [20, 45], [30, 30], [40, 15]));
});

test("a speedup is the time to the same mean regret, or at least the time that was watched", () => {
  expect(speedupOf(curves, { processorSeconds: 5, regretPercent: 35 })).toEqual({
    factor: 6,
    isLowerBound: false,
  });
  expect(speedupOf(curves, { processorSeconds: 5, regretPercent: 14 })).toEqual({
    factor: 8,
    isLowerBound: true,
  });
});
