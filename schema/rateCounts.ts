/** How many requests each principal made in its window: one row each, gone when the window has passed. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const rateCounts = sqliteTable(
  "rate_counts",
  {
    /** Id of a token, or `address:` and a client's address. */
    principal: text().primaryKey(),
    count: integer().notNull(),
    /** The count starts anew from then on. */
    windowEnd: integer().notNull(),
  },
  (table) => [index("rate_counts_by_end").on(table.windowEnd)],
);
