import * as fc from "fast-check";
import { expect, test } from "vitest";
import { costTable, countGenotype, countNetwork, networkParts, selectionCost } from "./count.ts";
import * as named from "./genotypes.ts";
import type { Cost } from "./layers.ts";
import type { NetworkSize } from "./network.ts";
import { buildSupernet, deriveNetwork } from "./network.ts";
import type { SearchSpace } from "./space.ts";
import { edgesOf, fullChoices, genotypeFromSelection, resolveSpace } from "./space.ts";

const CIFAR: NetworkSize = {
  channels: 36,
  layers: 20,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
};
const CIFAR_100: NetworkSize = { ...CIFAR, classes: 100 };
const IMAGENET: NetworkSize = {
  channels: 48,
  layers: 14,
  classes: 1000,
  image: { height: 224, width: 224, channels: 3 },
  stem: "imagenet",
};
const NAS_BENCH: NetworkSize = { ...CIFAR, channels: 16, layers: 17 };
const NAS_BENCH_SPACE = resolveSpace("nas-bench-201");
const NAS_BENCH_CELL = {
  normal: edgesOf(NAS_BENCH_SPACE).map(
    (_, index) => NAS_BENCH_SPACE.cells.normal?.operations[1 + (index % 4)] ?? "",
  ),
};

test.each([
  ["DARTS_V1 on CIFAR-10", named.DARTS_V1, CIFAR, 3_169_414, 3_645_840, 500_987_520],
  ["DARTS_V2 on CIFAR-10", named.DARTS_V2, CIFAR, 3_349_342, 3_825_768, 528_359_040],
  ["DARTS_V2 on CIFAR-100", named.DARTS_V2, CIFAR_100, 3_401_272, 3_946_908, 528_410_880],
  ["NASNet on CIFAR-10", named.NASNet, CIFAR, 3_830_950, 4_288_944, 603_452_448],
  ["PDARTS on CIFAR-10", named.PDARTS, CIFAR, 3_433_798, 3_910_224, 532_174_464],
  ["PC_DARTS_cifar on CIFAR-10", named.PC_DARTS_cifar, CIFAR, 3_634_678, 4_111_104, 556_670_592],
  ["DARTS_V2 on ImageNet", named.DARTS_V2, IMAGENET, 4_718_752, 5_981_064, 529_911_552],
  ["PDARTS on ImageNet", named.PDARTS, IMAGENET, 4_944_352, 6_206_664, 542_819_328],
  ["PC_DARTS_image on ImageNet", named.PC_DARTS_image, IMAGENET, 5_342_464, 6_604_776, 581_627_328],
])("%s has its published size", (_name, genotype, size, parameters, parametersWithAuxiliary, macs) => {
  expect(countGenotype(genotype, { ...size, auxiliary: true })).toMatchObject({
    parameters,
    parametersWithAuxiliary,
    macs,
  });
});

test.each([
  [16, 1_099_034, 1_122_164],
  [24, 2_433_634, 2_468_284],
  [36, 5_416_894, 5_468_824],
  [48, 9_577_786, 9_646_996],
])("the published TND-NAS cell at %i channels has its published size", (channels, cifar10, cifar100) => {
  expect(countGenotype(named.TND_NAS, { ...CIFAR, channels }).parameters).toBe(cifar10);
  expect(countGenotype(named.TND_NAS, { ...CIFAR_100, channels }).parameters).toBe(cifar100);
});

test.each([
  ["darts", 8, 1_930_618],
  ["darts", 5, 1_275_834],
  ["tnd-nas", 5, 2_217_082],
])("the supernet of %s with %i layers has its published size", (name, layers, parameters) => {
  const space = resolveSpace(name);
  const supernet = buildSupernet({ space, choices: fullChoices(space), ...CIFAR, channels: 16, layers });
  expect(countNetwork(supernet).parameters).toBe(parameters);
});

