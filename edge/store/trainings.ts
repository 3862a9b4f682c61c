/** Final trainings. */

import { and, desc, eq, lt, or } from "drizzle-orm";
import { leases } from "../../schema/runners.ts";
import { trainings } from "../../schema/trainings.ts";
import { database, statement } from "./database.ts";

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
  page: { before: readonly [number, string] | null; limit: number },
): Promise<TrainingView[]> {
  const [createdAt, id] = page.before ?? [Number.MAX_SAFE_INTEGER, ""];
  const rows = await withProgress(db)
    .where(
      and(
        eq(trainings.searchId, searchId),
        or(lt(trainings.createdAt, createdAt), and(eq(trainings.createdAt, createdAt), lt(trainings.id, id))),
      ),
    )
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

export async function insertTraining(
  db: D1Database,
  training: Pick<Training, "id" | "searchId" | "hash" | "genotype" | "recipe" | "createdAt">,
): Promise<Training> {
  const row = {
    ...training,
    state: "queued" as const,
    report: null,
    failure: null,
    startedAt: null,
    finishedAt: null,
  };
  await database(db).insert(trainings).values(row);
  return row;
}

/**
 * Ends a search whose rounds are done once none of its trainings is open, with the event of it. Completed when at
 * least one training succeeded.
 */
export function settleSearch(db: D1Database, searchId: string, now: number): D1PreparedStatement[] {
  return [
    statement(
      db,
      `UPDATE searches SET finished_at = :now, version = version + 1,
         state = CASE WHEN EXISTS (SELECT 1 FROM trainings WHERE search_id = :searchId AND state = 'completed')
           THEN 'completed' ELSE 'failed' END,
         failure = CASE WHEN EXISTS (SELECT 1 FROM trainings WHERE search_id = :searchId AND state = 'completed')
           THEN NULL ELSE 'every final training failed' END
       WHERE id = :searchId AND state IN ('running', 'paused') AND searching = 0 AND NOT EXISTS
         (SELECT 1 FROM trainings WHERE search_id = :searchId AND state IN ('queued', 'running'))`,
      { searchId, now },
    ),
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT id, (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE search_id = :searchId),
         'search.' || state, '{}', :now
       FROM searches WHERE id = :searchId AND state IN ('completed', 'failed') AND changes() > 0`,
      { searchId, now },
    ),
  ];
}
