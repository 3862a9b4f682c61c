/** Endpoints that are told of events, and the outbox: what each of them is to be told, and how that went. */

import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const webhookFormats = ["standard", "slack", "discord"] as const;
export type WebhookFormat = (typeof webhookFormats)[number];

export const webhookDeliveryStates = ["pending", "sending", "delivered", "failed"] as const;
export type WebhookDeliveryState = (typeof webhookDeliveryStates)[number];

/** One try to deliver, with at most 200 characters of an answer that was no success. */
export interface Attempt {
  /** Milliseconds since 1970. */
  at: number;
  /** Null where no answer came. */
  status: number | null;
  durationMs: number;
  /** Null for a success. */
  error: string | null;
  excerpt?: string;
}

export const webhooks = sqliteTable(
  "webhooks",
  {
    id: text().primaryKey(),
    url: text().notNull(),
    description: text().notNull(),
    /** Types, or beginnings of them such as `search.*`; all where there are none. */
    events: text({ mode: "json" }).$type<string[]>().notNull(),
    /** Only of this search, of searches of this campaign. */
    searchId: text(),
    campaignId: text(),
    format: text({ enum: webhookFormats }).notNull(),
    enabled: integer({ mode: "boolean" }).notNull(),
    /** Why it was disabled other than by request. */
    disabledReason: text(),
    sealedSecret: text().notNull(),
    /** The one before, which signs too until then. */
    previousSealedSecret: text(),
    previousUntil: integer(),
    /** Address of the deployment as the last one who wrote this saw it: where links lead. */
    origin: text().notNull(),
    version: integer().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [
    index("webhooks_by_enabled").on(table.enabled),
    index("webhooks_by_creation").on(table.createdAt, table.id),
  ],
);

/** Written by the trigger of the migration `webhook_outbox`, in the batch of the event. */
export const webhookDeliveries = sqliteTable(
  "webhook_deliveries",
  {
    /** What goes out as `webhook-id`: the same at every attempt. */
    id: text().primaryKey(),
    webhookId: text().notNull(),
    searchId: text(),
    type: text().notNull(),
    data: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    state: text({ enum: webhookDeliveryStates }).notNull(),
    /** How often it was tried since it was first due or replayed. */
    tries: integer().notNull(),
    /** The last of them. */
    attempts: text({ mode: "json" }).$type<Attempt[]>().notNull(),
    /** Null once it is over. While it is sent: when it counts as lost and is due again. */
    nextAttemptAt: integer(),
    createdAt: integer().notNull(),
  },
  (table) => [
    index("webhook_deliveries_due").on(table.nextAttemptAt).where(sql`next_attempt_at IS NOT NULL`),
    index("webhook_deliveries_by_webhook").on(table.webhookId, table.createdAt, table.id),
    index("webhook_deliveries_by_state").on(table.webhookId, table.state, table.createdAt, table.id),
  ],
);
