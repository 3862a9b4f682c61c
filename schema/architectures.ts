/** The archive of a search: the architectures worth remembering, by stage. */

import { integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Genotype } from "../shared/genotype.ts";
import type { Selection } from "../shared/space.ts";

export const architectures = sqliteTable(
  "architectures",
  {
    searchId: text().notNull(),
    stage: integer().notNull(),
    hash: text().notNull(),
    genotype: text({ mode: "json" }).$type<Genotype>().notNull(),
    selection: text({ mode: "json" }).$type<Selection>().notNull(),
    /** By objective id. */
    values: text({ mode: "json" }).$type<Record<string, number | null>>().notNull(),
    feasible: integer({ mode: "boolean" }).notNull(),
    onFront: integer({ mode: "boolean" }).notNull(),
    round: integer().notNull(),
    images: integer().notNull(),
    version: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.searchId, table.hash, table.stage] })],
);
