/** Trainings, final and short. */

import { and, desc, eq, sql } from "drizzle-orm";
import { leases } from "../../schema/runners.ts";
import { trainings } from "../../schema/trainings.ts";
import { newId } from "../ids.ts";
import { type CreatedKey, database, isAfterPage, statement } from "./database.ts";

export type Training = typeof trainings.$inferSelect;
export type TrainingView = Training & { progress: (typeof leases.$inferSelect)["progress"] };

const withProgress = (db: D1Database) =>
  database(db)
    .select({ training: trainings, progress: leases.progress })
    .from(trainings)
    .leftJoin(leases, eq(leases.resource, trainings.id));

export async function findTraining(db: D1Database, id: string): Promise<TrainingView | null> {
  const [row] = await withProgress(db).where(eq(trainings.id, id));
  return row === undefined ? null : { ...row.training, progress: row.progress };
}

export async function listTrainings(
  db: D1Database,
  searchId: string,
  page: { before: CreatedKey | null; limit: number },
): Promise<TrainingView[]> {
  const rows = await withProgress(db)
    .where(and(eq(trainings.searchId, searchId), isAfterPage(trainings.createdAt, trainings.id, page.before)))
    .orderBy(desc(trainings.createdAt), desc(trainings.id))
    .limit(page.limit);
  return rows.map(({ training, progress }) => ({ ...training, progress }));
}

export const trainingsOf = (db: D1Database, searchId: string, hash: string): Promise<Training[]> =>
  database(db)
    .select()
    .from(trainings)
    .where(and(eq(trainings.searchId, searchId), eq(trainings.hash, hash)))
    .orderBy(desc(trainings.createdAt))
    .limit(50);

/** SQL that is true of a row of `trainings` whose network has another size than its search's own. */
export const isScaled = ["channels", "layers"]
  .map((key) => {
    const own = `(SELECT json_extract(specification, '$.evaluation.network.${key}') FROM searches WHERE id = trainings.search_id)`;
    return `coalesce(json_extract(trainings.recipe, '$.${key}'), ${own}) <> ${own}`;
  })
  .join(" OR ");

/** Completed final ones of sizes that are not the search's own, newest first. */
export const scaledTrainings = (db: D1Database, searchId: string, limit: number): Promise<Training[]> =>
  database(db)
    .select()
    .from(trainings)
    .where(
      and(
        eq(trainings.searchId, searchId),
        eq(trainings.purpose, "final"),
        eq(trainings.state, "completed"),
        sql.raw(`(${isScaled})`),
      ),
    )
    .orderBy(desc(trainings.createdAt), desc(trainings.id))
    .limit(limit);

export async function insertTraining(
  db: D1Database,
  training: Pick<Training, "id" | "searchId" | "hash" | "genotype" | "recipe" | "createdAt">,
): Promise<Training> {
  const row = {
    ...training,
    purpose: "final" as const,
    rung: null,
    state: "queued" as const,
    report: null,
    failure: null,
    startedAt: null,
    finishedAt: null,
  };
  await database(db).insert(trainings).values(row);
  return row;
}

/** Trainings to be queued, first come first leased. */
export interface Queued {
  searchId: string;
  /** Stage of the architectures' rows. */
  stage: number;
  purpose: Training["purpose"];
  rung: number | null;
  recipe: Training["recipe"];
  hashes: readonly string[];
}

/** Queues trainings, unless their search was cancelled. */
export function queueTrainings(
  db: D1Database,
  { hashes, recipe, ...queued }: Queued,
  now: number,
): D1PreparedStatement[] {
  if (hashes.length === 0) return [];
  const list = hashes.map((hash) => ({ id: newId(), hash }));
  return [
    statement(
      db,
      `INSERT INTO trainings (id, search_id, hash, purpose, rung, genotype, recipe, state, created_at)
       SELECT json_extract(value, '$.id'), :searchId, a.hash, :purpose, :rung, a.genotype, :recipe, 'queued', :now + key
       FROM json_each(:list)
       JOIN architectures a ON a.search_id = :searchId AND a.hash = json_extract(value, '$.hash') AND a.stage = :stage
       WHERE (SELECT state FROM searches WHERE id = :searchId) <> 'cancelled'`,
      { ...queued, recipe: JSON.stringify(recipe), list: JSON.stringify(list), now },
    ),
  ];
}

/** SQL that is true while a search's final trainings do not all fail. */
const succeeded = `(EXISTS (SELECT 1 FROM trainings WHERE search_id = :searchId AND purpose = 'final' AND state = 'completed')
  OR NOT EXISTS (SELECT 1 FROM trainings WHERE search_id = :searchId AND purpose = 'final'))`;

/**
 * Ends a search whose rounds are done once none of its trainings is open, with the event of it. Completed when at
 * least one final training succeeded, or none was wanted.
 */
export function settleSearch(db: D1Database, searchId: string, now: number): D1PreparedStatement[] {
  return [
    statement(
      db,
      `UPDATE searches SET finished_at = :now, version = version + 1,
         state = CASE WHEN ${succeeded} THEN 'completed' ELSE 'failed' END,
         failure = CASE WHEN ${succeeded} THEN NULL ELSE 'every final training failed' || coalesce((SELECT ': ' || failure
           FROM trainings WHERE search_id = :searchId AND purpose = 'final' ORDER BY finished_at DESC LIMIT 1), '') END
       WHERE id = :searchId AND state IN ('running', 'paused') AND searching = 0 AND NOT EXISTS
         (SELECT 1 FROM trainings WHERE search_id = :searchId AND state IN ('queued', 'running'))
         AND NOT EXISTS (SELECT 1 FROM measurements
           WHERE search_id = :searchId AND state = 'queued' AND purpose = 'final')`,
      { searchId, now },
    ),
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT id, (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE search_id = :searchId),
         'search.' || state, iif(state = 'failed', json_object('message', failure), '{}'), :now
       FROM searches WHERE id = :searchId AND state IN ('completed', 'failed') AND changes() > 0`,
      { searchId, now },
    ),
  ];
}
