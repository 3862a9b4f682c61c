/** Checkpoints and exports: rows here, objects in the bucket under `searches/<search>/`. */

import { and, asc, desc, eq, isNotNull, isNull, ne } from "drizzle-orm";
import { blobParts, blobs } from "../../schema/blobs.ts";
import type { Env } from "../env.ts";
import { database, statement } from "./database.ts";
import { leaseHeld } from "./runners.ts";

export type Blob = typeof blobs.$inferSelect;
export type BlobPart = typeof blobParts.$inferSelect;

const keptCheckpoints = 2;
/** R2 deletes so many objects at once. */
const deletedAtOnce = 1000;

const objectPrefix = (searchId: string): string => `searches/${searchId}/`;
export const objectKeyOf = (searchId: string, blobId: string): string => `${objectPrefix(searchId)}${blobId}`;

export const insertBlob = async (db: D1Database, blob: Blob): Promise<void> => {
  await database(db).insert(blobs).values(blob);
};

export async function findBlob(db: D1Database, id: string): Promise<Blob | null> {
  const [row] = await database(db).select().from(blobs).where(eq(blobs.id, id));
  return row ?? null;
}

/** Whether a lease is held on a search or a training of it. */
export async function isLeaseHeld(
  db: D1Database,
  lease: { resource: string; leaseId: string; searchId: string },
): Promise<boolean> {
  const row = await statement(
    db,
    `SELECT ${leaseHeld} AND search_id = :searchId AS held FROM leases WHERE resource = :resource`,
    {
      ...lease,
      now: Date.now(),
    },
  ).first<number>("held");
  return row === 1;
}

export const partsOf = (db: D1Database, blobId: string) =>
  database(db).select().from(blobParts).where(eq(blobParts.blobId, blobId)).orderBy(asc(blobParts.part));

export const savePart = async (db: D1Database, part: typeof blobParts.$inferInsert): Promise<void> => {
  await database(db)
    .insert(blobParts)
    .values(part)
    .onConflictDoUpdate({ target: [blobParts.blobId, blobParts.part], set: { etag: part.etag } });
};

/**
 * Marks a blob complete. A checkpoint beyond all before it is progress: attempts start anew. What was reached before may
 * be reached again and again, and exports come at an end that may never be reported.
 */
export async function completeBlob(db: D1Database, blob: Blob, sha256: string): Promise<void> {
  const { id, purpose, leaseId } = blob;
  const values = { id, sha256, leaseId, resource: blob.trainingId ?? blob.searchId };
  const reached = purpose === "checkpoint" ? blob.round : null;
  await db.batch([
    statement(db, "UPDATE blobs SET sha256 = :sha256 WHERE id = :id", values),
    statement(db, "DELETE FROM blob_parts WHERE blob_id = :id", values),
    statement(
      db,
      `UPDATE leases SET attempts = 1, reached = :reached
       WHERE resource = :resource AND lease_id = :leaseId AND :reached > coalesce(reached, -1)`,
      { ...values, reached },
    ),
  ]);
}

/** Complete checkpoints, newest first. */
export const checkpointsOf = (db: D1Database, searchId: string, trainingId: string | null): Promise<Blob[]> =>
  database(db)
    .select()
    .from(blobs)
    .where(
      and(
        trainingId === null
          ? and(eq(blobs.searchId, searchId), isNull(blobs.trainingId))
          : and(eq(blobs.trainingId, trainingId), eq(blobs.searchId, searchId)),
        eq(blobs.purpose, "checkpoint"),
        isNotNull(blobs.sha256),
      ),
    )
    .orderBy(desc(blobs.createdAt), desc(blobs.round))
    .limit(20);

/** The newest complete export of a training in a format. */
export async function findExport(db: D1Database, trainingId: string, format: string): Promise<Blob | null> {
  const [row] = await database(db)
    .select()
    .from(blobs)
    .where(
      and(
        eq(blobs.trainingId, trainingId),
        eq(blobs.purpose, "export"),
        eq(blobs.format, format),
        isNotNull(blobs.sha256),
      ),
    )
    .orderBy(desc(blobs.createdAt))
    .limit(1);
  return row ?? null;
}

/** Removes checkpoints beyond the last ones, and what former runners left half uploaded. */
export async function pruneCheckpoints(env: Env, blob: Blob): Promise<void> {
  const { searchId, trainingId, leaseId } = blob;
  const checkpoints = await checkpointsOf(env.DB, searchId, trainingId);
  const abandoned = await database(env.DB)
    .select()
    .from(blobs)
    .where(
      and(
        eq(blobs.searchId, searchId),
        trainingId === null ? isNull(blobs.trainingId) : eq(blobs.trainingId, trainingId),
        isNull(blobs.sha256),
        ne(blobs.leaseId, leaseId),
      ),
    );
  await removeBlobs(env, [...checkpoints.slice(keptCheckpoints), ...abandoned]);
}

/** Of a finished training only the reported exports are kept. */
export async function keepExports(env: Env, trainingId: string, kept: readonly string[]): Promise<void> {
  const all = await database(env.DB).select().from(blobs).where(eq(blobs.trainingId, trainingId));
  await removeBlobs(
    env,
    all.filter(({ id }) => !kept.includes(id)),
  );
}

export async function removeBlobs(env: Env, list: readonly Blob[]): Promise<void> {
  if (list.length === 0) return;
  await Promise.all(list.filter(({ sha256 }) => sha256 === null).map((blob) => abortUpload(env, blob)));
  await env.BUCKET.delete(list.map(({ objectKey }) => objectKey));
  const ids = JSON.stringify(list.map(({ id }) => id));
  await env.DB.batch([
    statement(env.DB, "DELETE FROM blob_parts WHERE blob_id IN (SELECT value FROM json_each(:ids))", { ids }),
    statement(env.DB, "DELETE FROM blobs WHERE id IN (SELECT value FROM json_each(:ids))", { ids }),
  ]);
}

/** An upload that is gone already is as good as aborted. */
async function abortUpload(env: Env, { objectKey, uploadId }: Blob): Promise<void> {
  try {
    await env.BUCKET.resumeMultipartUpload(objectKey, uploadId).abort();
  } catch (error) {
    console.warn(`upload of ${objectKey} could not be aborted`, error);
  }
}

/** Removes every object of a search and aborts its uploads. */
export async function removeObjects(env: Env, searchId: string): Promise<void> {
  const open = await database(env.DB)
    .select()
    .from(blobs)
    .where(and(eq(blobs.searchId, searchId), isNull(blobs.sha256), ne(blobs.uploadId, "")));
  await Promise.all(open.map((blob) => abortUpload(env, blob)));
  await removePrefix(env, objectPrefix(searchId));
}

/** Removes every object whose key begins so. */
export async function removePrefix(env: Env, prefix: string): Promise<void> {
  for (;;) {
    const { objects } = await env.BUCKET.list({ prefix, limit: deletedAtOnce });
    if (objects.length === 0) return;
    await env.BUCKET.delete(objects.map(({ key }) => key));
  }
}
