/** The archive of a search: the architectures worth remembering, by stage. */

import { integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Genotype } from "../shared/genotype.ts";
import type { Selection } from "../shared/space.ts";

/** What an architecture's accuracy rests on. */
export const evidences = ["table", "shared-weights", "short-training", "full-training"] as const;

export const architectures = sqliteTable(
  "architectures",
  {
    searchId: text().notNull(),
    stage: integer().notNull(),
    hash: text().notNull(),
    genotype: text({ mode: "json" }).$type<Genotype>().notNull(),
    selection: text({ mode: "json" }).$type<Selection>().notNull(),
    /** By objective id; accuracy by shared weights until a short training replaces it, never on test images. */
    values: text({ mode: "json" }).$type<Record<string, number | null>>().notNull(),
    feasible: integer({ mode: "boolean" }).notNull(),
    onFront: integer({ mode: "boolean" }).notNull(),
    round: integer().notNull(),
    images: integer().notNull(),
    version: integer().notNull(),
    evidence: text({ enum: evidences }).notNull(),
    /** What shared weights had said, once a short training replaced it. */
    sharedWeightsAccuracy: real(),
    /** Weight steps of the short training behind the accuracy. */
    trainingSteps: integer(),
    /** Of the last final training. */
    testAccuracy: real(),
    /** Ids of objectives whose values are predictions; null where there are none. */
    predicted: text({ mode: "json" }).$type<string[]>(),
  },
  (table) => [primaryKey({ columns: [table.searchId, table.hash, table.stage] })],
);
