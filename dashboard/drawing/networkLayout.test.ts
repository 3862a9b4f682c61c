import { expect, test } from "vitest";
import { networkParts } from "../../shared/count.ts";
import { DARTS_V2 } from "../../shared/genotypes.ts";
import { deriveNetwork } from "../../shared/network.ts";
import { networkLayout, partTitle, pieceTitle } from "./networkLayout.ts";

const image = { height: 32, width: 32, channels: 3 };
const parts = networkParts(
  deriveNetwork({ genotype: DARTS_V2, auxiliary: false, channels: 16, layers: 8, classes: 10, image }),
);

test("every part is a block in its order, none over another, smaller as rows get fewer", () => {
  const { blocks, width, arcs } = networkLayout(parts, image);
  expect(blocks.map(({ path }) => path)).toEqual(["image", ...parts.map(({ path }) => path)]);
  for (const [index, { x, width: across }] of blocks.entries())
    expect(x + across).toBeLessThan(blocks[index + 1]?.x ?? width);
  const heights = blocks.map(({ height }) => height);
  expect(heights).toEqual([...heights].sort((a, b) => b - a));
  // The first cell reads the stem twice; each later one also what was two before.
  expect(arcs).toHaveLength(7);
});

test("says in words what each part gives and each piece does", () => {
  expect(networkLayout(parts, image).text).toMatch(
    /^The image of 32×32×3; Stem gives 32×32×48; Normal cell 1 gives 32×32×64; .*Classifier gives 10\.$/,
  );
  expect(parts.map(partTitle)[3]).toBe("Reduction cell 3");
  const pieces = parts[1]?.pieces.map((piece) => pieceTitle(piece, 2)) ?? [];
  expect(pieces[0]).toBe("fits input 1");
  expect(pieces).toContain("sep conv 3×3, input 1 to node 0");
  expect(pieces.at(-1)).toBe("sums and output");
});
