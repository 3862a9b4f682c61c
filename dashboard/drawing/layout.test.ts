import { expect, test } from "vitest";
import { type CellGenotype, type Genotype, parseGenotype as parse } from "../../shared/genotype.ts";
import { DARTS_V2, NASNet } from "../../shared/genotypes.ts";
import { genotypeFromSelection, resolveSpace, type SearchSpace } from "../../shared/space.ts";
import { layoutOf } from "./layout.ts";

const inline = resolveSpace({ nodes: 2, normal: ["conv_3x3", "none"], reduction: ["max_pool_3x3", "none"] });
const chain = resolveSpace({ positions: 3, operations: ["thin", "wide"] });
const selectionOf = (space: SearchSpace, edges: number) =>
  Object.fromEntries(
    Object.entries(space.cells).map(([kind, { operations }]) => [
      kind,
      Array.from({ length: edges }, (_, edge) => operations[edge % operations.length] ?? ""),
    ]),
  );

const examples: [name: string, space: SearchSpace, genotype: Genotype][] = [
  ["darts", resolveSpace("darts"), DARTS_V2],
  ["NASNet, with two equal inputs of one node", resolveSpace("darts"), NASNet],
  [
    "tnd-nas",
    resolveSpace("tnd-nas"),
    genotypeFromSelection(resolveSpace("tnd-nas"), selectionOf(resolveSpace("tnd-nas"), 14)),
  ],
  [
    "nas-bench-201",
    resolveSpace("nas-bench-201"),
    parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|"),
  ],
  ["inline", inline, genotypeFromSelection(inline, selectionOf(inline, 5))],
  ["positions", chain, genotypeFromSelection(chain, selectionOf(chain, 3))],
];

test.each(examples)(
  "a cell of %s has a box for each operation, none over another, joined by lines",
  (_, space, genotype) => {
    for (const cell of Object.values(genotype.cells)) {
      const { boxes, lines, width, height } = layoutOf(cell, space);
      const operations = cell.nodes.flat().length;
      expect(boxes.filter(({ kind }) => kind === "operation")).toHaveLength(operations);
      expect(boxes.filter(({ kind }) => kind === "output")).toHaveLength(1);
      expect(lines.length).toBeGreaterThanOrEqual(2 * operations);
      for (const [index, a] of boxes.entries()) {
        expect(a.x - a.width / 2).toBeGreaterThanOrEqual(0);
        expect(a.x + a.width / 2).toBeLessThanOrEqual(width);
        expect(a.y + a.height / 2).toBeLessThanOrEqual(height);
        for (const b of boxes.slice(index + 1)) {
          const isApart =
            Math.abs(a.x - b.x) >= (a.width + b.width) / 2 ||
            Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
          expect([a.id, b.id, isApart]).toEqual([a.id, b.id, true]);
        }
      }
    }
  },
);

test("the words say what each node is made of, and that one without edges is zeros", () => {
  const cell: CellGenotype = {
    nodes: [
      [
        { operation: "sep_conv_3x3", input: 0 },
        { operation: "skip_connect", input: 1 },
      ],
      [],
    ],
    concat: [2, 3],
  };
  expect(layoutOf(cell, resolveSpace("darts")).text).toBe(
    "node 0 is sep conv 3×3 of cell before last plus skip connect of last cell; node 1 is zeros; the output joins node 0, node 1.",
  );
});
