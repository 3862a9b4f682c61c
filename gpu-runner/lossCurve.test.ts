import { expect, test } from "vitest";
import { LossCurve } from "./lossCurve.ts";

const after = (steps: number, curve = new LossCurve(), from = 1) => {
  for (let step = from; step <= steps; step++) curve.add(step, 1 / step);
  return curve;
};

test("a training of any length leaves few points, evenly spaced, the last step among them", () => {
  expect(after(5).points(5, 0.2)).toEqual([1, 2, 3, 4, 5].map((step) => [step, 1 / step]));
  const points = after(100_003).points(100_003, 0.5);
  expect(points.length).toBeLessThanOrEqual(121);
  expect(points.length).toBeGreaterThan(50);
  expect(points.at(-1)).toEqual([100_003, 0.5]);
  const gaps = points.slice(1, -1).map(([step], index) => step - (points[index]?.[0] ?? 0));
  expect(new Set(gaps).size).toBe(1);
});

test("one that goes on elsewhere ends with the same curve", () => {
  const resumed = new LossCurve();
  resumed.restore(JSON.parse(JSON.stringify(after(700).saved())));
  expect(after(3000, resumed, 701).points(3000, 0)).toEqual(after(3000).points(3000, 0));
});
