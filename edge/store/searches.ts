/** Searches and their controllers' states. */

import { and, desc, eq, type SQL } from "drizzle-orm";
import { controllerStates, type SearchState, searches } from "../../schema/searches.ts";
import type { Specification } from "../../shared/specification.ts";
import type { ControllerState } from "../controller/state.ts";
import { parseState } from "../controller/upgrade.ts";
import { summarize } from "../summary.ts";
import { type CreatedKey, database, isAfterPage, statement } from "./database.ts";
import type { NewEvent } from "./events.ts";
import { withdrawMeasurements } from "./measurements.ts";

export type Search = typeof searches.$inferSelect &
  Pick<typeof controllerStates.$inferSelect, "round" | "summary">;

/** A search that nothing was done for yet. */
export interface NewSearch
  extends Pick<Search, "id" | "specification" | "datasetId" | "createdAt">,
    Partial<Pick<Search, "campaignId" | "place" | "triggerId">> {
  controller: ControllerState;
}

/** Name of the data that a search is about. */
export const dataOf = ({ evaluation, dataset }: Specification): string =>
  evaluation.kind === "tabular" ? evaluation.table : dataset.name;

/** Statements that store searches, with the event of each; as many for many as for one. */
export function searchInsertions(db: D1Database, list: readonly NewSearch[]): D1PreparedStatement[] {
  const rows = JSON.stringify(
    list.map(({ specification, controller, place, ...search }) => ({
      ...search,
      name: specification.name,
      data: dataOf(specification),
      visibility: specification.visibility,
      specification: JSON.stringify(specification),
      place: place == null ? null : JSON.stringify(place),
      rents: specification.rental === undefined ? 0 : 1,
      round: controller.round,
      controller: JSON.stringify(controller),
      summary: JSON.stringify(summarize(controller, specification)),
    })),
  );
  const field = (name: string) => `json_extract(value, '$.${name}')`;
  const fields = (...names: string[]) => names.map(field).join(", ");
  return [
    statement(
      db,
      `INSERT INTO searches (id, name, data, visibility, specification, dataset_id, campaign_id, place, trigger_id, created_at, rents,
         state, searching, version)
       SELECT ${fields("id", "name", "data", "visibility", "specification", "datasetId", "campaignId", "place", "triggerId", "createdAt", "rents")},
         'queued', 1, 1
       FROM json_each(:rows)`,
      { rows },
    ),
    statement(
      db,
      `INSERT INTO controller_states (search_id, round, state, summary, busy_seconds)
       SELECT ${fields("id", "round", "controller", "summary")}, 0 FROM json_each(:rows)`,
      { rows },
    ),
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT ${field("id")}, 1, 'search.created', json_object('name', ${field("name")}), ${field("createdAt")}
       FROM json_each(:rows)`,
      { rows },
    ),
  ];
}

const withRound = (db: D1Database) =>
  database(db)
    .select({ search: searches, round: controllerStates.round, summary: controllerStates.summary })
    .from(searches)
    .innerJoin(controllerStates, eq(controllerStates.searchId, searches.id));

export async function findSearch(db: D1Database, id: string): Promise<Search | null> {
  const [row] = await withRound(db).where(eq(searches.id, id));
  return row === undefined ? null : { ...row.search, round: row.round, summary: row.summary };
}

/** Newest first; `before` is the key of the last search of the page before. */
export async function listSearches(
  db: D1Database,
  page: { state?: SearchState | undefined; before: CreatedKey | null; limit: number },
): Promise<Search[]> {
  const conditions: (SQL | undefined)[] = [];
  if (page.state !== undefined) conditions.push(eq(searches.state, page.state));
  conditions.push(isAfterPage(searches.createdAt, searches.id, page.before));
  const rows = await withRound(db)
    .where(and(...conditions))
    .orderBy(desc(searches.createdAt), desc(searches.id))
    .limit(page.limit);
  return rows.map(({ search, ...progress }) => ({ ...search, ...progress }));
}

/** Searches on this data, newest first. */
export async function searchesOn(
  db: D1Database,
  { data, isPublic, limit }: { data: string; isPublic: boolean; limit: number },
): Promise<Search[]> {
  const visibilities = isPublic ? ["public" as const] : ["public" as const, "private" as const];
  const pages = visibilities.map((visibility) =>
    withRound(db)
      .where(and(eq(searches.data, data), eq(searches.visibility, visibility)))
      .orderBy(desc(searches.createdAt), desc(searches.id))
      .limit(limit),
  );
  const rows = (await Promise.all(pages)).flat();
  return rows
    .map(({ search, ...progress }) => ({ ...search, ...progress }))
    .sort((a, b) => b.createdAt - a.createdAt)
    .slice(0, limit);
}

/** Searches that ended before a time, with no training left to do, the oldest first. */
export async function searchesOverBefore(db: D1Database, time: number, limit: number): Promise<string[]> {
  const rows = await statement(
    db,
    `SELECT s.id FROM searches s
     WHERE s.state IN ('completed', 'failed', 'cancelled') AND s.created_at < :time AND s.finished_at < :time
       AND NOT EXISTS (SELECT 1 FROM trainings t WHERE t.search_id = s.id
         AND (t.state IN ('queued', 'running') OR t.finished_at >= :time))
     ORDER BY s.created_at LIMIT :limit`,
    { time, limit },
  ).all<{ id: string }>();
  return rows.results.map(({ id }) => id);
}

/** Changes a search if it still has this version; false when it has not. */
export async function changeSearch(
  db: D1Database,
  search: Pick<Search, "id" | "version">,
  change: Partial<
    Pick<Search, "name" | "visibility" | "specification" | "gpuHoursTold" | "wallClockHoursTold" | "usdTold">
  >,
): Promise<boolean> {
  const changed = await database(db)
    .update(searches)
    .set({ ...change, version: search.version + 1 })
    .where(and(eq(searches.id, search.id), eq(searches.version, search.version)))
    .returning({ id: searches.id });
  return changed.length > 0;
}

/** Moves a search from one of some states to another, with the event of it; false when it was in none of them. */
export async function moveSearch(
  db: D1Database,
  id: string,
  move: { from: readonly SearchState[]; to: SearchState; event: NewEvent; failure?: string },
): Promise<boolean> {
  const now = Date.now();
  const ends = move.to === "cancelled" || move.to === "failed";
  const values = { id, from: JSON.stringify(move.from), to: move.to, failure: move.failure ?? null, now };
  try {
    await db.batch([
      // Null for the search's id aborts the batch when the search is in another state.
      statement(
        db,
        `INSERT INTO events (search_id, sequence, type, data, created_at) VALUES (
           (SELECT id FROM searches WHERE id = :id AND state IN (SELECT value FROM json_each(:from))),
           (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE search_id = :id), :type, :data, :now)`,
        { ...values, type: move.event.type, data: JSON.stringify(move.event.data) },
      ),
      statement(
        db,
        `UPDATE searches SET state = CASE WHEN :to = 'running' AND started_at IS NULL THEN 'queued' ELSE :to END,
           failure = :failure, version = version + 1 ${ends ? ", finished_at = :now" : ""} WHERE id = :id`,
        values,
      ),
      ...(ends
        ? [
            statement(
              db,
              `UPDATE trainings SET state = 'cancelled', finished_at = :now
               WHERE search_id = :id AND state IN ('queued', 'running')`,
              values,
            ),
            withdrawMeasurements(db, id, "its search ended", now),
          ]
        : []),
    ]);
    return true;
  } catch (error) {
    if (error instanceof Error && /NOT NULL constraint failed: events.search_id/.test(error.message))
      return false;
    throw error;
  }
}

/** The controller's state, or null when there is no such search. */
export async function findController(db: D1Database, searchId: string): Promise<ControllerState | null> {
  const state = await statement(db, "SELECT state FROM controller_states WHERE search_id = :searchId", {
    searchId,
  }).first<string>("state");
  return state === null ? null : parseState(state);
}

/** Searches that are not over and have an objective that this device measures. */
export async function openSearchesOn(db: D1Database, device: string): Promise<string[]> {
  const { results } = await statement(
    db,
    `SELECT id FROM searches WHERE state IN ('queued', 'running', 'paused') AND EXISTS (
       SELECT 1 FROM json_each(specification, '$.objectives') WHERE value ->> '$.device' = :device)`,
    { device },
  ).all<{ id: string }>();
  return results.map(({ id }) => id);
}

/** Everything of a search in the database. */
export async function deleteSearch(db: D1Database, id: string): Promise<void> {
  const owned = [
    "rounds",
    "architectures",
    "trainings",
    "events",
    "leases",
    "blobs",
    "controller_states",
    "measurements",
  ];
  await db.batch([
    statement(db, "DELETE FROM blob_parts WHERE blob_id IN (SELECT id FROM blobs WHERE search_id = :id)", {
      id,
    }),
    ...owned.map((table) => statement(db, `DELETE FROM ${table} WHERE search_id = :id`, { id })),
    statement(db, "DELETE FROM searches WHERE id = :id", { id }),
  ]);
}
