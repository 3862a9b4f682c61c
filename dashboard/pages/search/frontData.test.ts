import { expect, test } from "vitest";
import { axesOf, halfWidth, idOf, type Objective, pointOf } from "./frontData.ts";

const accuracy: Objective = { name: "accuracy", goal: "maximize" };
const parameters: Objective = { name: "parameters", goal: "minimize", limit: 1e6 };
const latency: Objective = { name: "latency", device: "phone", goal: "minimize" };
const all = [accuracy, parameters, latency];
const idsOf = (x: string | null, y: string | null) => {
  const axes = axesOf(all, { x, y });
  return axes && [idOf(axes.x), idOf(axes.y)];
};

test("the first objective is above the second unless others are asked for", () => {
  expect(idsOf(null, null)).toEqual(["parameters", "accuracy"]);
  expect(idsOf("latency.phone", null)).toEqual(["latency.phone", "accuracy"]);
  expect(idsOf("accuracy", null)).toEqual(["accuracy", "parameters"]);
  expect(idsOf("latency.phone", "parameters")).toEqual(["latency.phone", "parameters"]);
});

test("an objective that is not there, or twice the same, is no choice", () => {
  expect(idsOf("<b>", "energy")).toEqual(["parameters", "accuracy"]);
  expect(idsOf("accuracy", "accuracy")).toEqual(["parameters", "accuracy"]);
  expect(axesOf([accuracy], { x: null, y: null })).toBeNull();
});

test("a width is of 95 of 100 cases, and what was not measured is null", () => {
  const row = { hash: "a", values: { accuracy: 90 }, standardErrors: { accuracy: 1 }, feasible: true };
  expect(halfWidth(row, "accuracy")).toBeCloseTo(1.96);
  expect(pointOf(row as never, "parameters", "accuracy")).toEqual({
    hash: "a",
    x: null,
    y: 90,
    xWidth: undefined,
    yWidth: 1.96,
    isFeasible: true,
  });
});
