/**
 * Architectures of a search that were trained at other sizes than it looked at: points of width scaling, which are
 * never among those that the search found. Pure.
 */

import { z } from "@hono/zod-openapi";
import { factsOf } from "../shared/datasets.ts";
import { printGenotype } from "../shared/genotype.ts";
import { DARTS_V2 } from "../shared/genotypes.ts";
import { dominates } from "../shared/pareto.ts";
import { costAt, trainedSize } from "../shared/scaling.ts";
import { objectiveId, type Specification } from "../shared/specification.ts";
import { costsOf } from "./controller/archive.ts";
import { csvText } from "./csv.ts";
import { standardErrorsOf } from "./front.ts";
import type { Training } from "./store/trainings.ts";

export const scaledRowSchema = z
  .object({
    hash: z.string(),
    text: z.string().describe("the genotype as text"),
    trainingId: z.string(),
    source: z.literal("scaling").describe("never a row of /front, whose source is search"),
    channels: z.int(),
    layers: z.int(),
    steps: z.int().describe("weight steps of its final training"),
    values: z
      .record(z.string(), z.number().nullable())
      .describe("by objective id; accuracy on the test images in percent, the others counted for this size"),
    standardErrors: z.record(z.string(), z.number()),
    nonDominated: z
      .boolean()
      .describe("among the rows of this list that have a value for every objective; limits do not apply"),
  })
  .openapi("ScaledRow");
export const scaledExample: z.infer<typeof scaledRowSchema> = {
  hash: "oe3q4pkdg4k23",
  text: printGenotype(DARTS_V2),
  trainingId: "kmtfwgazdryued6o",
  source: "scaling",
  channels: 32,
  layers: 8,
  steps: 2000,
  values: { accuracy: 85.2, parameters: 919_722 },
  standardErrors: { accuracy: 0.36 },
  nonDominated: true,
};
export type ScaledRow = z.infer<typeof scaledRowSchema>;

type Completed = Pick<Training, "id" | "hash" | "genotype" | "recipe" | "report">;

/** Rows in the order of the trainings, which are completed final ones of sizes that are not the search's own. */
export function scaledRows(trainings: readonly Completed[], specification: Specification): ScaledRow[] {
  const rows = trainings.flatMap((training) => rowOf(training, specification) ?? []);
  const costs = rows.map(({ values }) => costsOf(values, specification.objectives));
  return rows.map((row, index) => {
    const own = costs[index] ?? null;
    const isBeaten = own === null || costs.some((other) => other !== null && dominates(other, own));
    return { ...row, nonDominated: !isBeaten };
  });
}

function rowOf(
  { id, hash, genotype, recipe, report }: Completed,
  specification: Specification,
): Omit<ScaledRow, "nonDominated"> | undefined {
  if (report?.kind !== "finalTraining") return undefined;
  const size = trainedSize(specification, recipe);
  const { parameters, macs, activationBytes } = costAt(genotype, specification, size);
  const known: Record<string, number> = {
    accuracy: report.testAccuracy,
    parameters,
    macs,
    activationBytes,
  };
  const ids = specification.objectives.map(objectiveId);
  const values = Object.fromEntries(ids.map((objective) => [objective, known[objective] ?? null]));
  return {
    hash,
    text: printGenotype(genotype),
    trainingId: id,
    source: "scaling",
    ...size,
    steps: report.steps,
    values,
    standardErrors: standardErrorsOf(values, factsOf(specification.dataset).testImages),
  };
}

/** A column for each objective. */
export function scaledCsv(rows: readonly ScaledRow[], { objectives }: Specification): string {
  const ids = objectives.map(objectiveId);
  return csvText(
    [
      "hash",
      "trainingId",
      "channels",
      "layers",
      "steps",
      ...ids,
      "accuracyStandardError",
      "source",
      "nonDominated",
      "architecture",
    ],
    rows.map(({ hash, trainingId, channels, layers, steps, values, standardErrors, ...row }) => [
      hash,
      trainingId,
      channels,
      layers,
      steps,
      ...ids.map((id) => values[id]),
      standardErrors.accuracy?.toFixed(4),
      row.source,
      row.nonDominated,
      row.text,
    ]),
  );
}
