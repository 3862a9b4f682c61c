/** Triggers, and what was delivered to them. */

import { and, desc, eq } from "drizzle-orm";
import { triggerDeliveries, triggers } from "../../schema/triggers.ts";
import { budgetDays, type Trigger } from "../../shared/trigger.ts";
import { type CreatedKey, database, isAfterPage, isConstraintError, statement } from "./database.ts";

const dayMs = 86_400_000;
const keptDays = 90;
/** Most old deliveries that a new one removes. */
const removedAtOnce = 100;

export type StoredTrigger = typeof triggers.$inferSelect;
export type Delivery = typeof triggerDeliveries.$inferSelect;

/** As it was checked. */
export const triggerOf = ({
  name,
  template,
  source,
  events,
  filters,
  mapping,
  maxRunning,
  budgetGpuHours,
  enabled,
}: StoredTrigger): Trigger => ({
  name,
  template,
  source,
  ...(events === null ? {} : { events }),
  filters,
  mapping,
  limits: {
    ...(maxRunning === null ? {} : { maxRunning }),
    ...(budgetGpuHours === null ? {} : { budget: { gpuHours: budgetGpuHours } }),
  },
  enabled,
});

const columnsOf = ({ limits, events, ...trigger }: Trigger) => ({
  ...trigger,
  events: events ?? null,
  maxRunning: limits.maxRunning ?? null,
  budgetGpuHours: limits.budget?.gpuHours ?? null,
});

/** False where its template is gone. */
export async function insertTrigger(
  db: D1Database,
  trigger: Trigger,
  row: Pick<StoredTrigger, "id" | "sealedSecret">,
): Promise<boolean> {
  try {
    await database(db)
      .insert(triggers)
      .values({ ...columnsOf(trigger), ...row, version: 1, createdAt: Date.now() });
    return true;
  } catch (error) {
    if (isConstraintError(error)) return false;
    throw error;
  }
}

export async function findTrigger(db: D1Database, id: string): Promise<StoredTrigger | null> {
  const [row] = await database(db).select().from(triggers).where(eq(triggers.id, id));
  return row ?? null;
}

