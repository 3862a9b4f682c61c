/**
 * One cell at several sizes. A search looks at networks of one size, that of its `evaluation.network`; the cell of an
 * architecture can be built wider or deeper, which gives other networks, with costs and accuracies of their own.
 */

import { connectivity } from "./connected.ts";
import { countGenotype, type NetworkCost } from "./count.ts";
import type { Genotype } from "./genotype.ts";
import { type NetworkSize, wrongSize } from "./network.ts";
import { networkSizeOf, spaceOf } from "./networkCosts.ts";
import { selectionFromGenotype } from "./space.ts";
import type { FieldError, FinalTraining, Specification } from "./specification.ts";

/** Channels of the first cells, and cells in all. */
export type CellSize = Pick<NetworkSize, "channels" | "layers">;

type Evaluated = Pick<Specification, "evaluation">;

/** The size that a recipe trains: the search's own where it says nothing. Throws RangeError where a table is searched. */
export function trainedSize(
  { evaluation }: Evaluated,
  recipe: Pick<FinalTraining, "channels" | "layers"> = {},
): CellSize {
  if (evaluation.kind === "tabular") throw new RangeError("only networks that are trained have a size");
  const { channels, layers } = evaluation.network;
  return { channels: recipe.channels ?? channels, layers: recipe.layers ?? layers };
}

export const isSameSize = (a: CellSize, b: CellSize): boolean =>
  a.channels === b.channels && a.layers === b.layers;

/**
 * What an architecture costs at a size, on an image of the search's data set.
 *
 * @throws RangeError where a table is searched; Error for a size that gives no network
 */
export function costAt(
  genotype: Genotype,
  specification: Specification,
  size: CellSize,
  { auxiliary = false } = {},
): NetworkCost {
  const { skeleton } = spaceOf(specification);
  return countGenotype(genotype, { ...networkSizeOf(specification), ...size, skeleton, auxiliary });
}

/**
 * Why the networks of a space cannot have this size; undefined where they can.
 *
 * @param pointer of the object that has `channels` and `layers`
 */
export function sizeError(
  specification: Evaluated & Pick<Specification, "space">,
  { channels, layers }: CellSize,
  pointer: string,
): FieldError | undefined {
  const { evaluation } = specification;
  const stem = evaluation.kind === "tabular" ? undefined : evaluation.network.stem;
  const wrong = wrongSize({ skeleton: spaceOf(specification).skeleton, stem, channels, layers });
  return wrong && { pointer: `${pointer}/${wrong.field}`, detail: wrong.detail };
}

/** The same of one architecture, whose cells may also lead nowhere where there are more or fewer of them. */
export function networkError(
  genotype: Genotype,
  specification: Specification,
  size: CellSize,
  pointer: string,
): FieldError | undefined {
  const wrong = sizeError(specification, size, pointer);
  if (wrong !== undefined) return wrong;
  const space = spaceOf(specification);
  const seesImage = connectivity(space, { ...networkSizeOf(specification), ...size });
  if (seesImage(selectionFromGenotype(space, genotype))) return undefined;
  return {
    pointer: `${pointer}/layers`,
    detail: `with ${size.layers} layers the network of this architecture does not see its image: cells of none cut it in two; use another number`,
  };
}
