/** How the loss of trainings fell over their steps. */

import { number, whole } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, valueAxis } from "./spec.ts";

export interface TrainingLossData {
  /** Of one training each. */
  curves: readonly { name: string; points: readonly (readonly [step: number, loss: number])[] }[];
}

export function trainingLoss({ curves }: TrainingLossData, palette: Palette): PictureSpec {
  const drawn = curves.map(({ name, points }) => ({
    name,
    points: points.filter(([, loss]) => Number.isFinite(loss)),
  }));
  const lasts = drawn.flatMap(({ name, points }) => {
    const last = points.at(-1);
    return last === undefined ? [] : [`${name} ${number(last[1])} after ${whole(last[0])} steps`];
  });
  return {
    option: {
      ...base(palette),
      ...(drawn.length > 1 && { legend: { top: 0, right: 0, textStyle: { color: palette.text } } }),
      xAxis: {
        ...valueAxis({ name: "Step", palette, format: (value) => number(value) }, "x"),
        minInterval: 1,
      },
      yAxis: valueAxis({ name: "Training loss", palette, format: (value) => number(value) }, "y"),
      series: drawn.map(({ name, points }, index) => ({
        id: `training ${index}`,
        name,
        type: "line" as const,
        data: points.map(([step, loss]) => [step, loss]),
        showSymbol: points.length < 2,
        silent: true,
        lineStyle: { color: palette.series[index % palette.series.length] ?? palette.accent, width: 2 },
        itemStyle: { color: palette.series[index % palette.series.length] ?? palette.accent },
      })),
    },
    summary:
      lasts.length === 0
        ? "Training loss over the steps: nothing is known yet."
        : `Training loss over the steps: ${lasts.join("; ")}.`,
    table: {
      columns: ["Training", "Step", "Loss"],
      rows: drawn.flatMap(({ name, points }) => points.map(([step, loss]) => [name, step, number(loss)])),
    },
  };
}
