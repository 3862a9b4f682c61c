/**
 * Progressive shrinking: which operations every edge loses at a stage's end. The schedule says how many; what goes
 * first is what the evidence speaks against, and no operation goes that a confirmed member of the front uses.
 */

import { allowedOf, type Code, codeOf, type Position, selectionOf } from "../../shared/code.ts";
import type { Choices, Selection } from "../../shared/space.ts";
import { round4 } from "./policy.ts";
import type { Effect } from "./strategies/strategy.ts";

export interface Pruning {
  kind: string;
  position: number;
  dropped: string[];
  kept: string[];
  /** Probability of each operation before the drop. */
  probabilities: Record<string, number>;
  /** By dropped operation: `evidence` where it is worse than its edge's others in every direction, else `schedule`. */
  reasons: Record<string, "evidence" | "schedule">;
  /** Kept beyond the schedule's count because members of the front use them. */
  protected: string[];
  /** By operation, what it adds in each direction; null where the strategy keeps no such record. */
  effects: Record<string, Effect[]> | null;
}

export interface PruneInput {
  positions: readonly Position[];
  choices: Choices;
  /** By position and allowed operation. */
  probabilities: readonly (readonly number[])[];
  /** Likewise; null where there is no evidence. */
  effects: readonly (readonly (readonly Effect[])[])[] | null;
  /** By kind of cell, how many operations every edge loses. */
  drop: Record<string, number>;
  /** Members of the front, measured again; none where the schedule alone decides, as published. */
  front: readonly Selection[];
}

/** At least one operation stays on every edge. */
export function prune(input: PruneInput): { choices: Choices; pruned: Pruning[] } {
  const { positions, choices, drop } = input;
  const allowed = allowedOf(positions, choices);
  const front = input.front.map((selection) => codeOf(positions, selection));
  const pruned: Pruning[] = [];
  const next: Choices = {};
  for (const [index, position] of positions.entries()) {
    const { kind, edge, operations } = position;
    const indices = allowed[index] as number[];
    const dropped = droppedAt(input, index, indices, front);
    const kept = indices.filter((operation) => !dropped.includes(operation));
    next[kind] ??= [];
    next[kind].push(kept.map((operation) => operations[operation] as string));
    const wanted = Math.min(drop[kind] ?? 0, indices.length - 1);
    if (dropped.length === 0 && wanted === 0) continue;
    pruned.push({
      ...told(input, index, indices, dropped),
      kind,
      position: edge,
      protected:
        dropped.length < wanted ? used(front, index, kept).map((at) => operations[at] as string) : [],
    });
  }
  return { choices: next, pruned };
}

/** What goes from a position: first what is proved to be worse, then what is least promising or least probable. */
function droppedAt(
  { positions, probabilities, effects, drop }: PruneInput,
  index: number,
  indices: readonly number[],
  front: readonly Code[],
): number[] {
  const kind = positions[index]?.kind ?? "";
  const isUsed = new Set(used(front, index, indices));
  const worth = (at: number): number => {
    const found = effects?.[index]?.[at];
    if (found === undefined || found.length === 0) return probabilities[index]?.[at] ?? 0;
    return Math.max(...found.map(({ high }) => high));
  };
  const droppable = indices.map((operation, at) => ({ operation, worth: worth(at), at }));
  // Of equals the first of the space stays, as published.
  return droppable
    .filter(({ operation }) => !isUsed.has(operation))
    .sort((a, b) => a.worth - b.worth || b.at - a.at)
    .slice(0, Math.min(drop[kind] ?? 0, indices.length - 1))
    .map(({ operation }) => operation);
}

const used = (front: readonly Code[], index: number, indices: readonly number[]): number[] =>
  indices.filter((operation) => front.some((code) => code[index] === operation));

function told(
  { positions, probabilities, effects }: PruneInput,
  index: number,
  indices: readonly number[],
  dropped: readonly number[],
): Pick<Pruning, "kept" | "dropped" | "probabilities" | "reasons" | "effects"> {
  const name = (operation: number) => positions[index]?.operations[operation] ?? "";
  const named = <T>(value: (at: number) => T) =>
    Object.fromEntries(indices.map((operation, at) => [name(operation), value(at)]));
  const isProved = (operation: number) => {
    const found = effects?.[index]?.[indices.indexOf(operation)] ?? [];
    return found.length > 0 && found.every(({ high }) => high < 0);
  };
  return {
    kept: indices.filter((operation) => !dropped.includes(operation)).map(name),
    dropped: dropped.map(name),
    probabilities: named((at) => round4(probabilities[index]?.[at] ?? 0)),
    reasons: Object.fromEntries(
      dropped.map((operation) => [name(operation), isProved(operation) ? "evidence" : "schedule"]),
    ),
    effects: effects === null ? null : named((at) => (effects[index]?.[at] ?? []).map(rounded)),
  };
}

const rounded = ({ low, mean, high }: Effect): Effect => ({
  low: round4(low),
  mean: round4(mean),
  high: round4(high),
});

/** Whether an architecture is still in the space that is left. */
export function survives(positions: readonly Position[], choices: Choices, code: Code): boolean {
  const selection = selectionOf(positions, code);
  return Object.entries(selection).every(([kind, edges]) =>
    edges.every((operation, edge) => choices[kind]?.[edge]?.includes(operation)),
  );
}
