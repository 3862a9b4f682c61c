/** How far up an upright axis of an objective a value lies: the better the higher, what was not measured below all. Pure. */

export interface ObjectiveAxis {
  id: string;
  goal: "maximize" | "minimize";
  target?: number | undefined;
  limit?: number | undefined;
  /** What is shown, in the objective's unit; open where absent. */
  atLeast?: number | undefined;
  atMost?: number | undefined;
}

/** Of an axis, left free for what was not measured. */
export const nullShare = 0.13;

export const isKnown = (value: number | null | undefined): value is number =>
  typeof value === "number" && Number.isFinite(value);

export interface Scale {
  low: number;
  high: number;
  isRising: boolean;
  hasNulls: boolean;
}

/** From the worst to the best that is known, and a little around it where all are equal. */
export function scaleOf(axis: ObjectiveAxis, values: readonly (number | null | undefined)[]): Scale {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let hasNulls = false;
  for (const value of values) {
    if (!isKnown(value)) hasNulls = true;
    else [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  if (low > high) [low, high] = [0, 1];
  const around = high > low ? 0.02 * (high - low) : Math.abs(low) * 0.05 || 1;
  return { low: low - around, high: high + around, isRising: axis.goal === "maximize", hasNulls };
}

/** How far up, from 0 to 1; what was not measured lies at 0 with a gap above it. */
export function heightOf({ low, high, isRising, hasNulls }: Scale, value: number | null | undefined): number {
  if (!isKnown(value)) return 0;
  const share = (value - low) / (high - low);
  const floor = hasNulls ? nullShare : 0;
  return floor + (1 - floor) * (isRising ? share : 1 - share);
}

/** The value at a height: the other way. */
export function valueAt({ low, high, isRising, hasNulls }: Scale, height: number): number {
  const floor = hasNulls ? nullShare : 0;
  const share = Math.min(1, Math.max(0, (height - floor) / (1 - floor)));
  return low + (high - low) * (isRising ? share : 1 - share);
}
