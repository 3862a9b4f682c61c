/**
 * Counts what a network costs: parameters, multiply-accumulates and activation memory, from its description alone.
 * A cost table makes the cost of any selection of a space a sum over its edges.
 */

import type { Genotype } from "./genotype.ts";
import type { Cost, Shape } from "./layers.ts";
import { activationBytes, layersCost } from "./layers.ts";
import type { Cell, Layer, Network, NetworkSize } from "./network.ts";
import { deriveNetwork, planNetwork } from "./network.ts";
import type { SearchSpace, Selection, Skeleton } from "./space.ts";
import { concatOf, edgesOf } from "./space.ts";

/** A network's cost; the auxiliary classifier is in `parametersWithAuxiliary` only. */
export interface NetworkCost extends Cost {
  parametersWithAuxiliary: number;
}

/** What a space's networks of one size cost: the cost of what is always there, and of each operation on each edge. */
export interface CostTable {
  base: NetworkCost;
  /** By cell kind, edge position and operation: its cost summed over all cells of the kind. */
  edges: Record<string, Record<string, Cost>[]>;
}

/**
 * What a network costs for one image. All choices of an edge are counted, so a supernet is counted whole.
 *
 * @throws Error when the network's shapes do not fit together
 */
export function countNetwork(network: Network): NetworkCost {
  return walk(network, {});
}

/** What the network of a genotype costs. */
export function countGenotype(
  genotype: Genotype,
  options: NetworkSize & { skeleton?: Skeleton | undefined; auxiliary?: boolean },
): NetworkCost {
  return countNetwork(deriveNetwork({ auxiliary: false, ...options, genotype }));
}

/**
 * The costs from which `selectionCost` adds up any architecture of the space. Building a table takes as long as counting a
 * few networks; keep it for as long as the size stays the same.
 */
export function costTable(space: SearchSpace, size: NetworkSize & { auxiliary?: boolean }): CostTable {
  const edges: CostTable["edges"] = {};
  const cells: Parameters<typeof planNetwork>[0]["cells"] = {};
  for (const [kind, { operations }] of Object.entries(space.cells)) {
    const planned = edgesOf(space).map((edge) => ({ ...edge, operations }));
    cells[kind] = { nodes: space.nodes, edges: planned, concat: concatOf(space) };
    edges[kind] = planned.map(() =>
      Object.fromEntries(
        operations.map((name) => [name, { parameters: 0, macs: 0, activationBytes: 0, modelBytes: 0 }]),
      ),
    );
  }
  const network = planNetwork({
    auxiliary: false,
    ...size,
    skeleton: space.skeleton,
    inputs: space.inputs,
    cells,
    affine: true,
    search: false,
  });
  const base = walk(network, {
    choice: (kind, position, operation, cost) => {
      const entry = edges[kind]?.[position]?.[operation];
      if (entry) addCost(entry, cost, 1);
    },
  });
  for (const rows of Object.values(edges)) {
    for (const row of rows) {
      for (const cost of Object.values(row)) {
        addCost(base, cost, -1);
        base.parametersWithAuxiliary -= cost.parameters;
      }
    }
  }
  return { base, edges };
}

/**
 * What the network of a selection costs: equal to counting the network derived from it.
 *
 * @throws Error when the selection has an operation that the table's space lacks
 */
export function selectionCost(table: CostTable, selection: Selection): NetworkCost {
  const total = { ...table.base };
  for (const kind in table.edges) {
    const rows = table.edges[kind] ?? [];
    const chosen = selection[kind] ?? [];
    for (const [position, row] of rows.entries()) {
      const operation = chosen[position];
      const cost = operation === undefined ? undefined : row[operation];
      if (!cost) throw new Error(`Edge ${position} of the ${kind} cell cannot hold "${operation}".`);
      addCost(total, cost, 1);
      total.parametersWithAuxiliary += cost.parameters;
    }
  }
  return total;
}

/** One thing that a part of a network does: a stem, what prepares an input, an operation on an edge, the sums, the classifier. */
export interface Piece {
  /** `stem`, `prepare`, `operation`, `nodes` or `head`. */
  role: "stem" | "prepare" | "operation" | "nodes" | "head";
  /** Of an operation. */
  operation?: string;
  /** Of an operation: nodes of the cell. Of what prepares an input: which one. */
  from?: number;
  to?: number;
  input: Shape;
  output: Shape;
  cost: Cost;
}

/** A stem, a cell, or the classifier. */
export interface Part {
  path: string;
  /** `stem`, `head`, or the kind of the cell. */
  kind: string;
  /** Indices of the parts that it reads; -1 is the image. */
  reads: number[];
  output: Shape;
  /** Sum of its pieces'. */
  cost: Cost;
  pieces: Piece[];
}

/**
 * What a network costs part by part: the parts' costs add up to `countNetwork`'s, the auxiliary classifier left out.
 *
 * @throws Error when the network's shapes do not fit together
 */
export function networkParts(network: Network): Part[] {
  const parts: Part[] = [];
  const states: number[] = [];
  const about = new Map<string, Pick<Part, "kind" | "reads">>();
  for (const [index, { path, isState }] of network.stems.entries()) {
    about.set(path, { kind: "stem", reads: [index - 1] });
    if (isState) states.push(index);
  }
  for (const [index, { path, kind, inputStates }] of network.cells.entries()) {
    about.set(path, { kind, reads: [...new Set(inputStates.map((state) => states[state] ?? -1))] });
    states.push(network.stems.length + index);
  }
  about.set(network.head.path, { kind: "head", reads: [states.at(-1) ?? -1] });
  walk(network, {
    piece(path, piece) {
      let part = parts.at(-1);
      if (part?.path !== path) {
        const { kind = "", reads = [] } = about.get(path) ?? {};
        part = { path, kind, reads, output: piece.output, cost: noCost(), pieces: [] };
        parts.push(part);
      }
      addCost(part.cost, piece.cost, 1);
      part.output = piece.output;
      part.pieces.push(piece);
    },
  });
  return parts;
}

