/** Campaigns: what was asked for; their searches refer to them. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Campaign } from "../shared/campaign.ts";

export const campaigns = sqliteTable(
  "campaigns",
  {
    id: text().primaryKey(),
    name: text().notNull(),
    visibility: text({ enum: ["private", "public"] }).notNull(),
    /** As it was sent. */
    specification: text({ mode: "json" }).$type<Campaign>().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [index("campaigns_by_creation").on(table.createdAt, table.id)],
);
