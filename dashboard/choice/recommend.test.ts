import { expect, test } from "vitest";
import {
  intervalOf,
  isWithinNoise,
  loosening,
  type Objective,
  type Row,
  recommend,
  within,
} from "./recommend.ts";

const objectives: Objective[] = [
  { id: "accuracy", goal: "maximize" },
  { id: "parameters", goal: "minimize" },
  { id: "latency.phone", goal: "minimize" },
];

const row = (
  hash: string,
  accuracy: number | null,
  parameters: number | null,
  latency: number | null = null,
  error: number | null = 0.5,
  trainingSteps: number | null = null,
): Row => ({
  hash,
  values: { accuracy, parameters, "latency.phone": latency },
  standardErrors: error === null ? {} : { accuracy: error },
  trainingSteps,
});

const large = row("large", 90, 1000, 10);
const close = row("close", 89.5, 600, 9);
const small = row("small", 80, 100, 4);
const rows = [small, large, close];

test("recommends the most accurate within the constraints", () => {
  expect(recommend(rows, objectives)?.row).toBe(large);
  const few = [{ objective: "parameters", kind: "max" as const, value: 600 }];
  expect(recommend(rows, objectives, few)?.row).toBe(close);
  expect(within(rows, [{ objective: "accuracy", kind: "min", value: 89 }])).toEqual([large, close]);
});

test("tells what the next better in each other objective costs, and whether that can be told at all", () => {
  const { alternatives = [] } = recommend([large, small], objectives) ?? {};
  expect(alternatives).toEqual([
    { row: small, objective: "parameters", saves: 0.9, behind: 10, isWithinNoise: false },
    { row: small, objective: "latency.phone", saves: 0.6, behind: 10, isWithinNoise: false },
  ]);
  expect(recommend(rows, objectives)?.alternatives[0]).toMatchObject({ row: close, isWithinNoise: true });
});

test("names a bargain only where accuracies cannot be told apart and it saves enough", () => {
  expect(recommend(rows, objectives)).toMatchObject({
    tied: 1,
    bargain: { row: close, objective: "parameters", saves: 0.4, behind: 0.5 },
  });
  expect(recommend([large, small], objectives)?.bargain).toBeNull();
  const hardly = row("hardly", 89.9, 970, 10);
  expect(recommend([large, hardly], objectives)).toMatchObject({ tied: 1, bargain: null });
});

test("never calls accuracies equal that rest on different trainings, or that are exact", () => {
  expect(isWithinNoise(large, row("a", 89.9, 1, 1, 0.5, 400))).toBeNull();
  expect(isWithinNoise(large, row("a", 89.9, 1, 1, null))).toBeNull();
  expect(intervalOf(row("a", 89.9, 1, 1, null))).toBeNull();
  expect(intervalOf(row("a", 99.9, 1, 1, 2))?.[1]).toBe(100);
});

test("of equally accurate ones takes the better in the other objectives", () => {
  const twin = row("twin", 90, 500, 10);
  expect(recommend([large, twin], objectives)?.row).toBe(twin);
  expect(recommend([row("b", 90, 500, 10), row("a", 90, 500, 10)], objectives)?.row.hash).toBe("a");
});

test("what was not measured meets no constraint and is never recommended for it", () => {
  const unknown = row("unknown", 99, null);
  expect(recommend([unknown, large], objectives)?.row).toBe(unknown);
  expect(
    recommend([unknown, large], objectives, [{ objective: "parameters", kind: "max", value: 2000 }])?.row,
  ).toBe(large);
  expect(recommend([row("none", null, 5)], objectives)).toBeNull();
  expect(recommend([], objectives)).toBeNull();
});

test("where nothing remains, names the constraint that has to give least", () => {
  const constraints = [
    { objective: "parameters", kind: "max" as const, value: 90 },
    { objective: "accuracy", kind: "min" as const, value: 79 },
  ];
  expect(within(rows, constraints)).toEqual([]);
  expect(loosening(rows, constraints)).toEqual({
    objective: "parameters",
    kind: "max",
    value: 100,
    remain: 1,
  });
  expect(loosening([], constraints)).toBeNull();
});

test("an objective of which more is better is saved by gaining", () => {
  const goals: Objective[] = [
    { id: "accuracy", goal: "maximize" },
    { id: "throughput", goal: "maximize" },
  ];
  const [slow, quick] = [
    { ...row("slow", 90, null), values: { accuracy: 90, throughput: 100 } },
    { ...row("quick", 85, null), values: { accuracy: 85, throughput: 150 } },
  ];
  expect(recommend([slow, quick], goals)?.alternatives).toMatchObject([{ row: quick, saves: 0.5 }]);
});
