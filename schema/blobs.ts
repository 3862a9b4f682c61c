/** Checkpoints and exports: the objects themselves are in the bucket. */

import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const blobs = sqliteTable(
  "blobs",
  {
    id: text().primaryKey(),
    searchId: text().notNull(),
    trainingId: text(),
    leaseId: text().notNull(),
    purpose: text({ enum: ["checkpoint", "export"] }).notNull(),
    /** Checkpoint: the last round it holds, or the step of a final training. */
    round: integer(),
    format: text(),
    fileName: text().notNull(),
    bytes: integer().notNull(),
    /** Null until complete. */
    sha256: text(),
    objectKey: text().notNull(),
    uploadId: text().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [
    index("blobs_by_search").on(table.searchId, table.purpose, table.createdAt),
    index("blobs_by_training").on(table.trainingId, table.purpose, table.createdAt),
  ],
);

export const blobParts = sqliteTable(
  "blob_parts",
  {
    blobId: text().notNull(),
    part: integer().notNull(),
    etag: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.blobId, table.part] })],
);
