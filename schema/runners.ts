/** Runners, and the leases under which they work: one on the supernet of a search, one on each final training. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { z } from "zod";
import type { backendSchema, heartbeatRequestSchema } from "../shared/protocol.ts";

export const runners = sqliteTable("runners", {
  id: text().primaryKey(),
  name: text().notNull(),
  backend: text({ mode: "json" }).$type<z.infer<typeof backendSchema>>().notNull(),
  createdAt: integer().notNull(),
});

export const leases = sqliteTable(
  "leases",
  {
    /** Id of the search or of the training. */
    resource: text().primaryKey(),
    searchId: text().notNull(),
    leaseId: text().notNull(),
    runnerId: text().notNull(),
    /** Free from then on; 0 when given back. */
    expiresAt: integer().notNull(),
    /** How often it was taken since the last progress. */
    attempts: integer().notNull(),
    /** Whether its holder was heard of since it was taken: until then the answer may have been lost on its way. */
    heard: integer({ mode: "boolean" }).notNull().default(false),
    /** Round or step of the furthest checkpoint that was ever stored of it: only one beyond that is progress. */
    reached: integer(),
    progress: text({ mode: "json" }).$type<z.infer<typeof heartbeatRequestSchema>["progress"]>(),
  },
  (table) => [index("leases_by_search").on(table.searchId)],
);
