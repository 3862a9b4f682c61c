/** One row a round, or a training of a search by training: its task, for replay, and what came of it, candidates as JSON. */

import { integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { RoundOutcome } from "../edge/controller/state.ts";
import type { RoundReport, RoundTask, TrainedRound } from "../shared/protocol.ts";

type RoundRecord = RoundOutcome["record"];

export const rounds = sqliteTable(
  "rounds",
  {
    searchId: text().notNull(),
    /** NOT NULL is a guard: a report without its lease inserts null here, and its whole batch aborts. */
    round: integer().notNull(),
    stage: integer().notNull(),
    phase: text({ enum: ["warmup", "search", "confirm"] }).notNull(),
    task: text({ mode: "json" }).$type<RoundTask | TrainedRound>().notNull(),
    candidates: text({ mode: "json" }).$type<RoundRecord["candidates"]>().notNull(),
    trainLoss: real(),
    hypervolume: real(),
    pruned: text({ mode: "json" }).$type<RoundRecord["pruned"]>().notNull(),
    digest: text().notNull(),
    seconds: text({ mode: "json" }).$type<RoundReport["seconds"]>().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.searchId, table.round] })],
);
