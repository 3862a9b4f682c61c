/** Checkpoints, exports and archives of searches that are imported: the objects themselves are in the bucket. */

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const blobs = sqliteTable(
  "blobs",
  {
    id: text().primaryKey(),
    searchId: text().notNull(),
    trainingId: text(),
    leaseId: text().notNull(),
    /** `import`: an archive until its search, whose id is the blob's, is there. */
    purpose: text({ enum: ["checkpoint", "export", "import"] }).notNull(),
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
    index("blobs_importing").on(table.createdAt).where(sql`purpose = 'import'`),
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
