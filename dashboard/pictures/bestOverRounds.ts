/**
 * An objective over the rounds: every candidate, the middle one of each round, and the best so far that is within all
 * limits. A stage trains another network, whose measurements do not compare: with it the best begins anew. Made for 50,000
 * candidates.
 */

import { lowerTitle, measured, unitOf, whole } from "../ui/format.ts";
import { goalLines } from "./goalLines.ts";
import type { Palette } from "./palette.ts";
import type { FrontAxis } from "./paretoFront.ts";
import { base, type PictureSpec, roundAxis, valueAxis } from "./spec.ts";

export interface BestOverRoundsData {
  objective: FrontAxis;
  /** Of each candidate, ascending. */
  round: ArrayLike<number>;
  stage: ArrayLike<number>;
  /** NaN for what was not measured. */
  value: ArrayLike<number>;
  feasible: ArrayLike<boolean | number>;
  /** So many candidates are drawn at most, evenly taken; all of them without it. */
  mostDrawn?: number;
}

type Pair = [round: number, value: number];
/** Between two stages the value is NaN: the line breaks. */
type Best = [round: number, value: number, stage: number];

export function bestOverRounds(data: BestOverRoundsData, palette: Palette): PictureSpec {
  const { objective } = data;
  const { title, unit, axis: format } = unitOf(objective.id);
  const { best, middle, cloud } = historyOf(data);
  const last = best.at(-1);
  return {
    option: {
      ...base(palette),
      xAxis: roundAxis(palette),
      yAxis: valueAxis({ name: unit === "" ? title : `${title} (${unit})`, palette, format }, "y"),
      series: [
        {
          id: "candidates",
          type: "scatter",
          data: thinned(cloud, data.mostDrawn) as unknown as number[],
          dimensions: ["x", "y"],
          large: true,
          largeThreshold: 500,
          progressive: 0,
          silent: true,
          symbolSize: cloud.length > 10_000 ? 3 : 5,
          itemStyle: { color: palette.soft, opacity: cloud.length > 10_000 ? 0.2 : 0.35 },
        },
        {
          id: "middle",
          type: "line",
          data: middle,
          sampling: "lttb",
          showSymbol: middle.length < 2,
          silent: true,
          zlevel: 1,
          lineStyle: { color: palette.series[1] ?? palette.text, width: 1.5 },
          itemStyle: { color: palette.series[1] ?? palette.text },
        },
        {
          id: "best",
          type: "line",
          data: best,
          // It holds until a better one comes.
          step: "end",
          showSymbol: best.length < 2,
          silent: true,
          zlevel: 1,
          z: 3,
          lineStyle: { color: palette.accent, width: 2.5 },
          itemStyle: { color: palette.accent },
          markLine: { silent: true, symbol: "none", data: goalLines(objective, "yAxis", palette) },
        },
      ],
    },
    summary:
      last === undefined
        ? `${title} over the rounds: no candidate within the limits was measured yet.`
        : `${title} over the rounds: the best of ${whole(cloud.length / 2)} candidates that is within the limits has ${measured(objective.id, last[1])}.`,
    table: {
      columns: ["Round", `Best ${lowerTitle(objective.id)} within the limits`, "Middle of the round"],
      rows: middle.map(([round, value]) => [
        round,
        measured(objective.id, bestAt(best, round)),
        measured(objective.id, value),
      ]),
    },
  };
}

function historyOf({ objective, round, stage, value, feasible }: BestOverRoundsData) {
  const sign = objective.goal === "minimize" ? 1 : -1;
  const best: Best[] = [];
  const middle: Pair[] = [];
  const cloud = new Float64Array(2 * round.length);
  let filled = 0;
  let least = Number.POSITIVE_INFINITY;
  let ofRound: number[] = [];
  for (let index = 0; index < round.length; index++) {
    const [at, measuredValue] = [round[index] ?? 0, value[index] ?? Number.NaN];
    if (index > 0 && stage[index] !== stage[index - 1]) {
      hold(best, round[index - 1] ?? at);
      least = Number.POSITIVE_INFINITY;
    }
    if (Number.isFinite(measuredValue)) {
      cloud[filled++] = at;
      cloud[filled++] = measuredValue;
      ofRound.push(measuredValue);
      if (feasible[index] && sign * measuredValue < least) {
        least = sign * measuredValue;
        const now = stage[index] ?? 0;
        const last = best.at(-1);
        if (last !== undefined && last[2] !== now) best.push([at, Number.NaN, now]);
        else if (last?.[0] === at) best.pop();
        best.push([at, measuredValue, now]);
      }
    }
    if (round[index + 1] === at) continue;
    if (ofRound.length > 0) middle.push([at, middleOf(ofRound)]);
    ofRound = [];
  }
  hold(best, round[round.length - 1] ?? 0);
  return { best, middle, cloud: cloud.subarray(0, filled) };
}

function thinned(pairs: Float64Array, most = Number.POSITIVE_INFINITY): Float64Array {
  const count = pairs.length / 2;
  if (count <= most) return pairs;
  return Float64Array.from({ length: 2 * most }, (_, index) => {
    const place = Math.floor(((index >> 1) * count) / most);
    return pairs[2 * place + (index & 1)] ?? Number.NaN;
  });
}

/** What was best stays so until a round. */
function hold(best: Best[], round: number): void {
  const last = best.at(-1);
  if (last !== undefined && last[0] < round) best.push([round, last[1], last[2]]);
}

const middleOf = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

/** What was best once a round was over; null before the first. */
function bestAt(best: readonly Best[], round: number): number | null {
  let low = 0;
  let high = best.length;
  while (low < high) {
    const half = (low + high) >> 1;
    if ((best[half]?.[0] ?? 0) <= round) low = half + 1;
    else high = half;
  }
  return best[low - 1]?.[1] ?? null;
}
