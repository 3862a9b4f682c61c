/**
 * From measurements to one number the policy climbs: accuracy times a factor per targeted objective.
 * `multiplicative` is TND-NAS's (v / target)^w everywhere; `hinge` penalises only what is beyond the target, since
 * the multiplicative form reaches no more than the convex hull of the front.
 */

import type { Schedule, Stage } from "../../shared/schedule.ts";
import { objectiveId, type Specification } from "../../shared/specification.ts";

export type Values = Record<string, number | null>;

const defaultExponent = -0.5;
/** Beyond a hard limit the reward falls in proportion, so that the policy is led back instead of left blind. */
const limitExponent = -1;

/** Null when accuracy is missing; a missing cost leaves its factor out. */
export function reward(
  values: Values,
  specification: Specification,
  schedule: Schedule,
  stage: Stage,
): number | null {
  const accuracy = values.accuracy;
  if (accuracy === null || accuracy === undefined || !Number.isFinite(accuracy)) return null;
  let result = accuracy;
  for (const objective of specification.objectives) {
    if (objective.name === "accuracy") continue;
    const id = objectiveId(objective);
    const value = values[id];
    if (value === null || value === undefined || !(value > 0)) continue;
    const target = stage.targets?.[id] ?? objective.target;
    if (target !== undefined) {
      const exponent = stage.exponents?.[id] ?? objective.exponent ?? defaultExponent;
      const ratio = objective.goal === "minimize" ? value / target : target / value;
      result *= (schedule.policy.reward === "hinge" ? Math.max(1, ratio) : ratio) ** exponent;
    }
    if (objective.limit !== undefined) {
      const ratio = objective.goal === "minimize" ? value / objective.limit : objective.limit / value;
      result *= Math.max(1, ratio) ** limitExponent;
    }
  }
  return result;
}

/** Whether every hard limit that could be checked holds. */
export function isFeasible(values: Values, specification: Specification): boolean {
  return specification.objectives.every((objective) => {
    const value = values[objectiveId(objective)];
    if (objective.limit === undefined || value === null || value === undefined) return true;
    return objective.goal === "minimize" ? value <= objective.limit : value >= objective.limit;
  });
}
