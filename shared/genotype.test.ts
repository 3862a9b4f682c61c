import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CellGenotype, Genotype } from "./genotype.ts";
import { canonicalHash, genotypeSchema, parseGenotype, printGenotype } from "./genotype.ts";
import { genotypes, NASNet, PDARTS, TND_NAS } from "./genotypes.ts";
import { Random } from "./random.ts";
import type { SearchSpace } from "./space.ts";
import { edgesOf, genotypeFromSelection, resolveSpace } from "./space.ts";

function randomGenotype(space: SearchSpace, seed: number): Genotype {
  const random = new Random(seed);
  const selection = Object.fromEntries(
    Object.entries(space.cells).map(([kind, { operations }]) => [
      kind,
      edgesOf(space).map(() => operations[random.integer(operations.length)] ?? "none"),
    ]),
  );
  return genotypeFromSelection(space, selection);
}

/** The same cell with its intermediate nodes numbered anew, in an order that keeps edges pointing forward, if it does. */
function renumbered(cell: CellGenotype, inputs: number, order: readonly number[]): CellGenotype | undefined {
  const place = (node: number) => (node < inputs ? node : inputs + order.indexOf(node - inputs));
  const nodes = order.map((old) =>
    (cell.nodes[old] ?? []).map((edge) => ({ ...edge, input: place(edge.input) })).toReversed(),
  );
  const isForward = nodes.every((node, index) => node.every((edge) => edge.input < index + inputs));
  return isForward ? { nodes, concat: cell.concat.map(place).toReversed() } : undefined;
}

test.each(["tnd-nas", "darts", "nas-bench-201"])("a genotype of %s survives printing and parsing", (name) => {
  const space = resolveSpace(name);
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const genotype = randomGenotype(space, seed);
      expect(parseGenotype(printGenotype(genotype), name)).toEqual(genotype);
      expect(genotypeSchema.parse(JSON.parse(JSON.stringify(genotype)))).toEqual(genotype);
    }),
  );
});

test.each(Object.entries(genotypes))(
  "the published text of %s is read back with its space",
  (_name, genotype) => {
    expect(parseGenotype(printGenotype(genotype))).toEqual(genotype);
  },
);

test("text as the published code writes it is understood", () => {
  const text = `# P-DARTS, CIFAR-10
    PDARTS = Genotype(normal=[("skip_connect", 0), ('dil_conv_3x3', 1), ('skip_connect', 0),('sep_conv_3x3', 1),
      ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), ('dil_conv_5x5', 4)], normal_concat=range(2, 6),
      reduce=[('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), # first two nodes
      ('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3),], reduce_concat=(2, 3, 4, 5))`;
  expect(parseGenotype(text)).toEqual(PDARTS);
});

test("NASNet's text, with two equal inputs of one node, is understood as the code of DARTS has it", () => {
  const text = `NASNet = Genotype(
    normal = [('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), ('avg_pool_3x3', 1),
      ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1)],
    normal_concat = [2, 3, 4, 5, 6],
    reduce = [('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1),
      ('sep_conv_5x5', 0), ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)],
    reduce_concat = [4, 5, 6])`;
  expect(parseGenotype(text)).toEqual(NASNet);
});

test("cells with other than two edges per node are printed as one list per node", () => {
  expect(printGenotype(TND_NAS)).toContain(
    "normal=[[('sep_conv_3x3', 0), ('conv_1x1', 1)], [('skip_connect', 0)",
  );
  expect(printGenotype(PDARTS)).toContain(
    "normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0)",
  );
});

test.each([
  ["", "Expected Genotype(...)", "line 1, column 1"],
  ["Genotype(normal=[('sep_conv3x3', 0), ('none', 1)])", 'Did you mean "sep_conv_3x3"?', "line 1, column 19"],
  [
    "Genotype(\n  normal=[('none', 0), ('none', 2)])",
    "Node 2 takes inputs 0 to 1, not 2",
    "line 2, column 33",
  ],
  ["Genotype(normal=[('none', 0)], reduce=[])", "two operations per node", "line 1, column 17"],
  ["Genotype(norm=[])", 'Did you mean "normal"?', "line 1, column 10"],
  ["Genotype(normal=[('none', 0), ('none', 1)])", 'lacks "reduce"', "line 1"],
  ["Genotype(normal=[('none', 0), ('none', 1)] reduce=[])", 'Expected "," or ")"', "line 1, column 44"],
  [
    "Genotype(normal=[('none', 0), ('none', 1)], normal_concat=range(0, 9), reduce=[[]])",
    "from 2 to 2",
    "column 65",
  ],
  ["|none~0|+|none~0|", "an operation", "line 1, column 18"],
  ["|none~0|+|none~1|none~0|", "in order", "line 1, column 16"],
  ["|none~0| x", "end of the text", "line 1, column 10"],
])("%j is refused with the reason and the place", (text, reason, place) => {
  expect(() => parseGenotype(text)).toThrow(reason);
  expect(() => parseGenotype(text)).toThrow(place);
});

