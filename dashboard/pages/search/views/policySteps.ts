/** The policy over the rounds as steps of a slider, and what of each kind of cell is drawn at a step. Pure. */

import type { Policy, PolicyAt } from "../../../app/answers.ts";
import type { HeatCell, HeatData } from "../../../pictures/policyHeat.ts";

export interface Step extends PolicyAt {
  /** `now`: that of the round that comes next; `end`: the last one of a search that is over. */
  moment: "past" | "now" | "end";
}

/** Oldest first; the newest policy is the last. */
export function stepsOf(history: readonly PolicyAt[], policy: Policy, isOver: boolean): Step[] {
  const { round, stage, phase, cells } = policy;
  const past = history.filter((at) => at.round < round).map((at): Step => ({ ...at, moment: "past" }));
  return [...past, { round, stage, phase, cells, moment: isOver ? "end" : "now" }];
}

export interface StageSpan {
  stage: number;
  /** Indices of steps. */
  first: number;
  count: number;
}

export function spansOf(steps: readonly Step[]): StageSpan[] {
  const spans: StageSpan[] = [];
  for (const [index, { stage }] of steps.entries()) {
    const last = spans.at(-1);
    if (last?.stage === stage) last.count += 1;
    else spans.push({ stage, first: index, count: 1 });
  }
  return spans;
}

/** By kind of cell, the operations that it had at first, in the order of the space. */
export function operationsOf(steps: readonly Step[], policy: Policy): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  const add = (kind: string, names: readonly string[]) => {
    const set = found.get(kind) ?? new Set<string>();
    for (const name of names) set.add(name);
    found.set(kind, set);
  };
  for (const { cells } of steps)
    for (const [kind, edges] of Object.entries(cells))
      for (const { probabilities } of edges) add(kind, Object.keys(probabilities));
  for (const { kind, kept, dropped } of policy.prunings) add(kind, [...kept, ...dropped]);
  return new Map([...found].map(([kind, names]) => [kind, [...names]]));
}

export type Pruning = Policy["prunings"][number];

/** Where and why an operation was pruned; undefined where it was not, or nobody knows. */
export const pruningOf = (
  policy: Policy,
  kind: string,
  position: number,
  operation: string,
): Pruning | undefined =>
  policy.prunings.find(
    (pruning) =>
      pruning.kind === kind && pruning.position === position && pruning.dropped.includes(operation),
  );

/** By stage, how many weight steps trained an operation of an edge. */
export const trainedOf = (
  { stages }: Policy,
  kind: string,
  position: number,
  operation: string,
): { stage: number; steps: number }[] =>
  stages.flatMap(({ stage, trainedSteps }) => {
    const steps = trainedSteps[kind]?.[position]?.[operation];
    return steps === undefined ? [] : [{ stage, steps }];
  });

/** An even choice between two is no strong preference, however few are left. */
const leastMost = 0.5;

/** The largest probability of all steps: what is darkest is the same at each. */
export const mostOf = (steps: readonly Step[]): number =>
  steps
    .flatMap(({ cells }) => Object.values(cells).flat())
    .flatMap(({ probabilities }) => Object.values(probabilities))
    .reduce((most, value) => Math.max(most, value), leastMost);

interface HeatInput {
  policy: Policy;
  step: Step;
  kind: string;
  operations: readonly string[];
  most: number;
  marked: string | null;
}

export function heatOf({ policy, step, kind, operations, most, marked }: HeatInput): HeatData {
  const edges = step.cells[kind] ?? [];
  const isPlaces = kind === "positions";
  return {
    kind,
    operations,
    most,
    marked,
    when: whenOf(step),
    edges: edges.map(({ from, to, position }) => (isPlaces ? `${position + 1}` : `${from} → ${to}`)),
    cells: edges.map(({ position, probabilities }) =>
      operations.map((operation): HeatCell => {
        const steps = trainedOf(policy, kind, position, operation);
        const trainedSteps = steps.length === 0 ? null : steps.reduce((sum, one) => sum + one.steps, 0);
        const probability = probabilities[operation];
        if (probability !== undefined) return { probability, trainedSteps };
        const pruning = pruningOf(policy, kind, position, operation);
        return {
          probability: null,
          reason: pruning?.reasons[operation],
          stage: pruning?.stage,
          trainedSteps,
        };
      }),
    ),
  };
}

const phaseTexts: Record<Step["phase"], string> = {
  warmup: ", warming up",
  search: "",
  confirm: ", confirming",
};

export function whenOf({ round, stage, phase, moment }: Step): string {
  if (moment === "end") return "at the end";
  if (moment === "now") return `now, before round ${round}`;
  return `in round ${round}, stage ${stage + 1}${phaseTexts[phase]}`;
}
