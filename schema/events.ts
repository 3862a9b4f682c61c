/** What happened to a search and is worth telling, numbered from 1 within the search. */

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Types that somebody should see who pays for machines. */
export const alertTypes = ["instance.stuck", "instance.lost", "rental.waiting", "budget.threshold"] as const;

/** SQL: an event that is one; written the same in the index and in what is asked of it. */
export const isAlert = `type IN (${alertTypes.map((type) => `'${type}'`).join(", ")})`;

export const events = sqliteTable(
  "events",
  {
    searchId: text().notNull(),
    sequence: integer().notNull(),
    type: text().notNull(),
    data: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.searchId, table.sequence] }),
    index("events_alerts").on(table.createdAt).where(sql.raw(isAlert)),
  ],
);
