/** How the candidates of a search by training are trained, and how often. */

import { factsOf } from "./datasets.ts";
import { recipeSteps } from "./recipes.ts";
import type { FieldError, FinalTraining, Specification, TrainingEvaluation } from "./specification.ts";

/** The final training's recipe at the length of a rung and at the size whose costs the search counts. */
export function candidateRecipe(
  { finalTraining }: Pick<Specification, "finalTraining">,
  { rungs }: Pick<TrainingEvaluation, "rungs">,
  rung: number,
): FinalTraining {
  const { epochs: _, steps: __, channels: ___, layers: ____, ...recipe } = finalTraining;
  return { ...recipe, ...rungs[rung] };
}

/** How many of so many that a rung has trained go on to the next. */
export const goOn = (trained: number): number => Math.floor(trained / 2);

/** Weight steps of a training on each rung. */
export function rungSteps(specification: Specification, evaluation: TrainingEvaluation): number[] {
  const { trainImages } = factsOf(specification.dataset);
  const images = trainImages - Math.round(trainImages * evaluation.validationFraction);
  return evaluation.rungs.map((_, rung) =>
    recipeSteps(candidateRecipe(specification, evaluation, rung), images),
  );
}

/**
 * Trainings and their weight steps, where nothing fails. A few more may come: what was promoted early may later not be
 * of the better half.
 */
export function candidateTrainings(
  specification: Specification,
  evaluation: TrainingEvaluation,
): { trainings: number; steps: number } {
  let left = specification.budget.evaluations ?? Number.POSITIVE_INFINITY;
  let onRung = evaluation.architectures;
  const total = { trainings: 0, steps: 0 };
  for (const steps of rungSteps(specification, evaluation)) {
    const trained = Math.min(onRung, left);
    total.trainings += trained;
    total.steps += trained * steps;
    left -= trained;
    onRung = goOn(trained);
  }
  return total;
}

/** Rungs that are no longer than the one before. */
export function rungErrors(specification: Specification): FieldError[] {
  const { evaluation } = specification;
  if (evaluation.kind !== "training") return [];
  const steps = rungSteps(specification, evaluation);
  return steps.flatMap((own, rung) => {
    const before = steps[rung - 1] ?? 0;
    if (own > before) return [];
    const detail = `rung ${rung + 1} trains ${own} steps, the one before ${before}; make each rung longer than the one before`;
    return [{ pointer: `/evaluation/rungs/${rung}`, detail }];
  });
}
