/** Endpoints and their outbox, but for its rows' making: that is done by the trigger `webhook_outbox`. */

import { and, desc, eq, type SQL, sql } from "drizzle-orm";
import { type WebhookDeliveryState, webhookDeliveries, webhooks } from "../../schema/webhooks.ts";
import { newId } from "../ids.ts";
import { type CreatedKey, database, isAfterPage, statement } from "./database.ts";

export type Webhook = typeof webhooks.$inferSelect;
export type Delivery = typeof webhookDeliveries.$inferSelect;

export const insertWebhook = async (db: D1Database, webhook: Webhook): Promise<void> => {
  await database(db).insert(webhooks).values(webhook);
};

export async function findWebhook(db: D1Database, id: string): Promise<Webhook | null> {
  const [row] = await database(db).select().from(webhooks).where(eq(webhooks.id, id));
  return row ?? null;
}

/** Newest first; `before` is the key of the last one of the page before. */
export const listWebhooks = (
  db: D1Database,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<Webhook[]> =>
  database(db)
    .select()
    .from(webhooks)
    .where(isAfterPage(webhooks.createdAt, webhooks.id, before))
    .orderBy(desc(webhooks.createdAt), desc(webhooks.id))
    .limit(limit);

/** Changes an endpoint if it still has this version; false when it has not. Disabling it ends its open deliveries. */
export async function changeWebhook(
  db: D1Database,
  { id, version }: Pick<Webhook, "id" | "version">,
  change: Partial<Omit<Webhook, "id" | "version" | "createdAt">>,
): Promise<boolean> {
  const typed = database(db);
  const update = typed
    .update(webhooks)
    .set({ ...change, version: version + 1 })
    .where(and(eq(webhooks.id, id), eq(webhooks.version, version)))
    .returning({ id: webhooks.id });
  if (change.enabled !== false) return (await update).length > 0;
  const [changed] = await typed.batch([
    update,
    typed
      .update(webhookDeliveries)
      .set({ state: "failed", nextAttemptAt: null })
      .where(
        and(
          eq(webhookDeliveries.webhookId, id),
          eq(webhookDeliveries.state, "pending"),
          sql`EXISTS (SELECT 1 FROM webhooks WHERE id = ${id} AND enabled = 0)`,
        ),
      ),
  ]);
  return changed.length > 0;
}

/** An endpoint with its deliveries; false when there was none. */
export async function deleteWebhook(db: D1Database, id: string): Promise<boolean> {
  const results = await db.batch([
    statement(db, "DELETE FROM webhook_deliveries WHERE webhook_id = :id", { id }),
    statement(db, "DELETE FROM webhooks WHERE id = :id", { id }),
  ]);
  return (results.at(-1)?.meta.changes ?? 0) > 0;
}

/** Puts one message of its own into an endpoint's outbox. */
export async function insertDelivery(
  db: D1Database,
  told: Pick<Delivery, "webhookId" | "type" | "data" | "createdAt">,
): Promise<Delivery> {
  const delivery: Delivery = {
    ...told,
    id: `msg_${newId()}`,
    searchId: null,
    state: "pending",
    tries: 0,
    attempts: [],
    nextAttemptAt: told.createdAt,
  };
  await database(db).insert(webhookDeliveries).values(delivery);
  return delivery;
}

/** Newest first; `before` is the key of the last one of the page before. */
export function listDeliveries(
  db: D1Database,
  webhookId: string,
  page: { state?: WebhookDeliveryState | undefined; before: CreatedKey | null; limit: number },
): Promise<Delivery[]> {
  const conditions: (SQL | undefined)[] = [eq(webhookDeliveries.webhookId, webhookId)];
  if (page.state !== undefined) conditions.push(eq(webhookDeliveries.state, page.state));
  conditions.push(isAfterPage(webhookDeliveries.createdAt, webhookDeliveries.id, page.before));
  return database(db)
    .select()
    .from(webhookDeliveries)
    .where(and(...conditions))
    .orderBy(desc(webhookDeliveries.createdAt), desc(webhookDeliveries.id))
    .limit(page.limit);
}

/** Makes a delivery due now, as if for the first time, unless it is being sent; null when there is none. */
export async function replayDelivery(
  db: D1Database,
  key: { webhookId: string; id: string },
  now: number,
): Promise<Delivery | null> {
  const { id, webhookId } = webhookDeliveries;
  const own = and(eq(id, key.id), eq(webhookId, key.webhookId));
  await statement(
    db,
    `UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_attempt_at = :now
     WHERE id = :id AND webhook_id = :webhookId AND state <> 'sending'`,
    { ...key, now },
  ).run();
  const [row] = await database(db).select().from(webhookDeliveries).where(own);
  return row ?? null;
}
