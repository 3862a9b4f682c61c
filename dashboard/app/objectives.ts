/** Objectives of a search by id, as values and constraints name them. Apart from shared/specification.ts, which brings zod. */

import type { Search } from "./answers.ts";

export interface ObjectiveOf {
  /** `name`, or `name.device`. */
  id: string;
  goal: "maximize" | "minimize";
  target?: number | undefined;
  limit?: number | undefined;
}

export const objectivesOf = ({ specification }: Pick<Search, "specification">): ObjectiveOf[] =>
  specification.objectives.map(({ name, device, goal, target, limit }) => ({
    id: device === undefined ? name : `${name}.${device}`,
    goal,
    target,
    limit,
  }));
