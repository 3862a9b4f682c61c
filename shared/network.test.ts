import { expect, test } from "vitest";
import { countNetwork } from "./count.ts";
import { DARTS_V2, TND_NAS } from "./genotypes.ts";
import type { Layer, Network, NetworkSize } from "./network.ts";
import { buildSupernet, deriveNetwork, skeletonOf } from "./network.ts";
import { fullChoices, genotypeFromSelection, resolveSpace } from "./space.ts";

const SIZE: NetworkSize = {
  channels: 8,
  layers: 8,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
};

function derive(size: Partial<NetworkSize> = {}): Network {
  return deriveNetwork({ genotype: TND_NAS, auxiliary: false, ...SIZE, ...size });
}

function choicesOf(network: Network) {
  return network.cells.flatMap((cell) => cell.edges.flatMap((edge) => edge.choices));
}

function norms(layers: readonly Layer[]): { affine: boolean }[] {
  return layers.flatMap((layer) => (layer.kind === "batchNorm" ? [layer] : []));
}

test("reductions stand a third and two thirds through the network and double the channels", () => {
  const { cells } = derive({ layers: 20 });
  expect(cells.flatMap(({ kind }, index) => (kind === "reduction" ? [index] : []))).toEqual([6, 13]);
  expect([5, 6, 13].map((index) => cells[index]?.channels)).toEqual([8, 16, 32]);
});

test("a cell reads the two states before it, the first cell the stem twice", () => {
  expect(
    derive()
      .cells.map(({ inputStates }) => inputStates)
      .slice(0, 3),
  ).toEqual([
    [0, 0],
    [0, 1],
    [1, 2],
  ]);
  const imagenet = derive({ stem: "imagenet" });
  expect(imagenet.stems.filter(({ isState }) => isState)).toHaveLength(2);
  expect(imagenet.cells.map(({ inputStates }) => inputStates).slice(0, 2)).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(imagenet.cells[0]?.preprocess[0]?.layers.map(({ kind }) => kind)).toEqual([
    "relu",
    "concat",
    "batchNorm",
  ]);
});

test("a derived network has one choice per edge, every norm affine and no norm after pools", () => {
  const network = derive();
  for (const { edges } of network.cells) for (const edge of edges) expect(edge.choices).toHaveLength(1);
  for (const { operation, layers } of choicesOf(network)) {
    expect(norms(layers).every(({ affine }) => affine)).toBe(true);
    if (operation.includes("pool")) expect(layers).toHaveLength(1);
  }
});

test("a supernet has every choice it is left, and no norm in its cells is affine", () => {
  const space = resolveSpace("tnd-nas");
  const choices = fullChoices(space);
  if (choices.normal) choices.normal[3] = ["conv_1x1", "none"];
  const network = buildSupernet({ space, choices, ...SIZE });
  expect(network.cells[0]?.edges[3]?.choices.map(({ operation }) => operation)).toEqual(["conv_1x1", "none"]);
  expect(network.cells[0]?.edges[4]?.choices).toHaveLength(10);
  const layers = network.cells.flatMap((cell) => cell.preprocess.flatMap((entry) => entry.layers));
  layers.push(...choicesOf(network).flatMap((choice) => choice.layers));
  expect(norms(layers).some(({ affine }) => affine)).toBe(false);
});

test("a derived network's paths are those of the supernet, so that weights can be carried over", () => {
  const space = resolveSpace("tnd-nas");
  const paths = new Set(
    choicesOf(buildSupernet({ space, choices: fullChoices(space), ...SIZE })).map(({ path }) => path),
  );
  const derived = choicesOf(derive()).map(({ path }) => path);
  expect(derived[0]).toBe("cells.0.edges.0.sep_conv_3x3");
  expect(derived.filter((path) => !paths.has(path))).toEqual([]);
  expect(new Set(derived).size).toBe(derived.length);
});

