/** A prediction that adds up over the edges of an architecture: what a fixed network takes, and each operation on each edge. */

import { z } from "zod";
import { executedSelection } from "./prediction/placements.ts";
import type { SearchSpace, Selection } from "./space.ts";

export const predictorSchema = z.strictObject({
  base: z.number(),
  /** By cell kind, edge position and index of the operation among the space's. */
  edges: z.record(z.string(), z.array(z.array(z.number()))),
});
export type Predictor = z.infer<typeof predictorSchema>;

/** @throws RangeError where the selection has an operation that the predictor does not know */
export function predictedOf(space: SearchSpace, predictor: Predictor, selection: Selection): number {
  // What the result does not depend on is not run.
  const executed = executedSelection(space, selection);
  let total = predictor.base;
  for (const [kind, rows] of Object.entries(predictor.edges))
    for (const [position, row] of rows.entries()) {
      const operation = executed[kind]?.[position] ?? "";
      const value = row[space.cells[kind]?.operations.indexOf(operation) ?? -1];
      if (value === undefined) throw new RangeError(`edge ${position} of ${kind} cannot hold "${operation}"`);
      total += value;
    }
  return total;
}

/** Smallest and largest prediction; each edge can be chosen by itself. */
export function predictedExtremes({ base, edges }: Predictor): { minimum: number; maximum: number } {
  const rows = Object.values(edges).flat();
  const sum = (pick: (...values: number[]) => number) =>
    rows.reduce((total, row) => total + pick(...row), base);
  return { minimum: sum(Math.min), maximum: sum(Math.max) };
}
