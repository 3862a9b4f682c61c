/** Regret by processor seconds: what a search had to hand over at a time. */

import { mean } from "../search/samples.ts";

/** Before there is anything to hand over. */
export const nothingFoundPercent = 100;

/** From these processor seconds on this regret, in percent. */
export interface CurvePoint {
  processorSeconds: number;
  regretPercent: number;
}

/** Of one seed, by rising seconds. */
export type Curve = readonly CurvePoint[];

/** The regret at a time; after the end what the end had. */
export function regretAt(curve: Curve, processorSeconds: number): number {
  const point = curve.findLast((candidate) => candidate.processorSeconds <= processorSeconds);
  return point?.regretPercent ?? nothingFoundPercent;
}

export const meanRegretAt = (curves: readonly Curve[], processorSeconds: number): number =>
  mean(curves.map((curve) => regretAt(curve, processorSeconds)));

/** The mean over seeds wherever it changes, up to the time at which the first seed ends. */
export function meanCurve(curves: readonly Curve[]): CurvePoint[] {
  const end = endOf(curves);
  const times = curves.flatMap((curve) => curve.map(({ processorSeconds }) => processorSeconds));
  return [...new Set(times)]
    .filter((processorSeconds) => processorSeconds <= end)
    .sort((left, right) => left - right)
    .map((processorSeconds) => ({ processorSeconds, regretPercent: meanRegretAt(curves, processorSeconds) }));
}

/** Until when all seeds are known. */
export const endOf = (curves: readonly Curve[]): number =>
  Math.min(...curves.map((curve) => curve.at(-1)?.processorSeconds ?? 0));

/** How many times as long others take to a regret. */
export interface Speedup {
  factor: number;
  /** They do not get there: the factor is how long they were watched. */
  isLowerBound: boolean;
}

/** @param curves of the others, by seed; @param goal what was reached, and when */
export function speedupOf(curves: readonly Curve[], goal: CurvePoint): Speedup {
  const reached = meanCurve(curves).find(({ regretPercent }) => regretPercent <= goal.regretPercent);
  const { processorSeconds } = reached ?? { processorSeconds: endOf(curves) };
  return { factor: processorSeconds / goal.processorSeconds, isLowerBound: reached === undefined };
}
