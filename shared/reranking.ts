/** How the short trainings that order the archive are made, and how many there can be. */

import { factsOf } from "./datasets.ts";
import { recipeSteps } from "./recipes.ts";
import { publishedPresets } from "./schedule.ts";
import { type FinalTraining, type Reranking, resolveReranking, type Specification } from "./specification.ts";

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

/** Of what the rounds and the short trainings of a search cost together, the part of the latter, unless it says otherwise. */
export const rerankingShare = 1 / 3;
/** A training of fewer steps says little of what a network can learn. */
const leastSteps = 80;
const fewest = 6;
const usual = 8;
const most = 16;
/** Rungs of a search that can pay for several lengths: each so many times as long as the one before. */
const rungGrowth = 3;
/** From so many steps on for each architecture there is a second rung. */
const firstRungSteps = 100;
/** Images that should measure at least: half a point or so of standard error is what a comparison needs. */
const validationImages = 1000;

/**
 * The specification with its short trainings written out, sized by its schedule; as it is where it says itself what it
 * wants, follows a published preset, which has its own, or trains nothing.
 *
 * @param steps that the short trainings may cost together, of the final training's recipe
 */
export function withReranking(specification: Specification, steps: number): Specification {
  const { evaluation, reranking, schedule } = specification;
  const isPublished = "preset" in schedule && publishedPresets.includes(schedule.preset);
  if (evaluation.kind !== "supernet" || reranking !== undefined || isPublished) return specification;
  return { ...specification, reranking: sizedReranking(specification, steps) };
}

function sizedReranking({ dataset, finalTraining }: Specification, budget: number): Reranking {
  const { trainImages } = factsOf(dataset);
  const longest = recipeSteps(finalTraining, trainImages);
  const validationFraction = Math.min(0.3, Math.max(0.1, round2(validationImages / trainImages)));
  const sized = { enabled: true, validationFraction };
  const ofTwo = usual + promotedOf(usual) * rungGrowth;
  if (budget >= ofTwo * firstRungSteps && longest >= rungGrowth * firstRungSteps) {
    const wider = Math.sqrt(budget / (ofTwo * firstRungSteps));
    const architectures = 2 * Math.round(Math.min(most, usual * wider) / 2);
    const cost = architectures + promotedOf(architectures) * rungGrowth;
    const steps = Math.min(Math.floor(budget / cost), Math.floor(longest / rungGrowth));
    return { ...sized, architectures, rungs: [{ steps }, { steps: rungGrowth * steps }] };
  }
  const few = Math.min(usual, Math.max(fewest, Math.floor(budget / leastSteps)));
  const steps = Math.min(longest, Math.max(leastSteps, Math.floor(budget / few)));
  const architectures = Math.min(most, Math.max(few, Math.floor(budget / steps)));
  return { ...sized, architectures, rungs: [{ steps }] };
}

const round2 = (value: number): number => Math.ceil(100 * value) / 100;
