/** How a final training is shown. */

import { z } from "@hono/zod-openapi";
import { trainingStates } from "../schema/trainings.ts";
import { finalTrainingReportSchema } from "../shared/protocol.ts";
import { finalTrainingSchema } from "../shared/specification.ts";
import { isoTime, isoTimeOrNull } from "./app.ts";
import type { TrainingView } from "./store/trainings.ts";

export const trainingSchema = z
  .object({
    id: z.string(),
    searchId: z.string(),
    hash: z.string(),
    state: z.enum(trainingStates),
    recipe: finalTrainingSchema,
    progress: z.object({ done: z.number(), total: z.number(), trainLoss: z.number().nullable() }).nullable(),
    report: finalTrainingReportSchema.omit({ kind: true, leaseId: true }).nullable(),
    failure: z.string().nullable(),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
  })
  .openapi("Training");

export function trainingView(training: TrainingView): z.infer<typeof trainingSchema> {
  const { id, searchId, hash, state, recipe, report, failure, progress } = training;
  const shown = report === null ? null : withoutLease(report);
  return {
    id,
    searchId,
    hash,
    state,
    recipe,
    progress: progress ?? null,
    report: shown,
    failure,
    createdAt: isoTime(training.createdAt),
    startedAt: isoTimeOrNull(training.startedAt),
    finishedAt: isoTimeOrNull(training.finishedAt),
  };
}

function withoutLease({ kind: _, leaseId: __, ...report }: z.infer<typeof finalTrainingReportSchema>) {
  return report;
}
