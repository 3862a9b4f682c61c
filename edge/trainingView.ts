/** How a training is shown. */

import { z } from "@hono/zod-openapi";
import { trainingPurposes, trainingStates } from "../schema/trainings.ts";
import { finalTrainingReportSchema, shortTrainingReportSchema } from "../shared/protocol.ts";
import { finalTrainingSchema } from "../shared/specification.ts";
import { isoTime, isoTimeOrNull } from "./app.ts";
import type { TrainingView } from "./store/trainings.ts";

export const trainingSchema = z
  .object({
    id: z.string(),
    searchId: z.string(),
    hash: z.string(),
    purpose: z.enum(trainingPurposes).describe("rerank: a short one that orders the archive"),
    rung: z.int().nullable().describe("of a short training"),
    state: z.enum(trainingStates),
    recipe: finalTrainingSchema,
    progress: z.object({ done: z.number(), total: z.number(), trainLoss: z.number().nullable() }).nullable(),
    report: finalTrainingReportSchema.omit({ kind: true, leaseId: true }).nullable(),
    validation: shortTrainingReportSchema
      .omit({ kind: true, leaseId: true })
      .nullable()
      .describe("the result of a short training"),
    failure: z.string().nullable(),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
  })
  .openapi("Training");

export function trainingView(training: TrainingView): z.infer<typeof trainingSchema> {
  const { id, searchId, hash, purpose, rung, state, recipe, report, failure, progress } = training;
  return {
    id,
    searchId,
    hash,
    purpose,
    rung,
    state,
    recipe,
    progress: progress ?? null,
    report: report?.kind === "finalTraining" ? withoutLease(report) : null,
    validation: report?.kind === "shortTraining" ? withoutLease(report) : null,
    failure,
    createdAt: isoTime(training.createdAt),
    startedAt: isoTimeOrNull(training.startedAt),
    finishedAt: isoTimeOrNull(training.finishedAt),
  };
}

function withoutLease<T extends { kind: string; leaseId: string }>({ kind: _, leaseId: __, ...report }: T) {
  return report;
}
