/** Data that users pushed: headers here, shards in the bucket. What stands under an id never changes. */

import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { DatasetHeader } from "../shared/pushedDataset.ts";

export const datasets = sqliteTable("datasets", {
  id: text().primaryKey(),
  name: text().notNull().unique(),
  header: text({ mode: "json" }).$type<DatasetHeader>().notNull(),
  bytes: integer().notNull(),
  createdAt: integer().notNull(),
  /** Null while shards are missing. */
  completedAt: integer(),
});
