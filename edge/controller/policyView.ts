/** The policy for people: probabilities per edge, and what was pruned when and why. */

import { spaceOf } from "../../shared/profile.ts";
import { softmax } from "../../shared/softmax.ts";
import { edgesOf } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import { round4 } from "./policy.ts";
import type { ControllerState, Phase } from "./state.ts";

export interface PolicyView {
  stage: number;
  round: number;
  phase: Phase;
  updates: number;
  baseline: number | null;
  /** Probability of each surviving operation, per edge of each kind of cell. */
  cells: Record<
    string,
    { position: number; from: number; to: number; probabilities: Record<string, number> }[]
  >;
  prunings: ControllerState["prunings"];
}

export function policyView(state: ControllerState, specification: Specification): PolicyView {
  const edges = edgesOf(spaceOf(specification));
  return {
    stage: state.stage,
    round: state.round,
    phase: state.phase,
    updates: state.policy.updates,
    baseline: state.policy.baseline,
    cells: Object.fromEntries(
      Object.entries(state.choices).map(([kind, rows]) => [
        kind,
        rows.map((operations, position) => {
          const probabilities = softmax(state.policy.logits[kind]?.[position] ?? []);
          return {
            position,
            from: edges[position]?.from ?? 0,
            to: edges[position]?.to ?? 0,
            probabilities: Object.fromEntries(
              operations.map((operation, index) => [operation, round4(probabilities[index] ?? 0)]),
            ),
          };
        }),
      ]),
    ),
    prunings: state.prunings,
  };
}
