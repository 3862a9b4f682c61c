/** Who worked on a search and where: its runners, leases and checkpoints. */

import { statement } from "./database.ts";

export interface RunnerRow {
  id: string;
  name: string;
  backend: string;
  threads: number;
  createdAt: number;
}

export interface LeaseRow {
  /** Null of the search itself. */
  trainingId: string | null;
  runnerId: string;
  expiresAt: number;
  attempts: number;
}

export interface CheckpointRow {
  trainingId: string | null;
  round: number;
  bytes: number;
  createdAt: number;
}

/** In one trip. */
export async function timelineOf(
  db: D1Database,
  searchId: string,
): Promise<{ runners: RunnerRow[]; leases: LeaseRow[]; checkpoints: CheckpointRow[] }> {
  const [runners, leases, checkpoints] = await db.batch([
    statement(
      db,
      `SELECT id, name, backend ->> '$.name' AS backend, backend ->> '$.threads' AS threads, created_at AS createdAt
       FROM runners WHERE id IN (
         SELECT runner_id FROM leases WHERE search_id = :searchId
         UNION SELECT data ->> '$.runnerId' FROM events WHERE search_id = :searchId AND data ->> '$.runnerId' IS NOT NULL)
       ORDER BY created_at`,
      { searchId },
    ),
    statement(
      db,
      `SELECT nullif(resource, search_id) AS trainingId, runner_id AS runnerId, expires_at AS expiresAt, attempts
       FROM leases WHERE search_id = :searchId ORDER BY resource = search_id DESC, resource`,
      { searchId },
    ),
    statement(
      db,
      `SELECT training_id AS trainingId, coalesce(round, 0) AS round, bytes, created_at AS createdAt
       FROM blobs WHERE search_id = :searchId AND purpose = 'checkpoint' AND sha256 IS NOT NULL ORDER BY created_at`,
      { searchId },
    ),
  ]);
  return {
    runners: (runners?.results ?? []) as RunnerRow[],
    leases: (leases?.results ?? []) as LeaseRow[],
    checkpoints: (checkpoints?.results ?? []) as CheckpointRow[],
  };
}
