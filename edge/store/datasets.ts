/** Pushed data sets: rows here, shards in the bucket under `datasets/<id>/`. */

import { and, asc, eq, gt } from "drizzle-orm";
import { datasets } from "../../schema/datasets.ts";
import { leases } from "../../schema/runners.ts";
import { searches } from "../../schema/searches.ts";
import { database, statement } from "./database.ts";

export type Dataset = typeof datasets.$inferSelect;

export async function findDataset(db: D1Database, name: string): Promise<Dataset | null> {
  const [row] = await database(db).select().from(datasets).where(eq(datasets.name, name));
  return row ?? null;
}

export async function datasetOf(db: D1Database, id: string): Promise<Dataset | null> {
  const [row] = await database(db).select().from(datasets).where(eq(datasets.id, id));
  return row ?? null;
}

/** By name; `after` is the last name of the page before. */
export const listDatasets = (
  db: D1Database,
  page: { after: string | null; limit: number },
): Promise<Dataset[]> =>
  database(db)
    .select()
    .from(datasets)
    .where(gt(datasets.name, page.after ?? ""))
    .orderBy(asc(datasets.name))
    .limit(page.limit);

/** False when the name is taken. */
export async function insertDataset(db: D1Database, dataset: Dataset): Promise<boolean> {
  const inserted = await database(db)
    .insert(datasets)
    .values(dataset)
    .onConflictDoNothing()
    .returning({ id: datasets.id });
  return inserted.length > 0;
}

export async function completeDataset(db: D1Database, id: string, now: number): Promise<void> {
  await database(db).update(datasets).set({ completedAt: now }).where(eq(datasets.id, id));
}

/** False while a search or a training that is not over uses it. */
export async function deleteDataset(db: D1Database, id: string): Promise<boolean> {
  const result = await statement(
    db,
    `DELETE FROM datasets WHERE id = :id AND NOT EXISTS (
       SELECT 1 FROM searches s WHERE s.dataset_id = :id AND (
         s.state IN ('queued', 'running', 'paused')
         OR EXISTS (SELECT 1 FROM trainings t WHERE t.search_id = s.id AND t.state IN ('queued', 'running'))))
     RETURNING id`,
    { id },
  ).all();
  return result.results.length > 0;
}

/** What a lease that is held entitles to: undefined when it is not held, null when its search uses no pushed data. */
export async function datasetOfLease(
  db: D1Database,
  lease: { resource: string; leaseId: string },
): Promise<Dataset | null | undefined> {
  const [row] = await database(db)
    .select({ dataset: datasets })
    .from(leases)
    .innerJoin(searches, eq(searches.id, leases.searchId))
    .leftJoin(datasets, eq(datasets.id, searches.datasetId))
    .where(
      and(
        eq(leases.resource, lease.resource),
        eq(leases.leaseId, lease.leaseId),
        gt(leases.expiresAt, Date.now()),
      ),
    );
  return row?.dataset;
}
