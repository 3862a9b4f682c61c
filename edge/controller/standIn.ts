/**
 * What stands in for a measurement that is not there: a linear model of those that are, one weight per position and
 * operation, shrunk towards their mean. It is the mean of a Gaussian process whose kernel counts equal positions.
 */

import { type Code, codeOfText, type Position } from "../../shared/code.ts";
import { Covariance, GaussianProcess } from "../../shared/gaussianProcess.ts";
import type { Predictor } from "../../shared/predictor.ts";

/** Variance of what the model leaves over, as a share of all variance: black boxes need not be sums. */
const unexplained = 0.1;

/** Null where nothing was measured. */
export function standIn(
  positions: readonly Position[],
  measured: readonly { code: string; value: number }[],
): Predictor | null {
  const [first] = measured;
  if (first === undefined) return null;
  const codes = measured.map(({ code }) => codeOfText(code));
  const mean = measured.reduce((sum, { value }) => sum + value, 0) / measured.length;
  const variance = measured.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / measured.length;
  const spread = Math.sqrt(variance);
  const weightOf = spread > 0 ? weights(codes, positions, measured, { mean, spread }) : () => 0;
  const edges: Predictor["edges"] = {};
  for (const [index, { kind, operations }] of positions.entries()) {
    edges[kind] ??= [];
    edges[kind].push(operations.map((_, operation) => weightOf(index, operation)));
  }
  return { base: mean, edges };
}

function weights(
  codes: readonly Code[],
  positions: readonly Position[],
  measured: readonly { value: number }[],
  { mean, spread }: { mean: number; spread: number },
): (position: number, operation: number) => number {
  const share = 1 / positions.length;
  const n = codes.length;
  const matrix = new Float64Array(n * n);
  for (const [i, a] of codes.entries())
    for (const [j, b] of codes.entries())
      matrix[i * n + j] = share * a.filter((operation, position) => operation === b[position]).length;
  const targets = Float64Array.from(measured, ({ value }) => (value - mean) / spread);
  const process = new GaussianProcess(new Covariance(matrix, targets.length, unexplained), targets);
  return (position, operation) =>
    spread * process.mean(Float64Array.from(codes, (code) => (code[position] === operation ? share : 0)));
}
