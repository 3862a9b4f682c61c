/** Trainings of architectures: final ones, and short ones that compare architectures before them. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Genotype } from "../shared/genotype.ts";
import type { FinalTrainingReport, ShortTrainingReport } from "../shared/protocol.ts";
import type { FinalTraining } from "../shared/specification.ts";

export const trainingStates = ["queued", "running", "completed", "failed", "cancelled"] as const;

/**
 * `final`: those a search ends with and those asked for by request; `rerank`: short ones that order its archive;
 * `candidate`: short ones that are the search.
 */
export const trainingPurposes = ["final", "rerank", "candidate"] as const;

export type TrainingState = (typeof trainingStates)[number];

export const trainings = sqliteTable(
  "trainings",
  {
    id: text().primaryKey(),
    searchId: text().notNull(),
    hash: text().notNull(),
    purpose: text({ enum: trainingPurposes }).notNull(),
    /** Of a short training: how often its architecture was promoted before. */
    rung: integer(),
    genotype: text({ mode: "json" }).$type<Genotype>().notNull(),
    recipe: text({ mode: "json" }).$type<FinalTraining>().notNull(),
    state: text({ enum: trainingStates }).notNull(),
    /** The accepted report, lease included: the same one again is answered, not refused. */
    report: text({ mode: "json" }).$type<FinalTrainingReport | ShortTrainingReport>(),
    failure: text(),
    createdAt: integer().notNull(),
    startedAt: integer(),
    finishedAt: integer(),
  },
  (table) => [
    index("trainings_by_search").on(table.searchId, table.createdAt, table.id),
    index("trainings_by_state").on(table.state, table.createdAt),
  ],
);
