/** Final trainings: those a search ends with and those asked for by request. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Genotype } from "../shared/genotype.ts";
import type { FinalTrainingReport } from "../shared/protocol.ts";
import type { FinalTraining } from "../shared/specification.ts";

export const trainingStates = ["queued", "running", "completed", "failed", "cancelled"] as const;

export const trainings = sqliteTable(
  "trainings",
  {
    id: text().primaryKey(),
    searchId: text().notNull(),
    hash: text().notNull(),
    genotype: text({ mode: "json" }).$type<Genotype>().notNull(),
    recipe: text({ mode: "json" }).$type<FinalTraining>().notNull(),
    state: text({ enum: trainingStates }).notNull(),
    /** The accepted report, lease included: the same one again is answered, not refused. */
    report: text({ mode: "json" }).$type<FinalTrainingReport>(),
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