/** Newest first; `before` is the key of the last one of the page before. */
export const listTriggers = (
  db: D1Database,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<StoredTrigger[]> =>
  database(db)
    .select()
    .from(triggers)
    .where(isAfterPage(triggers.createdAt, triggers.id, before))
    .orderBy(desc(triggers.createdAt), desc(triggers.id))
    .limit(limit);

/** Changes a trigger if it still has this version; false when it has not, or its template is gone. */
export async function changeTrigger(
  db: D1Database,
  { id, version }: Pick<StoredTrigger, "id" | "version">,
  trigger: Trigger,
): Promise<boolean> {
  try {
    const changed = await database(db)
      .update(triggers)
      .set({ ...columnsOf(trigger), version: version + 1 })
      .where(and(eq(triggers.id, id), eq(triggers.version, version)))
      .returning({ id: triggers.id });
    return changed.length > 0;
  } catch (error) {
    if (isConstraintError(error)) return false;
    throw error;
  }
}

export async function replaceSecret(db: D1Database, id: string, sealedSecret: string): Promise<void> {
  await database(db).update(triggers).set({ sealedSecret }).where(eq(triggers.id, id));
}

/** With its deliveries; what it started stays. */
export async function deleteTrigger(db: D1Database, id: string): Promise<void> {
  await database(db).delete(triggers).where(eq(triggers.id, id));
}

/** What counts against a trigger's limits. */
export interface Usage {
  running: number;
  gpuHours: number;
}

const runningOf = (trigger: string) =>
  `(SELECT count(*) FROM searches WHERE trigger_id = ${trigger} AND state IN ('queued', 'running', 'paused'))`;
const gpuHoursOf = (trigger: string) =>
  `(SELECT coalesce(sum(gpu_hours), 0) FROM trigger_deliveries WHERE trigger_id = ${trigger} AND created_at > :since)`;
const budgetSince = (now: number): number => now - budgetDays * dayMs;

export async function usageOf(db: D1Database, id: string): Promise<Usage> {
  const usage = await statement(
    db,
    `SELECT ${runningOf(":id")} AS running, ${gpuHoursOf(":id")} AS gpuHours`,
    {
      id,
      since: budgetSince(Date.now()),
    },
  ).first<Usage>();
  return usage ?? { running: 0, gpuHours: 0 };
}

export async function findDelivery(
  db: D1Database,
  triggerId: string,
  deliveryId: string,
): Promise<Delivery | null> {
  const [row] = await database(db)
    .select()
    .from(triggerDeliveries)
    .where(and(eq(triggerDeliveries.triggerId, triggerId), eq(triggerDeliveries.deliveryId, deliveryId)));
  return row ?? null;
}

/** Newest first; `before` is the key of the last one of the page before. */
export const listDeliveries = (
  db: D1Database,
  triggerId: string,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<Delivery[]> => {
  const { createdAt, deliveryId } = triggerDeliveries;
  return database(db)
    .select()
    .from(triggerDeliveries)
    .where(and(eq(triggerDeliveries.triggerId, triggerId), isAfterPage(createdAt, deliveryId, before)))
    .orderBy(desc(createdAt), desc(deliveryId))
    .limit(limit);
};

const columns =
  "trigger_id, delivery_id, event, state, reason, search_id, campaign_id, gpu_hours, created_at";
const valuesAfterId = ":deliveryId, :event, :state, :reason, :searchId, :campaignId, :gpuHours, :createdAt";

/**
 * Statements that go into the batch of what a delivery starts: they abort it where the delivery is known already, or
 * where the trigger is disabled or one of its limits would be exceeded.
 *
 * @param searches how many it starts
 */
export const startedDelivery = (
  db: D1Database,
  delivery: Delivery,
  searches: number,
): D1PreparedStatement[] => [
  statement(
    db,
    `INSERT INTO trigger_deliveries (${columns}) VALUES (
       (SELECT id FROM triggers t WHERE id = :triggerId AND enabled = 1
          AND (max_running IS NULL OR ${runningOf("t.id")} + :searches <= max_running)
          AND (budget_gpu_hours IS NULL OR ${gpuHoursOf("t.id")} + :gpuHours <= budget_gpu_hours)),
       ${valuesAfterId})`,
    { ...delivery, searches, since: budgetSince(delivery.createdAt) },
  ),
  oldDeliveriesRemoval(db, delivery),
];

/** Whether a batch was aborted because the trigger may not start it. */
export const isForbidden = (error: unknown): boolean =>
  isConstraintError(error, /NOT NULL constraint failed: trigger_deliveries\.trigger_id/);

/** Records a delivery that starts nothing; false where it is known already, or the trigger is gone. */
export async function recordDelivery(db: D1Database, delivery: Delivery): Promise<boolean> {
  const [inserted] = await db.batch([
    statement(
      db,
      `INSERT INTO trigger_deliveries (${columns}) SELECT id, ${valuesAfterId} FROM triggers WHERE id = :triggerId
       ON CONFLICT DO NOTHING RETURNING delivery_id`,
      { ...delivery },
    ),
    oldDeliveriesRemoval(db, delivery),
  ]);
  return (inserted?.results.length ?? 0) > 0;
}

const oldDeliveriesRemoval = (
  db: D1Database,
  { triggerId, createdAt }: Pick<Delivery, "triggerId" | "createdAt">,
): D1PreparedStatement =>
  statement(
    db,
    `DELETE FROM trigger_deliveries WHERE trigger_id = :triggerId AND delivery_id IN (
       SELECT delivery_id FROM trigger_deliveries WHERE trigger_id = :triggerId AND created_at < :oldest
       ORDER BY created_at LIMIT ${removedAtOnce})`,
    { triggerId, oldest: createdAt - keptDays * dayMs },
  );
