/**
 * Imports under way: the archive is a blob of the search to be, whose rows are written before the search itself, so
 * that nobody finds them until all are there.
 */

import { and, eq } from "drizzle-orm";
import { blobs } from "../../schema/blobs.ts";
import type { Specification } from "../../shared/specification.ts";
import type { ArchivedSearch } from "../archive/tables.ts";
import type { ControllerState } from "../controller/state.ts";
import type { Blob } from "./blobs.ts";
import { database, statement } from "./database.ts";

const dayMs = 86_400_000;

/** SQL that is true of a blob whose import was begun a day ago and is not complete. */
export const isAbandoned = `purpose = 'import' AND created_at < :now - ${dayMs}`;

export async function abandonedImports(db: D1Database, now: number, limit: number): Promise<string[]> {
  const { results } = await statement(
    db,
    `SELECT search_id AS id FROM blobs WHERE ${isAbandoned} ORDER BY created_at LIMIT :limit`,
    { now, limit },
  ).all<{ id: string }>();
  return results.map(({ id }) => id);
}

export async function findImport(db: D1Database, id: string): Promise<Blob | null> {
  const [row] = await database(db)
    .select()
    .from(blobs)
    .where(and(eq(blobs.id, id), eq(blobs.purpose, "import")));
  return row ?? null;
}

/** Of all that complete an import at the same time, one goes on. */
export async function claimImport(db: D1Database, id: string): Promise<boolean> {
  const row = await statement(
    db,
    "UPDATE blobs SET upload_id = '' WHERE id = :id AND purpose = 'import' AND upload_id <> '' RETURNING id",
    { id },
  ).first();
  return row !== null;
}

export interface ImportedSearch {
  id: string;
  archived: ArchivedSearch;
  specification: Specification;
  controller: ControllerState;
  /** Name of the data that it is about. */
  data: string;
  datasetId: string | null;
  /** Number of its event. */
  sequence: number;
  event: Record<string, unknown>;
}

/** The last step of an import: the search is there, and its archive is no more. */
export function importedSearchInsertions(
  db: D1Database,
  { id, archived, specification, controller, data, datasetId, sequence, event }: ImportedSearch,
  now: number,
): D1PreparedStatement[] {
  const { controller: stored, state, failure, startedAt, finishedAt } = archived;
  return [
    statement(
      db,
      `INSERT INTO searches (id, name, state, searching, visibility, specification, data, dataset_id, failure, version,
         created_at, started_at, finished_at, gpu_hours_told, wall_clock_hours_told,
         rents)
       VALUES (:id, :name, :state, :searching, :visibility, :specification, :data,
         (SELECT id FROM datasets WHERE id = :datasetId), :failure, 1, :now, :startedAt, :finishedAt, :gpuHoursTold,
         :wallClockHoursTold, :rents)`,
      {
        id,
        name: specification.name,
        state,
        searching: archived.searching ? 1 : 0,
        visibility: specification.visibility,
        specification: JSON.stringify(specification),
        data,
        datasetId,
        failure,
        now,
        startedAt,
        finishedAt,
        gpuHoursTold: archived.gpuHoursTold,
        wallClockHoursTold: archived.wallClockHoursTold,
        rents: specification.rental === undefined ? 0 : 1,
      },
    ),
    statement(
      db,
      `INSERT INTO controller_states (search_id, round, state, summary, busy_seconds)
       VALUES (:id, :round, :state, :summary, :busySeconds)`,
      {
        id,
        round: stored.round,
        state: JSON.stringify(controller),
        summary: JSON.stringify(stored.summary),
        busySeconds: stored.busySeconds,
      },
    ),
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       VALUES (:id, :sequence, 'search.imported', :data, :now)`,
      { id, sequence, data: JSON.stringify(event), now },
    ),
    statement(db, "DELETE FROM blob_parts WHERE blob_id = :id", { id }),
    statement(db, "DELETE FROM blobs WHERE id = :id", { id }),
  ];
}
