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
  const states = stems.filter(({ isState }) => isState).map(() => true);
  for (const cell of cells) states.push(passesOn(cell, states, isOpen));
  return states.at(-1) === true;
}

function passesOn(
  { kind, inputStates, nodes, edges, concat }: Cell,
  states: boolean[],
  isOpen: IsOpen,
): boolean {
  const sees = inputStates.map((state) => states[state] === true);
  const inputs = sees.length;
  for (let node = inputs; node < inputs + nodes; node++)
    sees.push(edges.some((edge) => edge.to === node && sees[edge.from] === true && isOpen(kind, edge)));
  return concat.some((node) => sees[node] === true);
}
