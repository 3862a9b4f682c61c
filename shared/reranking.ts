/** How the short trainings that order the archive are made, and how many there can be. */

import { factsOf } from "./datasets.ts";
import { recipeSteps } from "./recipes.ts";
import { type FinalTraining, resolveReranking, type Specification } from "./specification.ts";

/** The final training's recipe at the length of a rung and at the size whose costs the archive has. */
export function rungRecipe(specification: Specification, rung: number): FinalTraining {
  const { epochs: _, steps: __, channels: ___, layers: ____, ...recipe } = specification.finalTraining;
  return { ...recipe, ...resolveReranking(specification)?.rungs[rung] };
}

/** How many of so many that a rung has trained go on to the next; a single one has nothing to be compared with. */
export function promotedOf(trained: number): number {
  const better = Math.ceil(trained / 2);
  return better < 2 ? 0 : better;
}

/** Short trainings and their weight steps at most: the archive has as many as are wanted, and none fails. */
export function rerankingLength(specification: Specification): { trainings: number; steps: number } {
  const reranking = resolveReranking(specification);
  const length = { trainings: 0, steps: 0 };
  if (reranking === null) return length;
  const { trainImages } = factsOf(specification.dataset);
  const images = trainImages - Math.round(trainImages * reranking.validationFraction);
  let trained = reranking.architectures;
  for (const rung of reranking.rungs.keys()) {
    length.trainings += trained;
    length.steps += trained * recipeSteps(rungRecipe(specification, rung), images);
    trained = promotedOf(trained);
  }
  return length;
}
