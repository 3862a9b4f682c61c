/**
 * What each operation adds at its position, in several directions of trade-off: a linear model of measured
 * architectures, one weight per position and operation (ridge regression with its posterior), so that an operation is
 * not blamed for the company it was sampled in.
 */

import { type Code, codeOfText } from "../../../../shared/code.ts";
import { type Effect, isWithin, type Problem } from "../strategy.ts";
import type { History } from "./model.ts";

/** Of quality against all costs; from quality alone to costs alone. */
const qualityShares = [1, 0.8, 0.6, 0.4, 0.2];
const ridge = 1;
/** Of the standard normal distribution, two-sided 95 %. */
const quantile = 1.96;

interface Row {
  code: Code;
  points: readonly number[];
}

/** Empty lists where too little was measured. */
export function effectsOf(history: History, problem: Problem): Effect[][][] {
  const rows = rowsOf(history, problem);
  const starts: number[] = [];
  let width = 0;
  for (const indices of problem.allowed) {
    starts.push(width);
    width += indices.length;
  }
  if (rows.length < 2 * problem.allowed.length)
    return problem.allowed.map((indices) => indices.map(() => []));
  const columns = rows.map(({ code }) =>
    problem.allowed.map(
      (indices, position) => (starts[position] as number) + indices.indexOf(code[position] as number),
    ),
  );
  const inverse = inverted(columns, width);
  const effects: Effect[][][] = problem.allowed.map((indices) => indices.map(() => []));
  for (const share of qualityShares) {
    const weights = weightsOf(rows, columns, inverse, share);
    for (const [position, indices] of problem.allowed.entries())
      for (const at of indices.keys())
        effects[position]?.[at]?.push(
          contrast(weights, inverse, starts[position] as number, indices.length, at),
        );
  }
  return effects;
}

/** Standardised values, better ones larger, without what all of a round have in common. */
function rowsOf({ codes, measured, rounds }: History, problem: Problem): Row[] {
  const { goals, allowed } = problem;
  const complete = codes.flatMap((text, index) => {
    const code = codeOfText(text);
    const values = measured[index] as number[];
    const isUsable =
      values.every((value) => value !== null && Number.isFinite(value)) &&
      isWithin(goals, values) &&
      code.every((operation, position) => allowed[position]?.includes(operation));
    return isUsable ? [{ code, values, round: problem.noisy ? (rounds[index] ?? 0) : 0 }] : [];
  });
  const points = complete.map(() => goals.map(() => 0));
  for (const [k, { goal }] of goals.entries()) {
    const sign = goal === "maximize" ? 1 : -1;
    const perRound = new Map<number, { sum: number; count: number }>();
    for (const { values, round } of complete) {
      const known = perRound.get(round) ?? { sum: 0, count: 0 };
      perRound.set(round, { sum: known.sum + (values[k] as number), count: known.count + 1 });
    }
    const centred = complete.map(({ values, round }) => {
      const { sum, count } = perRound.get(round) as { sum: number; count: number };
      return sign * ((values[k] as number) - sum / count);
    });
    const deviation = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0) / centred.length) || 1;
    for (const [row, value] of centred.entries()) (points[row] as number[])[k] = value / deviation;
  }
  return complete.map(({ code }, row) => ({ code, points: points[row] as number[] }));
}

/** Inverse of the Gram matrix plus the ridge, by Gauss-Jordan elimination. */
function inverted(columns: readonly (readonly number[])[], width: number): Float64Array[] {
  const left = Array.from({ length: width }, (_, row) => {
    const line = new Float64Array(2 * width);
    line[row] = ridge;
    line[width + row] = 1;
    return line;
  });
  for (const row of columns)
    for (const a of row)
      for (const b of row) {
        const line = left[a] as Float64Array;
        line[b] = (line[b] as number) + 1;
      }
  for (let pivot = 0; pivot < width; pivot++) {
    const line = left[pivot] as Float64Array;
    const scale = line[pivot] as number;
    for (let column = 0; column < 2 * width; column++) line[column] = (line[column] as number) / scale;
    for (let row = 0; row < width; row++) {
      const other = left[row] as Float64Array;
      const factor = other[pivot] as number;
      if (row === pivot || factor === 0) continue;
      for (let column = 0; column < 2 * width; column++)
        other[column] = (other[column] as number) - factor * (line[column] as number);
    }
  }
  return left.map((line) => line.slice(width));
}

interface Weights {
  values: Float64Array;
  /** Variance of what the model leaves. */
  variance: number;
}

function weightsOf(
  rows: readonly Row[],
  columns: readonly (readonly number[])[],
  inverse: readonly Float64Array[],
  share: number,
): Weights {
  const targets = rows.map(({ points: [quality = 0, ...costs] }) => {
    const cost = costs.reduce((sum, value) => sum + value, 0) / Math.max(1, costs.length);
    return share * quality + (1 - share) * cost;
  });
  const right = new Float64Array(inverse.length);
  for (const [row, list] of columns.entries())
    for (const column of list) right[column] = (right[column] as number) + (targets[row] as number);
  const values = Float64Array.from(inverse, (line) =>
    line.reduce((sum, value, column) => sum + value * (right[column] as number), 0),
  );
  const left = targets.reduce((sum, target, row) => {
    const fitted = (columns[row] as readonly number[]).reduce(
      (total, column) => total + (values[column] as number),
      0,
    );
    return sum + (target - fitted) ** 2;
  }, 0);
  return { values, variance: left / Math.max(1, rows.length - freedom(columns, inverse)) };
}

/** Degrees of freedom that the ridge regression spends: the trace of its hat matrix. */
const freedom = (columns: readonly (readonly number[])[], inverse: readonly Float64Array[]): number =>
  columns.reduce(
    (total, list) =>
      total + list.reduce((sum, a) => sum + list.reduce((row, b) => row + (inverse[a]?.[b] as number), 0), 0),
    0,
  );

/** An operation's weight beside the mean of the others at its position. */
function contrast(
  { values, variance }: Weights,
  inverse: readonly Float64Array[],
  start: number,
  count: number,
  at: number,
): Effect {
  if (count < 2) return { low: 0, mean: 0, high: 0 };
  const factor = (index: number) => (index === at ? 1 : -1 / (count - 1));
  let mean = 0;
  let spread = 0;
  for (let a = 0; a < count; a++) {
    mean += factor(a) * (values[start + a] as number);
    for (let b = 0; b < count; b++)
      spread += factor(a) * factor(b) * (inverse[start + a]?.[start + b] as number);
  }
  const margin = quantile * Math.sqrt(variance * Math.max(0, spread));
  return { low: mean - margin, mean, high: mean + margin };
}
