/**
 * Search spaces: which operations an edge of each kind of cell may hold, and how cells stack into a network.
 * Also the ways of naming a point in one: a selection (one operation per edge) and a genotype.
 */

import type { CellGenotype, Genotype } from "./genotype.ts";
import { operations } from "./operations.ts";
import type { Random } from "./random.ts";
import { didYouMean } from "./suggest.ts";

/**
 * How cells stack: the DARTS network of normal and reduction cells, the three stages of NAS-Bench-201, or nothing that
 * is known: places with an operation each, of which only a table says what they are worth.
 */
export type Skeleton = "cells" | "nas-bench-201" | "positions";

export interface SearchSpace {
  /** Name of a built-in space, or `inline`. */
  name: string;
  skeleton: Skeleton;
  /** Input nodes of a cell; they come first in the numbering of nodes. */
  inputs: number;
  /** Intermediate nodes of a cell. */
  nodes: number;
  /** By cell kind, the operations every edge may hold. */
  cells: Record<string, { operations: string[] }>;
}

/** A space written out in a specification instead of named. */
export interface InlineSpace {
  /** Default `cells`. */
  skeleton?: Exclude<Skeleton, "positions"> | undefined;
  /** Intermediate nodes; default 4, or 3 in the NAS-Bench-201 skeleton. */
  nodes?: number | undefined;
  /** Operations of normal cells. */
  normal: readonly string[];
  /** Operations of reduction cells; default those of normal cells. The NAS-Bench-201 skeleton has none. */
  reduction?: readonly string[] | undefined;
}

/** A space without cells, for tables. */
export interface PositionSpace {
  positions: number;
  /** What each place may hold. */
  operations: readonly string[];
}

/** An edge of a cell; `position` is its row among the cell's edges. */
export interface SpaceEdge {
  from: number;
  to: number;
  position: number;
}

/** By cell kind and edge, the operations that are still candidates: a space as pruning leaves it. */
export type Choices = Record<string, string[][]>;

/** By cell kind, one operation per edge: an architecture as it is sampled. */
export type Selection = Record<string, string[]>;

const DARTS_OPERATIONS = [
  "none",
  "max_pool_3x3",
  "avg_pool_3x3",
  "skip_connect",
  "sep_conv_3x3",
  "sep_conv_5x5",
  "dil_conv_3x3",
  "dil_conv_5x5",
];

const MAX_NODES = 12;

/** The built-in spaces by name. */
export const spaces: Readonly<Record<string, SearchSpace>> = {
  "tnd-nas": {
    name: "tnd-nas",
    skeleton: "cells",
    inputs: 2,
    nodes: 4,
    cells: {
      normal: {
        operations: [
          "none",
          "skip_connect",
          "sep_conv_3x3",
          "sep_conv_5x5",
          "sep_conv_7x7",
          "dil_conv_3x3",
          "dil_conv_5x5",
          "conv_1x1",
          "conv_3x3",
          "conv_3x1_1x3",
        ],
      },
      reduction: {
        operations: ["none", "skip_connect", "max_pool_3x3", "avg_pool_3x3", "max_pool_5x5", "max_pool_7x7"],
      },
    },
  },
  darts: {
    name: "darts",
    skeleton: "cells",
    inputs: 2,
    nodes: 4,
    cells: { normal: { operations: DARTS_OPERATIONS }, reduction: { operations: DARTS_OPERATIONS } },
  },
  "nas-bench-201": {
    name: "nas-bench-201",
    skeleton: "nas-bench-201",
    inputs: 1,
    nodes: 3,
    cells: {
      normal: { operations: ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"] },
    },
  },
};

/**
 * The space that a specification means: a built-in one by name, or an inline definition.
 *
 * @throws Error naming the unknown space or operation and the closest known one
 */
export function resolveSpace(nameOrInline: string | InlineSpace | PositionSpace): SearchSpace {
  if (typeof nameOrInline === "string") {
    const space = Object.hasOwn(spaces, nameOrInline) ? spaces[nameOrInline] : undefined;
    if (space) return space;
    throw new Error(
      `There is no search space "${nameOrInline}". ${didYouMean(nameOrInline, Object.keys(spaces))}`,
    );
  }
  if ("positions" in nameOrInline) {
    const { positions, operations: names } = nameOrInline;
    if (new Set(names).size < names.length) throw new Error("An operation of the space is listed twice.");
    return {
      name: "inline",
      skeleton: "positions",
      inputs: 1,
      nodes: positions,
      cells: { positions: { operations: [...names] } },
    };
  }
  const skeleton = nameOrInline.skeleton ?? "cells";
  const nodes = nameOrInline.nodes ?? (skeleton === "cells" ? 4 : 3);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new Error(`A cell has 1 to ${MAX_NODES} intermediate nodes, not ${nodes}.`);
  }
  const normal = checkOperations("normal", nameOrInline.normal);
  if (skeleton === "nas-bench-201") {
    if (nameOrInline.reduction) {
      throw new Error(`The nas-bench-201 skeleton has no reduction cells; leave "reduction" out.`);
    }
    return { name: "inline", skeleton, inputs: 1, nodes, cells: { normal: { operations: normal } } };
  }
  const reduction = checkOperations("reduction", nameOrInline.reduction ?? normal);
  return {
    name: "inline",
    skeleton,
    inputs: 2,
    nodes,
    cells: { normal: { operations: normal }, reduction: { operations: reduction } },
  };
}

