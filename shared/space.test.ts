import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TND_NAS } from "./genotypes.ts";
import {
  edgesOf,
  fullChoices,
  genotypeFromSelection,
  resolveSpace,
  selectionFromGenotype,
  spaces,
} from "./space.ts";

test.each([
  ["tnd-nas", 14, [10, 6]],
  ["darts", 14, [8, 8]],
  ["nas-bench-201", 6, [5]],
])("%s has the edges and operations of its paper", (name, edges, counts) => {
  const space = resolveSpace(name);
  expect(edgesOf(space)).toHaveLength(edges);
  expect(Object.values(space.cells).map(({ operations }) => operations.length)).toEqual(counts);
  for (const perEdge of Object.values(fullChoices(space))) expect(perEdge).toHaveLength(edges);
});

test("edges are ordered by the node they enter, then by the node they leave", () => {
  expect(edgesOf({ inputs: 2, nodes: 2 })).toEqual([
    { from: 0, to: 2, position: 0 },
    { from: 1, to: 2, position: 1 },
    { from: 0, to: 3, position: 2 },
    { from: 1, to: 3, position: 3 },
    { from: 2, to: 3, position: 4 },
  ]);
});

test.each(Object.values(spaces))("in $name a selection survives becoming a genotype", (space) => {
  const edges = edgesOf(space);
  const perCell = Object.entries(space.cells).map(([kind, { operations }]) => [
    kind,
    fc.array(fc.constantFrom(...operations), { minLength: edges.length, maxLength: edges.length }),
  ]);
  fc.assert(
    fc.property(fc.record(Object.fromEntries(perCell)), (selection) => {
      const genotype = genotypeFromSelection(space, selection);
      expect(JSON.stringify(genotype)).not.toContain("none");
      expect(selectionFromGenotype(space, genotype)).toEqual(selection);
    }),
  );
});

test("the published TND-NAS cell is a point of its space", () => {
  const space = resolveSpace("tnd-nas");
  expect(genotypeFromSelection(space, selectionFromGenotype(space, TND_NAS))).toEqual(TND_NAS);
});

test("an inline space takes defaults from its skeleton", () => {
  expect(resolveSpace({ normal: ["none", "conv_3x3"] })).toEqual({
    name: "inline",
    skeleton: "cells",
    inputs: 2,
    nodes: 4,
    cells: {
      normal: { operations: ["none", "conv_3x3"] },
      reduction: { operations: ["none", "conv_3x3"] },
    },
  });
  expect(resolveSpace({ skeleton: "nas-bench-201", normal: ["none", "nor_conv_3x3"] })).toMatchObject({
    inputs: 1,
    nodes: 3,
  });
});

test.each([
  ["dart", 'Did you mean "darts"?'],
  ["constructor", 'There is no search space "constructor"'],
  [{ normal: ["sepconv_3x3"] }, 'Did you mean "sep_conv_3x3"?'],
  [{ normal: ["none"], reduction: ["toString"] }, "(reduction cell)"],
  [{ normal: ["none", "none"] }, "listed twice"],
  [{ normal: [] }, "at least one operation"],
  [{ normal: ["none"], nodes: 0 }, "1 to 12 intermediate nodes"],
  [{ skeleton: "nas-bench-201" as const, normal: ["none"], reduction: ["none"] }, "no reduction cells"],
])("%j is refused with what to do", (definition, message) => {
  expect(() => resolveSpace(definition)).toThrow(message);
});

test("a selection or genotype of the wrong shape is refused", () => {
  const space = resolveSpace("darts");
  expect(() => genotypeFromSelection(space, { normal: [] })).toThrow("14 edges; the selection names 0");
  const doubled = { operation: "skip_connect", input: 0 };
  const cell = { nodes: [[doubled, doubled], [], [], []], concat: [2, 3, 4, 5] };
  expect(() => selectionFromGenotype(space, { space: "darts", cells: { normal: cell } })).toThrow(
    "names node 0 twice",
  );
});
