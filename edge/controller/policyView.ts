/** The policy for people: probabilities per edge, and what was pruned when and why. */

import { softmax } from "../../shared/softmax.ts";
import { edgesOf } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import { Context } from "./context.ts";
import { round4 } from "./policy.ts";
import type { ControllerState, Phase, StageTraining } from "./state.ts";

export interface PolicyView {
  strategy: Specification["strategy"]["name"];
  stage: number;
  round: number;
  phase: Phase;
  /** Probability of each surviving operation, per edge of each kind of cell. */
  cells: Record<
    string,
    { position: number; from: number; to: number; probabilities: Record<string, number> }[]
  >;
  prunings: ControllerState["prunings"];
  /** Finished stages of which it is known, with the fewest and the most weight steps that an operation had. */
  stages: (StageTraining & { minimum: number; maximum: number })[];
}

export function policyView(state: ControllerState, specification: Specification): PolicyView {
  const context = new Context(specification, state);
  const problem = context.problem(state.choices, state.stage);
  const logits = context.strategy.logits(state.strategy, problem);
  const edges = edgesOf(context.space);
  const cells: PolicyView["cells"] = {};
  for (const [index, { kind, edge, operations }] of context.positions.entries()) {
    const probabilities = softmax(logits[index] ?? []);
    const named = (problem.allowed[index] ?? []).map((operation, at): [string, number] => [
      operations[operation] as string,
      round4(probabilities[at] ?? 0),
    ]);
    cells[kind] ??= [];
    cells[kind].push({
      position: edge,
      from: edges[edge]?.from ?? 0,
      to: edges[edge]?.to ?? 0,
      probabilities: Object.fromEntries(named),
    });
  }
  const { stage, round, phase, prunings } = state;
  const stages = state.stageTrainings.map((training) => ({ ...training, ...extremesOf(training) }));
  return { strategy: specification.strategy.name, stage, round, phase, cells, prunings, stages };
}

function extremesOf({ trainedSteps }: StageTraining): { minimum: number; maximum: number } {
  const counts = Object.values(trainedSteps).flatMap((edges) => edges.flatMap(Object.values<number>));
  return { minimum: Math.min(...counts), maximum: Math.max(...counts) };
}