/** Told of each list of layers with the shape of what goes in, in order. */
export type VisitPart = (part: NetworkPart, input: Shape) => void;
export interface NetworkPart {
  path: string;
  /** Paths of the parts whose results go in; several are concatenated. "image" is the network's input. */
  from: readonly string[];
  /** The node that adds this up; absent where the result stands for itself. */
  to?: string;
  layers: readonly Layer[];
}

/** Goes over what counts: every part of a network in the order of execution, without the auxiliary classifier. */
export function visitParts(network: Network, visit: VisitPart): void {
  walk(network, { part: visit });
}

/** What is told of a network while it is counted. */
interface Watch {
  choice?(kind: string, position: number, operation: string, cost: Cost): void;
  part?: VisitPart;
  piece?(path: string, piece: Piece): void;
}

const noCost = (): Cost => ({ parameters: 0, macs: 0, activationBytes: 0, modelBytes: 0 });

function walk(network: Network, watch: Watch): NetworkCost {
  const total = noCost();
  const states: Shape[] = [];
  const paths: string[] = [];
  let shape: Shape = network.image;
  let before = "image";
  for (const stem of network.stems) {
    const cost = layersCost(stem.layers, shape);
    watch.part?.({ ...stem, from: [before] }, shape);
    watch.piece?.(stem.path, { role: "stem", input: shape, output: cost.output, cost });
    addCost(total, cost, 1);
    shape = cost.output;
    before = stem.path;
    if (stem.isState) {
      states.push(shape);
      paths.push(before);
    }
  }
  const firstCellState = states.length;
  for (const cell of network.cells) {
    const from = cell.inputStates.map((index) => paths[index] ?? "");
    states.push(walkCell(cell, { states, from }, total, watch));
    paths.push(cell.path);
  }
  const last = states.at(-1) ?? shape;
  const head = layersCost(network.head.layers, last);
  watch.part?.({ ...network.head, from: [paths.at(-1) ?? before] }, last);
  watch.piece?.(network.head.path, { role: "head", input: last, output: head.output, cost: head });
  addCost(total, head, 1);

  let parametersWithAuxiliary = total.parameters;
  if (network.auxiliary) {
    const input = stateAt(states, firstCellState + network.auxiliary.afterCell);
    parametersWithAuxiliary += layersCost(network.auxiliary.layers, input).parameters;
  }
  return { ...total, parametersWithAuxiliary };
}

function walkCell(
  cell: Cell,
  { states, from }: { states: readonly Shape[]; from: readonly string[] },
  total: Cost,
  watch: Watch,
): Shape {
  const nodePath = (index: number): string => cell.preprocess[index]?.path ?? `${cell.path}.nodes.${index}`;
  const inputs = cell.preprocess.map(({ path, layers }, index) => {
    const state = stateAt(states, cell.inputStates[index]);
    const cost = layersCost(layers, state);
    watch.part?.({ path, from: [from[index] ?? ""], layers }, state);
    watch.piece?.(cell.path, { role: "prepare", from: index, input: state, output: cost.output, cost });
    addCost(total, cost, 1);
    return cost.output;
  });
  const first = stateAt(inputs, 0);
  const node = {
    height: Math.ceil(first.height / cell.stride),
    width: Math.ceil(first.width / cell.stride),
    channels: cell.channels,
  };
  for (const edge of cell.edges) {
    const input = inputs[edge.from] ?? node;
    for (const choice of edge.choices) {
      const cost = layersCost(choice.layers, input);
      if (cost.output.height !== node.height || cost.output.channels !== node.channels) {
        throw new Error(`${choice.path} gives ${shapeText(cost.output)}, its node is ${shapeText(node)}.`);
      }
      addCost(total, cost, 1);
      const { operation, path, layers } = choice;
      const { from: source, to } = edge;
      watch.part?.({ path, from: [nodePath(source)], to: nodePath(to), layers }, input);
      watch.piece?.(cell.path, { role: "operation", operation, from: source, to, input, output: node, cost });
      watch.choice?.(cell.kind, edge.position, operation, cost);
    }
  }
  const output = { ...node, channels: node.channels * cell.concat.length };
  const joined = cell.concat.length > 1 ? activationBytes(output) : 0;
  const sums = { ...noCost(), activationBytes: cell.nodes * activationBytes(node) + joined };
  watch.part?.({ path: cell.path, from: cell.concat.map(nodePath), layers: [] }, output);
  watch.piece?.(cell.path, { role: "nodes", input: node, output, cost: sums });
  addCost(total, sums, 1);
  return output;
}

function stateAt(states: readonly Shape[], index: number | undefined): Shape {
  const state = index === undefined ? undefined : states[index];
  if (!state) throw new Error(`A cell reads state ${index}, which does not exist.`);
  return state;
}

function addCost(total: Cost, cost: Cost, sign: 1 | -1): void {
  total.parameters += sign * cost.parameters;
  total.macs += sign * cost.macs;
  total.activationBytes += sign * cost.activationBytes;
  total.modelBytes += sign * cost.modelBytes;
}

function shapeText(shape: Shape): string {
  return `${shape.height}x${shape.width}x${shape.channels}`;
}
