/** What a space's networks take by prediction. */

import type { Subject, SubjectResult } from "../../shared/measuring.ts";
import { predictableNames } from "../../shared/objectives.ts";
import type { Predictor } from "../../shared/predictor.ts";
import { predictedExtremes, predictedOf } from "../../shared/predictor.ts";
import { Random } from "../../shared/random.ts";
import { randomSelection, resolveSpace } from "../../shared/space.ts";
import { type FieldError, objectiveId, type Specification } from "../../shared/specification.ts";

const samples = 301;

/** Limits that no architecture meets by what is predicted, by objective id. */
export function unmetLimits(
  { objectives }: Pick<Specification, "objectives">,
  predicted: Readonly<Record<string, Predictor>>,
): FieldError[] {
  return objectives.flatMap(({ name, device, limit, goal }, index) => {
    const predictor = predicted[objectiveId({ name, device })];
    if (predictor === undefined || limit === undefined || goal !== "minimize") return [];
    const { minimum } = predictedExtremes(predictor);
    if (limit >= minimum) return [];
    const detail = `no architecture of this space meets limit ${limit}: on ${device} the smallest ${name} is predicted at ${minimum.toPrecision(3)}; raise it, or lower evaluation.network`;
    return [{ pointer: `/objectives/${index}/limit`, detail }];
  });
}

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

export interface MeasuredRange {
  minimum: number;
  median: number;
  maximum: number;
  /** So many were measured; others of the space may lie outside. */
  networks: number;
}

/** By name, what whole networks were measured to have of objectives that nothing predicts. */
export function measuredRanges(
  list: readonly { results: readonly SubjectResult[] | null; subjects: readonly Subject[] }[],
): Record<string, MeasuredRange> {
  const byName: Record<string, number[]> = {};
  for (const { results, subjects } of list) {
    const whole = new Set(subjects.flatMap(({ kind, key }) => (kind === "network" ? [key] : [])));
    for (const { key, values } of results ?? [])
      for (const [name, value] of Object.entries(values)) {
        if (value === null || !whole.has(key) || predictableNames.includes(name)) continue;
        byName[name] ??= [];
        byName[name].push(value.median);
      }
  }
  return Object.fromEntries(
    Object.entries(byName).map(([name, values]) => {
      const sorted = values.sort((a, b) => a - b);
      const [minimum = 0] = sorted;
      const median = sorted[sorted.length >> 1] ?? minimum;
      return [name, { minimum, median, maximum: sorted.at(-1) ?? minimum, networks: sorted.length }];
    }),
  );
}
