/** Where the edges of a space lie in its networks of one size: which shapes they read, and what of each operation a table must know. */

import { elements, layersCost, outputShape, type Shape } from "../layers.ts";
import { type NetworkSize, planNetwork } from "../network.ts";
import { operations } from "../operations.ts";
import { concatOf, edgesOf, type SearchSpace, type Selection } from "../space.ts";

/** One edge of one cell. */
export interface Placement {
  /** Of its input. */
  shape: Shape;
  stride: number;
}

/** By cell kind and edge position, every cell's edge there. A kind that no cell is of has none. */
export type Placements = Record<string, Placement[][]>;

/**
 * Every edge of the derived networks of the space.
 *
 * @throws RangeError for a space without cells
 * @throws Error for a size that no network of the space has
 */
export function placementsOf(space: SearchSpace, size: NetworkSize): Placements {
  if (space.skeleton === "positions")
    throw new RangeError("a space without cells has no networks to predict");
  const edges = edgesOf(space);
  const empty = { nodes: space.nodes, edges: edges.map((edge) => ({ ...edge, operations: [] })) };
  const network = planNetwork({
    ...size,
    skeleton: space.skeleton,
    inputs: space.inputs,
    cells: Object.fromEntries(
      Object.keys(space.cells).map((kind) => [kind, { ...empty, concat: concatOf(space) }]),
    ),
    affine: true,
    search: false,
    auxiliary: false,
  });
  const placements: Placements = Object.fromEntries(
    Object.keys(space.cells).map((kind) => [kind, edges.map(() => [])]),
  );
  const states: Shape[] = [];
  let shape: Shape = network.image;
  for (const stem of network.stems) {
    shape = outputShape(stem.layers, shape);
    if (stem.isState) states.push(shape);
  }
  for (const cell of network.cells) {
    const inputs = cell.preprocess.map(({ layers }, index) =>
      outputShape(layers, states[cell.inputStates[index] ?? 0] ?? shape),
    );
    const [first = shape] = inputs;
    const node = {
      height: Math.ceil(first.height / cell.stride),
      width: Math.ceil(first.width / cell.stride),
      channels: cell.channels,
    };
    for (const { from, position } of cell.edges) {
      const input = inputs[from];
      placements[cell.kind]?.[position]?.push({ shape: input ?? node, stride: input ? cell.stride : 1 });
    }
    states.push({ ...node, channels: node.channels * cell.concat.length });
  }
  return placements;
}

/** What an operation costs at a place, as far as counting tells. */
export function countedAt(name: string, { shape, stride }: Placement) {
  const operation = operations[name];
  if (operation === undefined) throw new RangeError(`There is no operation "${name}".`);
  const layers = operation.layers({ channels: shape.channels, stride, affine: true, search: false });
  const { macs, output } = layersCost(layers, shape);
  return {
    macs,
    isNone: operation.isNone,
    /** Of a ReLU that operations on the same input share in a whole network. */
    sharedActivations: layers[0]?.kind === "relu" ? elements(shape) : 0,
    /** Of the sum that its result goes into. */
    summedActivations: operation.isNone ? 0 : elements(output),
  };
}

/**
 * The selection with `none` on every edge that the network's result does not depend on, which is what is executed. Only
 * where a cell's output is one of its nodes can there be such edges, and only in a space with `none`.
 */
export function executedSelection(space: SearchSpace, selection: Selection): Selection {
  const edges = edgesOf(space);
  const outputs = concatOf(space);
  const executed: Selection = {};
  for (const [kind, chosen] of Object.entries(selection)) {
    const read = new Set(outputs);
    const kept = [...chosen];
    for (const { from, to, position } of edges.toReversed()) {
      const name = chosen[position];
      if (name === undefined || operations[name]?.isNone) continue;
      if (read.has(to)) read.add(from);
      else kept[position] = "none";
    }
    executed[kind] = kept;
  }
  return executed;
}
