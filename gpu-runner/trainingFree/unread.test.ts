/** Holds the rest of a network against every way through its cells. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cell, deriveNetwork } from "../../shared/network.ts";
import { genotypeFromSelection, resolveSpace } from "../../shared/space.ts";
import { withoutUnread } from "./unread.ts";

const space = resolveSpace("nas-bench-201");
const operations = space.cells.normal?.operations ?? [];
const image = { height: 8, width: 8, channels: 3 };
const size = { channels: 2, layers: 5, classes: 2, image, auxiliary: false };

/** Edges on any way from the cell's input to its output. */
function onWays({ edges, concat }: Cell): Set<number> {
  const found = new Set<number>();
  const go = (node: number, way: number[]): void => {
    if (concat.includes(node)) for (const position of way) found.add(position);
    for (const edge of edges) if (edge.from === node) go(edge.to, [...way, edge.position]);
  };
  go(0, []);
  return found;
}

test("what is left are the edges on some way from input to output", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...operations), { minLength: 6, maxLength: 6 }), (normal) => {
      const network = deriveNetwork({ ...size, genotype: genotypeFromSelection(space, { normal }) });
      for (const [index, cell] of withoutUnread(network).cells.entries())
        expect(new Set(cell.edges.map(({ position }) => position))).toEqual(
          onWays(network.cells[index] as Cell),
        );
    }),
  );
});
