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
    purpose: z
      .enum(trainingPurposes)
      .describe("rerank: a short one that orders the archive; candidate: one of a search by training"),
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

export const trainingExample: z.infer<typeof trainingSchema> = {
  id: "kmtfwgazdryued6o",
  searchId: "k3v7m2q9x4t8w6zb",
  hash: "oe3q4pkdg4k23",
  purpose: "final",
  rung: null,
  state: "completed",
  recipe: { preset: "demo", steps: 2000, top: 1 },
  progress: null,
  report: {
    testAccuracy: 81.5,
    testLoss: 0.55,
    trainLoss: 0.48,
    parameters: 246_106,
    macs: 43_444_736,
    steps: 2000,
    seconds: 640,
    exports: { onnx: "z6w2rt8m4xq3kd9v" },
  },
  validation: null,
  failure: null,
  createdAt: "2026-03-02T10:02:11.000Z",
  startedAt: "2026-03-02T10:02:12.381Z",
  finishedAt: "2026-03-02T10:12:55.904Z",
};

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
