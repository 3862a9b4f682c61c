import { expect, test } from "vitest";
import { bestOverRounds } from "./bestOverRounds.ts";
import { asSvg } from "./echarts.ts";
import { losses } from "./losses.ts";
import { palettes } from "./palette.ts";
import { trainingLosses } from "./trainingLosses.ts";

const size = { width: 640, height: 360 };
const seriesOf = (picture: { option: { series?: unknown } }, id: string) =>
  (picture.option.series as { id: string; data: unknown }[]).find((series) => series.id === id)?.data;

test("the best so far is within the limits, gets better only, and holds until the last round", () => {
  const picture = bestOverRounds(
    {
      objective: { id: "accuracy", goal: "maximize" },
      round: [2, 2, 3, 5, 6],
      stage: [0, 0, 0, 0, 0],
      value: [50, 60, 90, 70, Number.NaN],
      feasible: [true, true, false, true, true],
    },
    palettes.light,
  );
  expect(seriesOf(picture, "best")).toEqual([
    [2, 60, 0],
    [5, 70, 0],
    [6, 70, 0],
  ]);
  expect(picture.table.rows.map(([round, best]) => [round, best])).toEqual([
    [2, "60 %"],
    [3, "60 %"],
    [5, "70 %"],
  ]);
  expect(picture.summary).toContain("of 4 candidates");
});

test("the best begins anew with a stage, whose measurements do not compare with those before", () => {
  const picture = bestOverRounds(
    {
      objective: { id: "accuracy", goal: "maximize" },
      round: [0, 1, 2, 3, 4],
      stage: [0, 0, 1, 1, 1],
      value: [80, 70, 20, 50, 40],
      feasible: [1, 1, 1, 1, 1],
    },
    palettes.light,
  );
  expect(seriesOf(picture, "best")).toEqual([
    [0, 80, 0],
    [1, 80, 0],
    [2, Number.NaN, 1],
    [2, 20, 1],
    [3, 50, 1],
    [4, 50, 1],
  ]);
  expect(picture.table.rows.map(([, best]) => best)).toEqual(["80 %", "80 %", "20 %", "50 %", "50 %"]);
  expect(asSvg(picture, size)).toContain("<svg");
});

test("where fewer candidates are drawn they are evenly taken, and the best is still that of all", () => {
  const count = 100;
  const round = Array.from({ length: count }, (_, index) => index);
  const picture = bestOverRounds(
    {
      objective: { id: "accuracy", goal: "maximize" },
      round,
      stage: round.map(() => 0),
      value: round.map((at) => (at === 51 ? 99 : 50)),
      feasible: round.map(() => true),
      mostDrawn: 4,
    },
    palettes.light,
  );
  expect([...(seriesOf(picture, "candidates") as Float64Array)]).toEqual([0, 50, 25, 50, 50, 50, 75, 50]);
  expect(picture.summary).toContain("the best of 100 candidates that is within the limits has 99 %");
});

test("less is better where an objective is to be small", () => {
  const objective = { id: "latency.phone", goal: "minimize", limit: 8 } as const;
  const data = { objective, round: [0, 1], stage: [0, 0], value: [9, 7], feasible: [1, 1] };
  const picture = bestOverRounds(data, palettes.dark);
  expect(seriesOf(picture, "best")).toEqual([
    [0, 9, 0],
    [1, 7, 0],
  ]);
  expect(asSvg(picture, size)).toContain("limit 8 ms");
});

test("losses of candidates are means of their round, and what is not known is left out", () => {
  const picture = losses(
    {
      round: [0, 1, 2],
      trainLoss: [2, null, 1],
      candidates: { round: [1, 1, 2], loss: [1, 3, Number.NaN] },
    },
    palettes.light,
  );
  expect(seriesOf(picture, "training")).toEqual([
    [0, 2],
    [2, 1],
  ]);
  expect(seriesOf(picture, "candidates")).toEqual([[1, 2]]);
});

test("each is drawn of nothing, too, and says so", () => {
  const nothing = [
    bestOverRounds(
      { objective: { id: "accuracy", goal: "maximize" }, round: [], stage: [], value: [], feasible: [] },
      palettes.light,
    ),
    losses({ round: [], trainLoss: [], candidates: { round: [], loss: [] } }, palettes.light),
    trainingLosses([], palettes.light),
  ];
  for (const picture of nothing) expect(asSvg(picture, size)).toContain("<svg");
  expect(nothing.map(({ summary }) => summary)).toEqual([
    "Accuracy over the rounds: no candidate within the limits was measured yet.",
    "Loss over the rounds: nothing was trained yet.",
    "Loss of trainings: none has begun.",
  ]);
});
