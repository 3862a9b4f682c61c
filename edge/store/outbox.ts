/** The outbox as the one who empties it sees it. A row is claimed before it is sent and written once it was tried. */

import type { Attempt, WebhookDeliveryState } from "../../schema/webhooks.ts";
import { statement } from "./database.ts";
import type { Delivery, Webhook } from "./webhooks.ts";

const keptAttempts = 20;
const keptMs = 30 * 24 * 3_600_000;

/** Has a row where anything is due. */
export const anyDue = (db: D1Database, now: number): D1PreparedStatement =>
  statement(db, "SELECT 1 FROM webhook_deliveries WHERE next_attempt_at <= :now LIMIT 1", { now });

/** A delivery that nobody else sends until the claim ends. */
export interface Claimed
  extends Pick<Delivery, "id" | "webhookId" | "type" | "data" | "tries" | "createdAt"> {
  /** Null when it is gone. */
  webhook: Pick<
    Webhook,
    "url" | "format" | "enabled" | "sealedSecret" | "previousSealedSecret" | "previousUntil" | "origin"
  > | null;
}

interface ClaimedRow extends Omit<Claimed, "data" | "webhook"> {
  data: string;
  url: string | null;
  format: Webhook["format"];
  enabled: number;
  sealedSecret: string;
  previousSealedSecret: string | null;
  previousUntil: number | null;
  origin: string;
}

/** Takes what is due, the longest due first: one statement, so that of two at once each row goes to one only. */
export async function claimDue(
  db: D1Database,
  { now, until, limit }: { now: number; until: number; limit: number },
): Promise<Claimed[]> {
  const taken = await statement(
    db,
    `UPDATE webhook_deliveries SET state = 'sending', tries = tries + 1, next_attempt_at = :until
     WHERE id IN (SELECT id FROM webhook_deliveries WHERE next_attempt_at <= :now ORDER BY next_attempt_at LIMIT :limit)
     RETURNING id`,
    { now, until, limit },
  ).all<{ id: string }>();
  if (taken.results.length === 0) return [];
  const { results } = await statement(
    db,
    `SELECT d.id, d.webhook_id AS webhookId, d.type, d.data, d.tries, d.created_at AS createdAt, w.url, w.format,
       w.enabled, w.sealed_secret AS sealedSecret, w.previous_sealed_secret AS previousSealedSecret, w.previous_until AS previousUntil, w.origin
     FROM webhook_deliveries d LEFT JOIN webhooks w ON w.id = d.webhook_id
     WHERE d.id IN (SELECT value FROM json_each(:ids))`,
    { ids: JSON.stringify(taken.results.map(({ id }) => id)) },
  ).all<ClaimedRow>();
  return results.map(({ id, webhookId, type, data, tries, createdAt, url, enabled, ...rest }) => ({
    ...{ id, webhookId, type, tries, createdAt },
    data: JSON.parse(data) as Delivery["data"],
    webhook: url === null ? null : { ...rest, url, enabled: enabled === 1 },
  }));
}

/** What became of a claimed delivery. */
export interface Outcome extends Pick<Claimed, "id" | "webhookId"> {
  state: Exclude<WebhookDeliveryState, "sending">;
  nextAttemptAt: number | null;
  /** Null where nothing was tried. */
  attempt: Attempt | null;
  /** Why its endpoint is not to be called any more; null where it is. */
  disabledReason: string | null;
}

/** Writes outcomes of one claim, unless it ended before; what is old goes at the same time. */
export async function writeOutcomes(
  db: D1Database,
  outcomes: readonly Outcome[],
  { now, until }: { now: number; until: number },
): Promise<void> {
  const field = (name: string) => `json_extract(value, '$.${name}')`;
  const refused = outcomes.filter(({ disabledReason }) => disabledReason !== null);
  await db.batch([
    statement(
      db,
      `UPDATE webhook_deliveries SET state = o.state, next_attempt_at = o.next,
         attempts = CASE WHEN o.attempt IS NULL THEN attempts ELSE json_insert(
           CASE WHEN json_array_length(attempts) < ${keptAttempts} THEN attempts ELSE json_remove(attempts, '$[0]') END,
           '$[#]', json(o.attempt)) END
       FROM (SELECT ${field("id")} AS own, ${field("state")} AS state, ${field("nextAttemptAt")} AS next,
           ${field("attempt")} AS attempt FROM json_each(:outcomes)) o
       WHERE id = o.own AND webhook_deliveries.state = 'sending' AND next_attempt_at = :until`,
      { outcomes: JSON.stringify(outcomes), until },
    ),
    ...(refused.length === 0 ? [] : disabling(db, refused)),
    statement(
      db,
      `DELETE FROM webhook_deliveries
       WHERE webhook_id IN (SELECT value FROM json_each(:webhooks)) AND created_at < :oldest AND next_attempt_at IS NULL`,
      {
        webhooks: JSON.stringify([...new Set(outcomes.map(({ webhookId }) => webhookId))]),
        oldest: now - keptMs,
      },
    ),
  ]);
}

function disabling(db: D1Database, refused: readonly Outcome[]): D1PreparedStatement[] {
  const values = { refused: JSON.stringify(refused) };
  const ids = "SELECT json_extract(value, '$.webhookId') FROM json_each(:refused)";
  return [
    statement(
      db,
      `UPDATE webhooks SET enabled = 0, version = version + 1, disabled_reason =
         (SELECT json_extract(value, '$.disabledReason') FROM json_each(:refused)
          WHERE json_extract(value, '$.webhookId') = webhooks.id)
       WHERE enabled = 1 AND id IN (${ids})`,
      values,
    ),
    statement(
      db,
      `UPDATE webhook_deliveries SET state = 'failed', next_attempt_at = NULL
       WHERE state = 'pending' AND webhook_id IN (${ids})`,
      values,
    ),
  ];
}
