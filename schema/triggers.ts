/** Templates, the triggers that start them, and what was delivered to each trigger. */

import { index, integer, primaryKey, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Template } from "../shared/template.ts";
import { type Trigger, triggerSources } from "../shared/trigger.ts";

export const templates = sqliteTable("templates", {
  name: text().primaryKey(),
  description: text().notNull(),
  /** Of both, the one that the template has. */
  specification: text({ mode: "json" }).$type<NonNullable<Template["specification"]>>(),
  campaign: text({ mode: "json" }).$type<NonNullable<Template["campaign"]>>(),
  version: integer().notNull(),
  createdAt: integer().notNull(),
});

export const triggers = sqliteTable(
  "triggers",
  {
    id: text().primaryKey(),
    name: text().notNull(),
    template: text()
      .notNull()
      .references(() => templates.name),
    source: text({ enum: triggerSources }).notNull(),
    events: text({ mode: "json" }).$type<NonNullable<Trigger["events"]>>(),
    filters: text({ mode: "json" }).$type<Trigger["filters"]>().notNull(),
    mapping: text({ mode: "json" }).$type<Trigger["mapping"]>().notNull(),
    /** The limits; null where there is none. */
    maxRunning: integer(),
    budgetGpuHours: real(),
    enabled: integer({ mode: "boolean" }).notNull(),
    sealedSecret: text().notNull(),
    version: integer().notNull(),
    createdAt: integer().notNull(),
  },
  (table) => [
    index("triggers_by_creation").on(table.createdAt, table.id),
    index("triggers_by_template").on(table.template),
  ],
);

export const deliveryStates = ["started", "ignored", "refused", "invalid"] as const;

export const triggerDeliveries = sqliteTable(
  "trigger_deliveries",
  {
    /** NOT NULL is a guard: a delivery that a limit forbids inserts null here, and what it starts is not stored. */
    triggerId: text()
      .notNull()
      .references(() => triggers.id, { onDelete: "cascade" }),
    deliveryId: text().notNull(),
    event: text(),
    state: text({ enum: deliveryStates }).notNull(),
    /** Null where it started something. */
    reason: text(),
    searchId: text(),
    campaignId: text(),
    /** Budget of what it started. */
    gpuHours: real(),
    createdAt: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.triggerId, table.deliveryId] }),
    index("trigger_deliveries_by_creation").on(table.triggerId, table.createdAt, table.deliveryId),
  ],
);
