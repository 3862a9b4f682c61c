/** Part A's results as curves of regret by processor seconds. */

import type { Benchmark } from "../search/benchmark.ts";
import { frontRegretMeasure } from "../search/regret.ts";
import { type MeasuredCost, macsCounter, trainingSeconds } from "./benchmarkCost.ts";
import type { Curve } from "./curve.ts";
import type { OutsideRun } from "./outside.ts";
import type { TableRun } from "./partA.ts";

/** Of exactly the fronts that the search gave. */
export function ownCurve(
  { fronts, processorSeconds }: TableRun,
  { values }: Pick<Benchmark, "values">,
): Curve {
  const regretOf = frontRegretMeasure(values);
  const points = fronts.map(({ front, processorSeconds: at }) => ({
    processorSeconds: at,
    regretPercent: regretOf(front),
  }));
  const last = points.at(-1);
  return last === undefined ? [] : [...points, { ...last, processorSeconds }];
}

/** By seed: what comes before the first row, and every distinct row is paid by the benchmark's training, what was proposed again is free. */
export function outsideCurves(
  { rows, startSeconds = 0 }: OutsideRun,
  benchmark: Benchmark,
  { line }: MeasuredCost,
): Curve[] {
  const macsOf = macsCounter();
  const { table, regretOf } = benchmark;
  return rows.map((ofSeed) => {
    let processorSeconds = startSeconds;
    return ofSeed.map((row, index) => {
      processorSeconds += trainingSeconds(line, macsOf(table.codes[row] ?? []));
      return { processorSeconds, regretPercent: regretOf(ofSeed.slice(0, index + 1)) };
    });
  });
}
