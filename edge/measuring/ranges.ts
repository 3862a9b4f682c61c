/** What a space's networks take by prediction. */

import type { Predictor } from "../../shared/predictor.ts";
import { predictedExtremes, predictedOf } from "../../shared/predictor.ts";
import { Random } from "../../shared/random.ts";
import { randomSelection, resolveSpace } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";

const samples = 301;

/** Smallest, median of random architectures, and largest. */
export function predictedRange(
  named: Specification["space"],
  predictor: Predictor,
): { minimum: number; median: number; maximum: number } {
  const space = resolveSpace(named);
  const random = new Random(20_111);
  const drawn = Array.from({ length: samples }, () =>
    predictedOf(space, predictor, randomSelection(space, random)),
  );
  return { ...predictedExtremes(predictor), median: drawn.sort((a, b) => a - b)[samples >> 1] as number };
}
