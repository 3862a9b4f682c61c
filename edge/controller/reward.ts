/**
 * From measurements to one number the policy climbs: accuracy times a factor per targeted objective.
 * `multiplicative` is TND-NAS's (v / target)^w everywhere; `hinge` penalises only what is beyond the target, since
 * the multiplicative form reaches no more than the convex hull of the front.
 */

import type { Schedule, Stage } from "../../shared/schedule.ts";
import { type Objective, objectiveId, type Specification } from "../../shared/specification.ts";
import { excess } from "./strategies/strategy.ts";

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

/** How far an architecture lies beyond all limits that could be checked together, each as a share of the limit. */
export const excessOf = (values: Values, objectives: readonly Objective[]): number =>
  objectives.reduce((sum, objective) => sum + excess(objective, values[objectiveId(objective)] ?? null), 0);

/** Whether every hard limit that could be checked holds. */
export const isWithinLimits = (values: Values, { objectives }: Specification): boolean =>
  excessOf(values, objectives) === 0;
