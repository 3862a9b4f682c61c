/**
 * A cell, and all cells of an architecture, as SVG with the same in words. The report renders it in Node, which knows no JSX
 * and has no hooks: neither is used here.
 */

import { type ComponentChild, h } from "preact";
import type { CellGenotype, Genotype } from "../../shared/genotype.ts";
import type { SearchSpace } from "../../shared/space.ts";
import { type Box, type CellLayout, type Line, layoutOf } from "./layout.ts";

type Space = Pick<SearchSpace, "skeleton" | "inputs">;

interface CellDrawingProps {
  cell: CellGenotype;
  space: Space;
  /** `normal`, `reduction`, or `positions`. */
  kind: string;
}

function CellDrawing({ cell, space, kind }: CellDrawingProps): ComponentChild {
  const drawing = layoutOf(cell, space);
  const { width, height, text } = drawing;
  const label = `${titleOf(kind)}: ${text}`;
  const size = { viewBox: `0 0 ${width} ${height}`, width, height };
  return h("svg", { class: "cell-drawing", ...size, role: "img", "aria-label": label }, partsOf(drawing));
}

interface GenotypeDrawingProps {
  genotype: Genotype;
  /** `resolveSpace(search.specification.space)`. */
  space: Space;
}

export const GenotypeDrawing = ({ genotype, space }: GenotypeDrawingProps): ComponentChild =>
  h(
    "div",
    { class: "cells" },
    Object.entries(genotype.cells).map(([kind, cell]) =>
      h("figure", { key: kind }, h("figcaption", null, titleOf(kind)), h(CellDrawing, { cell, space, kind })),
    ),
  );

const titles: Record<string, string> = {
  normal: "Normal cell",
  reduction: "Reduction cell",
  positions: "Network",
};
const titleOf = (kind: string): string => (Object.hasOwn(titles, kind) ? (titles[kind] ?? kind) : kind);

const partsOf = ({ boxes, lines }: CellLayout): ComponentChild[] => [
  ...lines.map((line) => h("path", { key: line.id, class: "cell-line", d: pathOf(line) })),
  ...boxes.map((box) =>
    h(
      "g",
      { key: `box ${box.id}`, class: `cell-box ${box.kind} ${box.family ?? ""}` },
      h("rect", {
        x: box.x - box.width / 2,
        y: box.y - box.height / 2,
        width: box.width,
        height: box.height,
        rx: box.kind === "operation" ? 5 : box.height / 2,
      }),
      h("text", { x: box.x, y: middleOf(box), "text-anchor": "middle" }, box.label),
    ),
  ),
];

/** Where the letters of 12 px look centred. */
const middleOf = ({ y }: Box): number => y + 4;

/** Through the points, rounded between them. */
function pathOf({ points }: Line): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  const curves = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? point;
    const isLast = index === rest.length - 2;
    const end = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x},${point.y} ${end.x},${end.y}`;
  });
  const straight = rest.length === 1 ? `L${rest[0]?.x},${rest[0]?.y}` : "";
  return `M${first.x},${first.y}${curves.join("")}${straight}`;
}