test("a node without edges stays in the output", () => {
  const space = resolveSpace("darts");
  const nothing = Array<string>(14).fill("none");
  const genotype = genotypeFromSelection(space, { normal: nothing, reduction: nothing });
  const network = deriveNetwork({ genotype, auxiliary: true, ...SIZE });
  expect(choicesOf(network)).toEqual([]);
  expect(network.cells[0]?.concat).toEqual([2, 3, 4, 5]);
  expect(countNetwork(network).parameters).toBeGreaterThan(0);
});

test("the NAS-Bench-201 network has three stages of cells between residual blocks", () => {
  const space = resolveSpace("nas-bench-201");
  const genotype = genotypeFromSelection(space, { normal: Array<string>(6).fill("nor_conv_1x1") });
  const network = deriveNetwork({ genotype, auxiliary: false, ...SIZE, layers: 8 });
  expect(network.cells.map(({ kind, channels }) => `${kind} ${channels}`)).toEqual([
    "normal 8",
    "normal 8",
    "residual 16",
    "normal 16",
    "normal 16",
    "residual 32",
    "normal 32",
    "normal 32",
  ]);
  expect(() => deriveNetwork({ genotype, auxiliary: false, ...SIZE, layers: 9 })).toThrow(
    "17 in the benchmark",
  );
  expect(skeletonOf({ ...genotype, space: "inline" })).toBe("nas-bench-201");
});

test("a node may read one source several times, even through the same operation, each with weights of its own", () => {
  const genotype = structuredClone(DARTS_V2);
  genotype.cells.normal?.nodes[0]?.push({ operation: "sep_conv_3x3", input: 0 });
  const { cells } = deriveNetwork({ genotype, auxiliary: false, ...SIZE });
  const first = cells[0]?.edges.filter(({ position }) => position === 0).flatMap(({ choices }) => choices);
  expect(first?.map(({ path }) => path)).toEqual([
    "cells.0.edges.0.sep_conv_3x3",
    "cells.0.edges.0.sep_conv_3x3-2",
  ]);
});

test.each<[string, (genotype: typeof DARTS_V2) => void, string]>([
  [
    "an unknown operation",
    ({ cells }) => cells.normal?.nodes[0]?.push({ operation: "conv3x3", input: 0 }),
    "conv_3x3",
  ],
  [
    "an edge from a later node",
    ({ cells }) => cells.normal?.nodes[0]?.push({ operation: "none", input: 4 }),
    "from node 4",
  ],
  ["an empty concat", ({ cells }) => cells.normal?.concat.splice(0), "concatenates no node"],
  ["no reduction cell", ({ cells }) => Reflect.deleteProperty(cells, "reduction"), "no reduction cell"],
])("a genotype with %s is refused", (_name, spoil, message) => {
  const genotype = structuredClone(DARTS_V2);
  spoil(genotype);
  expect(() => deriveNetwork({ genotype, auxiliary: false, ...SIZE })).toThrow(message);
});

test("between the stages of NAS-Bench-201 a supernet can have shortcuts alone, all others have whole blocks", () => {
  const space = resolveSpace("nas-bench-201");
  const size = { channels: 4, layers: 5, classes: 10, image: { height: 8, width: 8, channels: 3 } };
  const kindsIn = ({ cells }: Network) =>
    cells
      .filter(({ kind }) => kind === "residual")
      .map(({ preprocess }) => preprocess.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
  const shortcut = ["avgPool", "conv", "batchNorm"];
  const plan = { space, choices: fullChoices(space), ...size };
  expect(kindsIn(buildSupernet({ ...plan, reductions: "shortcuts" }))).toEqual([shortcut, shortcut]);
  expect(kindsIn(buildSupernet(plan))).toEqual([["sum"], ["sum"]]);
  const normal = Array.from({ length: 6 }, () => "nor_conv_3x3");
  const genotype = genotypeFromSelection(space, { normal });
  expect(kindsIn(deriveNetwork({ genotype, auxiliary: false, ...size }))).toEqual([["sum"], ["sum"]]);
});
