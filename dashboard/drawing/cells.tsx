/** All cells of an architecture on a page: those that are not laid out yet one in a frame, so that nothing else waits. */

import { useEffect, useState } from "preact/hooks";
import type { Genotype } from "../../shared/genotype.ts";
import type { SearchSpace } from "../../shared/space.ts";
import { GenotypeDrawing } from "./cell.ts";
import { isLaidOut } from "./layout.ts";

interface CellsProps {
  genotype: Genotype;
  /** `resolveSpace(search.specification.space)`. */
  space: SearchSpace;
}

export function Cells({ genotype, space }: CellsProps) {
  const cells = Object.entries(genotype.cells);
  const text = JSON.stringify(genotype.cells);
  const [drawn, setDrawn] = useState({ text, count: 0 });
  const count = drawn.text === text ? drawn.count : 0;
  const next = cells.findIndex(([, cell], index) => index >= count && !isLaidOut(cell, space));
  useEffect(() => {
    if (next < 0) return;
    const frame = requestAnimationFrame(() => setDrawn({ text, count: next + 1 }));
    return () => cancelAnimationFrame(frame);
  }, [text, next]);
  const shown = Object.fromEntries(next < 0 ? cells : cells.slice(0, next));
  return <GenotypeDrawing genotype={{ ...genotype, cells: shown }} space={space} />;
}