/**
 * The edges of every cell of the space, ordered by the node they enter, then by the node they leave. Without cells, a
 * chain with an edge for each place.
 */
export function edgesOf(
  space: Pick<SearchSpace, "inputs" | "nodes"> & Partial<Pick<SearchSpace, "skeleton">>,
): SpaceEdge[] {
  const edges: SpaceEdge[] = [];
  if (space.skeleton === "positions")
    return Array.from({ length: space.nodes }, (_, position) => ({
      from: position,
      to: position + 1,
      position,
    }));
  for (let to = space.inputs; to < space.inputs + space.nodes; to++) {
    for (let from = 0; from < to; from++) edges.push({ from, to, position: edges.length });
  }
  return edges;
}

/** The nodes whose concatenation leaves a cell: all intermediate ones, or the last in other skeletons. */
export function concatOf(space: Pick<SearchSpace, "skeleton" | "inputs" | "nodes">): number[] {
  if (space.skeleton !== "cells") return [space.inputs + space.nodes - 1];
  return Array.from({ length: space.nodes }, (_, index) => space.inputs + index);
}

/** Every operation of the space on every edge. */
export function fullChoices(space: SearchSpace): Choices {
  const edges = edgesOf(space);
  return mapValues(space.cells, (cell) => edges.map(() => [...cell.operations]));
}

/** An architecture drawn uniformly, every edge by itself. */
export function randomSelection(space: SearchSpace, random: Random): Selection {
  const edges = edgesOf(space);
  return mapValues(space.cells, ({ operations: names }) =>
    edges.map(() => names[random.integer(names.length)] as string),
  );
}

/**
 * The genotype of a selection. `none` is left out, so a node may end up without edges.
 *
 * @throws Error when the selection does not give one operation per edge of every kind of cell
 */
export function genotypeFromSelection(space: SearchSpace, selection: Selection): Genotype {
  const edges = edgesOf(space);
  const cells = mapValues(space.cells, (_cell, kind) => {
    const chosen = selection[kind] ?? [];
    if (chosen.length !== edges.length) {
      throw new Error(`A ${kind} cell has ${edges.length} edges; the selection names ${chosen.length}.`);
    }
    const nodes: CellGenotype["nodes"] = Array.from({ length: space.nodes }, () => []);
    for (const edge of edges) {
      const operation = chosen[edge.position];
      if (operation === undefined || operation === "none") continue;
      nodes[edge.to - space.inputs]?.push({ operation, input: edge.from });
    }
    return { nodes, concat: concatOf(space) };
  });
  return { space: space.name, cells };
}

/**
 * The selection that gives a genotype back; absent edges become `none`.
 *
 * @throws Error when a node names a source twice or one that does not come before it, or when a cell is missing
 */
export function selectionFromGenotype(space: SearchSpace, genotype: Genotype): Selection {
  const edges = edgesOf(space);
  return mapValues(space.cells, (_cell, kind) => {
    const cell = genotype.cells[kind];
    if (cell?.nodes.length !== space.nodes) {
      throw new Error(`The genotype needs a ${kind} cell of ${space.nodes} nodes for space "${space.name}".`);
    }
    const chosen = edges.map(() => "none");
    for (const [index, node] of cell.nodes.entries()) {
      for (const { operation, input } of node) {
        const position = edges.find(
          (edge) => edge.to === index + space.inputs && edge.from === input,
        )?.position;
        if (position === undefined) {
          throw new Error(`Node ${index + space.inputs} of the ${kind} cell has no edge from node ${input}.`);
        }
        if (chosen[position] !== "none") {
          throw new Error(`Node ${index + space.inputs} of the ${kind} cell names node ${input} twice.`);
        }
        chosen[position] = operation;
      }
    }
    return chosen;
  });
}

function checkOperations(kind: string, names: readonly string[]): string[] {
  if (names.length === 0)
    throw new Error(`The ${kind} cell of an inline space needs at least one operation.`);
  const seen = new Set<string>();
  for (const name of names) {
    if (!Object.hasOwn(operations, name)) {
      throw new Error(
        `There is no operation "${name}" (${kind} cell). ${didYouMean(name, Object.keys(operations))}`,
      );
    }
    if (seen.has(name)) throw new Error(`Operation "${name}" is listed twice for the ${kind} cell.`);
    seen.add(name);
  }
  return [...names];
}

function mapValues<V, W>(record: Record<string, V>, map: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
