import { expect, test } from "vitest";
import { curvesOf } from "./trainingCurves.ts";

const told = (trainingId: string, done: number, trainLoss: number | null) => ({
  type: "training.progress",
  data: { trainingId, done, total: 100, trainLoss },
});

test("each training that told a loss is a curve", () => {
  const other = { type: "search.started", data: {} };
  expect(curvesOf([other, told("a", 5, 2), told("b", 5, 3), told("a", 10, 1), told("c", 5, null)])).toEqual([
    { name: "a", step: [5, 10], loss: [2, 1] },
    { name: "b", step: [5], loss: [3] },
  ]);
});

test("a training that went back to a checkpoint goes on from there", () => {
  expect(curvesOf([told("a", 5, 2), told("a", 10, 1), told("a", 10, 1.1), told("a", 15, 1)])).toEqual([
    { name: "a", step: [5, 10, 15], loss: [2, 1.1, 1] },
  ]);
});
