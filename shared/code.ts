/**
 * Architectures as numbers: one per position of a space, the index of the operation there. Short, quick to compare, and
 * the same after pruning, unlike an index among what is left.
 */

import { type Choices, fullChoices, type SearchSpace, type Selection } from "./space.ts";

/** An architecture as one number per position: the index of its operation among all the position's operations. */
export type Code = readonly number[];

/** A place that holds one operation: an edge of a kind of cell. */
export interface Position {
  kind: string;
  edge: number;
  /** Every operation of the space here, pruned ones too, so that codes outlive pruning. */
  operations: readonly string[];
}

/** The positions of a space, kind by kind. */
export function positionsOf(space: SearchSpace): Position[] {
  return Object.entries(fullChoices(space)).flatMap(([kind, edges]) =>
    edges.map((operations, edge) => ({ kind, edge, operations })),
  );
}

/** @throws RangeError where a choice is not an operation of its position */
export function allowedOf(positions: readonly Position[], choices: Choices): number[][] {
  return positions.map((position) => {
    const names = choices[position.kind]?.[position.edge] ?? [];
    return names.map((name) => indexAt(position, name));
  });
}

/** @throws RangeError where the selection has an operation that its position does not know */
export function codeOf(positions: readonly Position[], selection: Selection): number[] {
  return positions.map((position) => indexAt(position, selection[position.kind]?.[position.edge] ?? ""));
}

export function selectionOf(positions: readonly Position[], code: Code): Selection {
  const selection: Selection = {};
  for (const [index, { kind, operations }] of positions.entries()) {
    selection[kind] ??= [];
    selection[kind].push(operations[code[index] ?? 0] ?? "");
  }
  return selection;
}

/** A code as text, one character per position, and back; for states and keys. */
export const textOf = (code: Code): string => code.map((index) => index.toString(36)).join("");
export const codeOfText = (text: string): number[] =>
  Array.from(text, (character) => Number.parseInt(character, 36));

function indexAt({ kind, edge, operations }: Position, name: string): number {
  const index = operations.indexOf(name);
  if (index < 0) throw new RangeError(`operation ${name} is not on edge ${edge} of ${kind}`);
  return index;
}
