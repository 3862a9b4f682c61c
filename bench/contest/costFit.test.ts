import { expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { costOf, fitCost, fitError } from "./costFit.ts";

const sizes = [8e6, 3e7, 5e7, 9e7, 1.3e8, 1.9e8];
const pointsOf = (factor: () => number) =>
  sizes.map((macs) => ({ macs, processorSecondsPerImage: (2e-3 + 5e-11 * macs) * factor() }));

test("a line is found again from its points", () => {
  const points = pointsOf(() => 1);
  const line = fitCost(points);
  expect(line.perImage).toBeCloseTo(2e-3, 10);
  expect(line.perMac).toBeCloseTo(5e-11, 18);
  expect(costOf(line, 1e8)).toBeCloseTo(7e-3, 10);
  expect(fitError(line, points)).toBeCloseTo(0, 10);
});

test("measurements that are off by some percent give a line that is off by as little", () => {
  const random = new Random(1);
  const points = pointsOf(() => 1 + 0.03 * random.normal());
  const line = fitCost(points);
  for (const macs of sizes)
    expect(Math.abs(costOf(line, macs) / (2e-3 + 5e-11 * macs) - 1)).toBeLessThan(0.06);
  expect(fitError(line, points)).toBeLessThan(0.06);
});

test("one size gives no line", () => {
  expect(() => fitCost([{ macs: 1, processorSecondsPerImage: 1 }])).toThrow(RangeError);
});
