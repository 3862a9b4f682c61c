/**
 * A cell as boxes and lines: inputs above, the output below, a box for each operation between the nodes. Works for cells
 * of two inputs (TND-NAS, DARTS, inline), of one (NAS-Bench-201) and for a chain of positions. Pure.
 */

import { graphlib, layout } from "@dagrejs/dagre";
import type { CellGenotype } from "../../shared/genotype.ts";
import type { SearchSpace } from "../../shared/space.ts";
import { operationLabel, operationName } from "../ui/format.ts";

export type Family = "convolution" | "separable" | "dilated" | "pool" | "skip" | "other";

export interface Box {
  id: string;
  kind: "input" | "node" | "output" | "operation";
  /** Of an operation. */
  family?: Family;
  label: string;
  /** Of its middle. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Line {
  id: string;
  points: { x: number; y: number }[];
}

export interface CellLayout {
  width: number;
  height: number;
  boxes: Box[];
  lines: Line[];
  /** The same in words. */
  text: string;
}

const letterWidth = 7.2;
const boxHeight = 26;

const familyOf = (operation: string): Family => {
  if (/skip|identity/.test(operation)) return "skip";
  if (/pool/.test(operation)) return "pool";
  if (/^sep/.test(operation)) return "separable";
  if (/^dil/.test(operation)) return "dilated";
  return /conv/.test(operation) ? "convolution" : "other";
};

type Space = Pick<SearchSpace, "skeleton" | "inputs">;

/** Of the cells that were laid out last: of a large one it takes longer than a frame. */
const known = new Map<string, CellLayout>();
const mostKnown = 200;

const keyOf = (cell: CellGenotype, { skeleton, inputs }: Space) => JSON.stringify([cell, skeleton, inputs]);

/** Whether it is known, and so takes no time. */
export const isLaidOut = (cell: CellGenotype, space: Space): boolean => known.has(keyOf(cell, space));

/** @param space as `resolveSpace` of shared/space.ts gives it */
export function layoutOf(cell: CellGenotype, space: Space): CellLayout {
  const key = keyOf(cell, space);
  const before = known.get(key);
  if (before !== undefined) return before;
  const fresh = laidOut(cell, space);
  const [oldest] = known.keys();
  if (known.size >= mostKnown && oldest !== undefined) known.delete(oldest);
  known.set(key, fresh);
  return fresh;
}

function laidOut(cell: CellGenotype, space: Space): CellLayout {
  const { skeleton, inputs } = space;
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 10, ranksep: 16, edgesep: 10, marginx: 6, marginy: 6 });
  graph.setDefaultEdgeLabel(() => ({}));
  const about = new Map<string, Pick<Box, "kind" | "label"> & { family?: Family }>();
  const add = (id: string, box: Pick<Box, "kind" | "label"> & { family?: Family }) => {
    about.set(id, box);
    graph.setNode(id, { width: Math.max(30, box.label.length * letterWidth + 16), height: boxHeight });
  };
  const nameOf = (node: number) => (node < inputs ? inputName(node, space) : `node ${node - inputs}`);
  const used = new Set(cell.nodes.flat().map(({ input }) => input));
  for (let input = 0; input < inputs; input++)
    if (used.has(input) || inputs === 1) add(String(input), { kind: "input", label: labelOf(input, space) });
  cell.nodes.forEach((edges, index) => {
    const node = index + inputs;
    const isLast = skeleton !== "cells" && index === cell.nodes.length - 1;
    const label = isLast ? "output" : edges.length === 0 ? `${nameOf(node)}: zeros` : nameOf(node);
    add(String(node), { kind: isLast ? "output" : "node", label });
    edges.forEach(({ operation, input }, at) => {
      const id = `${node}.${at}`;
      add(id, { kind: "operation", family: familyOf(operation), label: operationLabel(operation) });
      graph.setEdge(String(input), id);
      graph.setEdge(id, String(node));
    });
  });
  if (skeleton === "cells") {
    add("output", { kind: "output", label: "output" });
    for (const node of new Set(cell.concat)) graph.setEdge(String(node), "output");
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    boxes: graph.nodes().flatMap((id): Box[] => {
      const box = about.get(id);
      const { x, y, width: across, height: up } = graph.node(id);
      return box === undefined ? [] : [{ id, ...box, x: x ?? 0, y: y ?? 0, width: across, height: up }];
    }),
    lines: graph.edges().map((edge) => ({
      id: `${edge.v}-${edge.w}`,
      points: graph.edge(edge)?.points ?? [],
    })),
    text: cellText(cell, nameOf, space),
  };
}

function inputName(input: number, { skeleton, inputs }: Space): string {
  if (inputs === 1 || skeleton !== "cells") return "input";
  return input === 0 ? "cell before last" : "last cell";
}

const labelOf = (input: number, space: Space): string =>
  space.skeleton === "cells" && space.inputs === 2 ? `cell k−${2 - input}` : inputName(input, space);

function cellText(
  { nodes, concat }: CellGenotype,
  nameOf: (node: number) => string,
  { skeleton, inputs }: Space,
): string {
  const lines = nodes.map((edges, index) => {
    const sum = edges.map(({ operation, input }) => `${operationName(operation)} of ${nameOf(input)}`);
    return `${nameOf(index + inputs)} is ${sum.length === 0 ? "zeros" : sum.join(" plus ")}`;
  });
  const joined =
    skeleton === "cells" ? `; the output joins ${[...new Set(concat)].map(nameOf).join(", ")}` : "";
  return `${lines.join("; ")}${joined}.`;
}
