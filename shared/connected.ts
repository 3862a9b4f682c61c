/** Whether an architecture computes anything: cells of `none` can cut a network in two, so that it answers all alike. */

import type { Cell, Edge, Network, NetworkSize } from "./network.ts";
import { planNetwork } from "./network.ts";
import { operations } from "./operations.ts";
import { concatOf, edgesOf, type SearchSpace, type Selection } from "./space.ts";

/** Whether a selection's network, of this space and size, sees its image. */
export function connectivity(space: SearchSpace, size: NetworkSize): (selection: Selection) => boolean {
  const edges = edgesOf(space).map((edge) => ({ ...edge, operations: [] }));
  const cell = { nodes: space.nodes, edges, concat: concatOf(space) };
  const network = planNetwork({
    ...size,
    skeleton: space.skeleton,
    inputs: space.inputs,
    cells: Object.fromEntries(Object.keys(space.cells).map((kind) => [kind, cell])),
    affine: true,
    search: false,
    auxiliary: false,
  });
  return (selection) =>
    seesImage(network, (kind, { position }) => {
      const operation = selection[kind]?.[position];
      return operation !== undefined && operations[operation]?.isNone !== true;
    });
}

type IsOpen = (kind: string, edge: Edge) => boolean;

function seesImage({ stems, cells }: Network, isOpen: IsOpen): boolean {
  // Cells of a kind are alike, and there are many more cells than kinds.
  const read = new Map<string, boolean[]>();
  const states = stems.filter(({ isState }) => isState).map(() => true);
  for (const cell of cells) {
    const inputs = read.get(cell.kind) ?? inputsRead(cell, isOpen);
    read.set(cell.kind, inputs);
    states.push(cell.inputStates.some((state, input) => inputs[input] === true && states[state] === true));
  }
  return states.at(-1) === true;
}

/** By input of a cell, whether its output depends on it. */
function inputsRead({ kind, inputStates, edges, concat }: Cell, isOpen: IsOpen): boolean[] {
  const isRead = new Set(concat);
  // Edges lead to later nodes only.
  for (const edge of edges.toSorted((a, b) => b.to - a.to))
    if (isRead.has(edge.to) && isOpen(kind, edge)) isRead.add(edge.from);
  return inputStates.map((_, input) => isRead.has(input));
}
