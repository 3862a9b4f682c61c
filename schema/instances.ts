/** Rented machines, from the intent to rent one to the last cent of it, and the ledger of what they cost. */

import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ProviderName } from "../shared/specification.ts";

/**
 * `launching`: the provider was, or is about to be, asked. `launched`: it gave an id. `draining`: its runner is to store
 * a checkpoint and give its task back. `terminating`: the provider is told to end it until it says that it is gone.
 */
export const instanceStates = ["launching", "launched", "draining", "terminating", "ended"] as const;
/** Of instances that may cost something. */
export const liveStates = ["launching", "launched", "draining", "terminating"] as const;

export const instances = sqliteTable(
  "instances",
  {
    id: text().primaryKey(),
    /** At the provider, and of the runner on it. */
    name: text().notNull().unique(),
    searchId: text().notNull(),
    provider: text().$type<ProviderName>().notNull(),
    /** The provider's id; null until it is known. */
    machineId: text(),
    state: text({ enum: instanceStates }).notNull(),
    gpu: text().notNull(),
    location: text().notNull(),
    host: text(),
    interruptible: integer({ mode: "boolean" }).notNull(),
    /** Of the machine; what it costs from the launch on, unless the provider says otherwise. */
    microUsdPerHour: integer().notNull(),
    /** Of the runner on it. */
    tokenId: text(),
    /** When the provider was asked: it may bill from then on. */
    launchedAt: integer().notNull(),
    registeredAt: integer(),
    /** When its runner last asked or told something. */
    lastSeenAt: integer(),
    /** When it was last asked for at the provider. */
    checkedAt: integer(),
    /** When it ends by itself, whatever else happens. */
    expiresAt: integer().notNull(),
    /** Since when there was no work for it. */
    idleSince: integer(),
    drainUntil: integer(),
    endedAt: integer(),
    /** Null while the provider's own account of it is awaited. */
    settledAt: integer(),
    /** Why it is drained, terminated or ended. */
    reason: text(),
    /** What its runner told of its failure, with the end of its log. */
    failure: text(),
    /** Terminations that were asked for. */
    terminations: integer().notNull(),
    /** The money that is set aside for it and not spent. */
    reservedMicroUsd: integer().notNull(),
    accruedMicroUsd: integer().notNull(),
    /** Until when the accrued money counts. */
    accruedUntil: integer().notNull(),
    /** What the provider's account differs by. */
    settledMicroUsd: integer().notNull(),
    /** When the loop looks at it again; null when there is nothing left to do. */
    visitAt: integer(),
    version: integer().notNull(),
  },
  (table) => [
    index("instances_by_search").on(table.searchId, table.launchedAt),
    index("instances_by_launch").on(table.launchedAt, table.id),
    index("instances_by_state").on(table.state),
    index("instances_by_visit").on(table.visitAt).where(sql`visit_at IS NOT NULL`),
  ],
);

export const ledgerKinds = ["reserved", "accrued", "settled"] as const;

/** Every movement of money; what is committed to a search is the sum of all its rows. */
export const ledger = sqliteTable(
  "ledger",
  {
    id: integer().primaryKey(),
    instanceId: text().notNull(),
    searchId: text().notNull(),
    kind: text({ enum: ledgerKinds }).notNull(),
    microUsd: integer().notNull(),
    at: integer().notNull(),
  },
  (table) => [
    index("ledger_by_search").on(table.searchId, table.id),
    index("ledger_by_time").on(table.at, table.kind),
  ],
);

/** Hosts that failed, which are not rented until then. */
export const badHosts = sqliteTable(
  "bad_hosts",
  {
    provider: text().$type<ProviderName>().notNull(),
    host: text().notNull(),
    reason: text().notNull(),
    until: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.provider, table.host] }),
    index("bad_hosts_by_end").on(table.until),
  ],
);

/** Of searches that wait for a machine that works: why, since when, and when it is tried again. */
export const hires = sqliteTable("hires", {
  searchId: text().primaryKey(),
  /** In a row. */
  failures: integer().notNull(),
  tryAt: integer().notNull(),
  problem: text().notNull(),
  detail: text().notNull(),
  since: integer().notNull(),
});

/** What a deployment knows of itself. */
export const settings = sqliteTable("settings", {
  key: text().primaryKey(),
  value: text().notNull(),
});
