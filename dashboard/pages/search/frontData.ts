/** What the picture of the front is drawn from, out of what the edge answers. Pure. */

import type { FrontRow, Search } from "../../app/answers.ts";
import type { FrontAxis, FrontPoint } from "../../pictures/paretoFront.ts";

export type Objective = Search["specification"]["objectives"][number];

/** As `objectiveId` of the specification has it, which brings its checks along. */
export const idOf = ({ name, device }: Objective): string =>
  device === undefined ? name : `${name}.${device}`;

/** Of a normal distribution, 95 % lie within so many standard errors of the mean. */
const errorsOf95Percent = 1.96;

export const axisOf = (objective: Objective): FrontAxis => ({
  id: idOf(objective),
  goal: objective.goal,
  target: objective.target,
  limit: objective.limit,
});

/** Half the width of the interval that holds the true value in 95 of 100 cases; undefined where it is not known. */
export function halfWidth(
  { standardErrors }: Pick<FrontRow, "standardErrors">,
  id: string,
): number | undefined {
  const error = standardErrors[id];
  return error === undefined ? undefined : errorsOf95Percent * error;
}

export const pointOf = (row: FrontRow, x: string, y: string): FrontPoint => ({
  hash: row.hash,
  x: row.values[x] ?? null,
  y: row.values[y] ?? null,
  xWidth: halfWidth(row, x),
  yWidth: halfWidth(row, y),
  isFeasible: row.feasible,
});

/**
 * The two objectives that are drawn. What is asked for and not there, or twice the same, is left to the first two.
 *
 * @returns null where the search has only one
 */
export function axesOf(
  objectives: readonly Objective[],
  asked: { x: string | null; y: string | null },
): { x: Objective; y: Objective } | null {
  const find = (id: string | null) => objectives.find((objective) => idOf(objective) === id);
  const y = find(asked.y) ?? objectives.find((objective) => objective !== find(asked.x));
  const wanted = find(asked.x);
  const x = wanted !== undefined && wanted !== y ? wanted : objectives.find((objective) => objective !== y);
  return x === undefined || y === undefined ? null : { x, y };
}
