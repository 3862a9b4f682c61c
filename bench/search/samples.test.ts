import { expect, test } from "vitest";
import { holm, welch } from "./samples.ts";

test("Welch's test gives SciPy 1.17.1's figures of two small samples", () => {
  const first = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4];
  const second = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 25.2];
  const { difference, degreesOfFreedom, pValue } = welch(first, second);
  expect(difference).toBeLessThan(0);
  expect(degreesOfFreedom).toBeCloseTo(27.917240562739384, 8);
  expect(pValue).toBeCloseTo(0.00729795593012771, 8);
});

test("samples that are the same are not told apart", () => {
  expect(welch([1, 2, 3], [1, 2, 3]).pValue).toBeCloseTo(1, 12);
});

test("Holm's adjustment multiplies by the number of hypotheses that are left and never falls", () => {
  expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
});