test.each([
  [
    "a strong cell",
    ["skip_connect", "none", "nor_conv_3x3", "avg_pool_3x3", "nor_conv_3x3", "nor_conv_3x3"],
    802_426,
    113_951_360,
  ],
  [
    "the first cell",
    ["avg_pool_3x3", "nor_conv_1x1", "skip_connect", "nor_conv_1x1", "skip_connect", "skip_connect"],
    129_306,
    15_647_360,
  ],
  ["the cell of 3x3 convolutions only", Array<string>(6).fill("nor_conv_3x3"), 1_531_546, undefined],
])("%s of NAS-Bench-201 has the size in the benchmark's table", (_name, normal, parameters, macs) => {
  const genotype = genotypeFromSelection(resolveSpace("nas-bench-201"), { normal });
  const cost = countGenotype(genotype, NAS_BENCH);
  expect(cost.parameters).toBe(parameters);
  if (macs) expect(cost.macs).toBe(macs);
});

function selectionOf(space: SearchSpace) {
  return fc.record(
    Object.fromEntries(
      Object.entries(space.cells).map(([kind, cell]) => [
        kind,
        fc.tuple(...edgesOf(space).map(() => fc.constantFrom(...cell.operations))),
      ]),
    ),
  );
}

test.each(["tnd-nas", "darts", "nas-bench-201"])(
  "in %s a selection costs what the network derived from it costs",
  (name) => {
    const space = resolveSpace(name);
    const size = name === "nas-bench-201" ? { ...NAS_BENCH, layers: 5 } : { ...CIFAR, layers: 6 };
    const options = { ...size, auxiliary: true };
    const table = costTable(space, options);
    fc.assert(
      fc.property(selectionOf(space), (selection) => {
        const network = deriveNetwork({ genotype: genotypeFromSelection(space, selection), ...options });
        expect(selectionCost(table, selection)).toEqual(countNetwork(network));
      }),
      { numRuns: 40 },
    );
  },
);

test("a cost table knows only its space's operations", () => {
  const table = costTable(resolveSpace("nas-bench-201"), NAS_BENCH);
  expect(() => selectionCost(table, { normal: Array<string>(6).fill("sep_conv_3x3") })).toThrow(
    'Edge 0 of the normal cell cannot hold "sep_conv_3x3"',
  );
});

test.each([28, 24, 16, 8])("the auxiliary classifier fits images of %i rows", (rows) => {
  const image = { height: rows, width: rows, channels: 1 };
  const cost = countGenotype(named.DARTS_V2, { ...CIFAR, image, layers: 6, channels: 4, auxiliary: true });
  expect(cost.parametersWithAuxiliary).toBeGreaterThan(cost.parameters);
});

test.each([
  ["DARTS_V2 on CIFAR-10", named.DARTS_V2, CIFAR],
  ["DARTS_V2 on ImageNet", named.DARTS_V2, IMAGENET],
  ["NASNet on CIFAR-10", named.NASNet, CIFAR],
  ["a cell of NAS-Bench-201", genotypeFromSelection(NAS_BENCH_SPACE, NAS_BENCH_CELL), NAS_BENCH],
])("the parts of %s add up to what the whole network costs", (_name, genotype, size) => {
  const network = deriveNetwork({ genotype, auxiliary: false, ...size });
  const parts = networkParts(network);
  const { parametersWithAuxiliary: _, ...whole } = countNetwork(network);
  const sum = (costs: readonly Cost[]) =>
    costs.reduce(
      (total, cost) => ({
        parameters: total.parameters + cost.parameters,
        macs: total.macs + cost.macs,
        activationBytes: total.activationBytes + cost.activationBytes,
        modelBytes: total.modelBytes + cost.modelBytes,
      }),
      { parameters: 0, macs: 0, activationBytes: 0, modelBytes: 0 },
    );
  expect(sum(parts.map(({ cost }) => cost))).toEqual(whole);
  for (const { pieces, cost } of parts) expect(sum(pieces.map((piece) => piece.cost))).toEqual(cost);
  expect(parts).toHaveLength(network.stems.length + network.cells.length + 1);
  for (const [index, { reads }] of parts.entries())
    for (const read of reads) expect(read).toBeLessThan(index);
});
