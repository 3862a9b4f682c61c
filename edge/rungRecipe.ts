/** The final training's recipe at the length of a rung. */

import { type FinalTraining, resolveReranking, type Specification } from "../shared/specification.ts";

export function rungRecipe(specification: Specification, rung: number): FinalTraining {
  const { epochs: _, steps: __, ...recipe } = specification.finalTraining;
  return { ...recipe, ...resolveReranking(specification)?.rungs[rung] };
}