test("an unknown operation is refused in JSON", () => {
  const bad = {
    space: "darts",
    cells: { normal: { nodes: [[{ operation: "sep_conv", input: 0 }]], concat: [2] } },
  };
  expect(() => genotypeSchema.parse(bad)).toThrow("sep_conv_");
});

test("isomorphic cells have the same hash", () => {
  const inline = resolveSpace({
    nodes: 5,
    normal: ["none", "skip_connect"],
    reduction: ["none", "max_pool_3x3"],
  });
  let renumberings = 0;
  for (const space of [resolveSpace("tnd-nas"), inline]) {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, shuffleSeed) => {
        const genotype = randomGenotype(space, seed);
        const order = new Random(shuffleSeed).shuffle([...Array(space.nodes).keys()]);
        for (const kind of Object.keys(genotype.cells)) {
          // Sparse cells have more orders that keep their edges pointing forward.
          const cell = genotype.cells[kind];
          if (!cell) continue;
          cell.nodes = cell.nodes.map((node) => node.filter((_, index) => (seed + index) % 3 === 0));
        }
        const cells: Genotype["cells"] = {};
        for (const [kind, cell] of Object.entries(genotype.cells)) {
          const other = renumbered(cell, space.inputs, order);
          if (other) renumberings++;
          cells[kind] = other ?? cell;
        }
        expect(canonicalHash({ space: "x", cells }, space)).toBe(canonicalHash(genotype, space));
      }),
      { numRuns: 300 },
    );
  }
  expect(renumberings).toBeGreaterThan(30);
});

test("two equal inputs of a node are hashed as two, in any order", () => {
  const space = resolveSpace("darts");
  const hashWith = (...node: [string, number][]) => {
    const nodes = [node.map(([operation, input]) => ({ operation, input }))];
    return canonicalHash({ space: "inline", cells: { normal: { nodes, concat: [2] } } }, space);
  };
  const twice = hashWith(["avg_pool_3x3", 0], ["avg_pool_3x3", 0], ["skip_connect", 1]);
  expect(hashWith(["avg_pool_3x3", 0], ["skip_connect", 1], ["avg_pool_3x3", 0])).toBe(twice);
  expect(hashWith(["avg_pool_3x3", 0], ["skip_connect", 1])).not.toBe(twice);
  expect(hashWith(["avg_pool_3x3", 0], ["avg_pool_3x3", 1], ["skip_connect", 1])).not.toBe(twice);
});

test("cells that differ have different hashes", () => {
  const space = resolveSpace("nas-bench-201");
  const operations = space.cells.normal?.operations ?? [];
  const hashes = new Map<string, string>();
  for (let index = 0; index < 5 ** 6; index++) {
    const normal = Array.from(
      { length: 6 },
      (_, edge) => operations[Math.floor(index / 5 ** edge) % 5] ?? "none",
    );
    const genotype = genotypeFromSelection(space, { normal });
    const hash = canonicalHash(genotype, space);
    const before = hashes.get(hash);
    const description = bruteForceDescription(genotype.cells.normal);
    if (before !== undefined) expect(description).toBe(before);
    hashes.set(hash, description);
  }
  expect(hashes.size).toBe(new Set(hashes.values()).size);
});

/** The smallest of the texts of a NAS-Bench-201 cell under both numberings of its nodes 1 and 2. */
function bruteForceDescription(cell: CellGenotype | undefined): string {
  const texts = [
    [0, 1, 2, 3],
    [0, 2, 1, 3],
  ].map((numbers) =>
    (cell?.nodes ?? [])
      .flatMap((node, index) =>
        node.map((edge) => `${edge.operation} ${numbers[edge.input]} ${numbers[index + 1]}`),
      )
      .toSorted()
      .join(),
  );
  return texts.toSorted()[0] ?? "";
}

test("a cell of many nodes that are all alike is hashed at once", () => {
  const space = resolveSpace({ nodes: 12, normal: ["skip_connect"] });
  const nodes = Array.from({ length: 12 }, () => [{ operation: "skip_connect", input: 0 }]);
  const cell = { nodes, concat: nodes.map((_, index) => index + 2) };
  expect(canonicalHash({ space: "inline", cells: { normal: cell, reduction: cell } }, space)).toMatch(
    /^[a-z2-7]{13}$/,
  );
});
