/** The hypervolume of the front over the rounds, with where a stage began. */

import { number } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, roundAxis, valueAxis } from "./spec.ts";

/** Columns as /series answers them. */
export interface HypervolumeData {
  round: readonly number[];
  stage: readonly number[];
  hypervolume: readonly (number | null)[];
}

export function hypervolume(data: HypervolumeData, palette: Palette): PictureSpec {
  const points = data.round.flatMap((round, index): [number, number][] => {
    const value = data.hypervolume[index];
    return value == null || !Number.isFinite(value) ? [] : [[round, value]];
  });
  const begins = data.round.filter((_, index) => index > 0 && data.stage[index] !== data.stage[index - 1]);
  const last = points.at(-1);
  return {
    option: {
      ...base(palette),
      xAxis: roundAxis(palette),
      yAxis: valueAxis({ name: "Hypervolume", palette, format: (value) => number(value) }, "y"),
      series: [
        {
          id: "hypervolume",
          type: "line",
          data: points,
          // It holds until the next round.
          step: "end",
          showSymbol: points.length < 2,
          sampling: "lttb",
          silent: true,
          lineStyle: { color: palette.accent, width: 2 },
          itemStyle: { color: palette.accent },
          areaStyle: { color: palette.accent, opacity: 0.08, origin: "start" },
          markLine: {
            silent: true,
            symbol: "none",
            data: begins.map((round) => ({
              xAxis: round,
              lineStyle: { color: palette.soft, type: "dotted" },
              label: {
                formatter: `stage ${(data.stage[data.round.indexOf(round)] ?? 0) + 1}`,
                color: palette.soft,
                position: "insideEndTop",
                rotate: 0,
              },
            })),
          },
        },
      ],
    },
    summary:
      last === undefined
        ? "Hypervolume over the rounds: nothing was measured yet."
        : `Hypervolume over the rounds: ${number(last[1])} after round ${last[0]}.`,
    table: {
      columns: ["Round", "Hypervolume"],
      rows: points.map(([round, value]) => [round, number(value)]),
    },
    points: {
      x: points.map(([round]) => round),
      y: points.map(([, value]) => value),
      keys: points.map(([round]) => String(round)),
    },
  };
}
