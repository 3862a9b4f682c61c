/** How the loss of each training falls, step by step. */

import { number, whole } from "../ui/format.ts";
import type { Mark } from "./marks.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, valueAxis } from "./spec.ts";

export interface TrainingCurve {
  /** How it is called. */
  name: string;
  step: readonly number[];
  loss: readonly number[];
}

export type TrainingLossesData = readonly TrainingCurve[];

/** The colour of a curve by its place: more than there are colours begin anew. */
const curveColor = (palette: Palette, place: number): string =>
  palette.series[place % palette.series.length] ?? palette.text;

/** Which line is whose. */
export const curveMarks = (curves: TrainingLossesData): Mark[] =>
  curves.map(({ name }, place) => ({
    shape: "line",
    color: (palette) => curveColor(palette, place),
    text: name,
  }));

export const trainingLosses = (curves: TrainingLossesData, palette: Palette): PictureSpec => ({
  option: {
    ...base(palette),
    xAxis: { ...valueAxis({ name: "Step", palette, format: (value) => number(value) }, "x"), minInterval: 1 },
    yAxis: valueAxis({ name: "Training loss", palette, format: (value) => number(value) }, "y"),
    series: curves.map(({ name, step, loss }, place) => ({
      id: name,
      type: "line" as const,
      data: step.map((at, index): [number, number] => [at, loss[index] ?? Number.NaN]),
      symbolSize: 5,
      silent: true,
      lineStyle: { color: curveColor(palette, place), width: 2 },
      itemStyle: { color: curveColor(palette, place) },
    })),
  },
  summary:
    curves.length === 0
      ? "Loss of trainings: none has begun."
      : `Loss of trainings: ${curves.map(({ name, step, loss }) => `${name} at ${number(loss.at(-1))} after ${whole(step.at(-1))} steps`).join("; ")}.`,
  table: {
    columns: ["Training", "Step", "Training loss"],
    rows: curves.flatMap(({ name, step, loss }) => step.map((at, index) => [name, at, number(loss[index])])),
  },
});
