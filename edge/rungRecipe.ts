/** The final training's recipe at the length of a rung and at the size whose costs the archive has. */

import { type FinalTraining, resolveReranking, type Specification } from "../shared/specification.ts";

export function rungRecipe(specification: Specification, rung: number): FinalTraining {
  const { epochs: _, steps: __, channels: ___, layers: ____, ...recipe } = specification.finalTraining;
  return { ...recipe, ...resolveReranking(specification)?.rungs[rung] };
}
