/** API tokens, of which only the hash is kept, and the answers remembered for an Idempotency-Key. */

import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const scopes = ["admin", "searches:read", "searches:write", "runner", "device"] as const;
export type Scope = (typeof scopes)[number];

export const tokens = sqliteTable(
  "tokens",
  {
    id: text().primaryKey(),
    name: text().notNull(),
    /** SHA-256 of the token, hexadecimal. */
    hash: text().notNull().unique(),
    scopes: text({ mode: "json" }).$type<Scope[]>().notNull(),
    createdAt: integer().notNull(),
    /** The principal that asked for it. */
    createdBy: text().notNull(),
    /** Refused from then on; null: never by time. */
    expiresAt: integer(),
    /** To within some minutes. */
    lastUsedAt: integer(),
    revokedAt: integer(),
    /** The one search that a runner with this token works for; null where it is bound to none. */
    searchId: text(),
    /** What every runner with this token is called; null: as it says. */
    instance: text(),
  },
  (table) => [index("tokens_by_creation").on(table.createdAt, table.id)],
);

export const idempotencyKeys = sqliteTable(
  "idempotency_keys",
  {
    principal: text().notNull(),
    key: text().notNull(),
    /** SHA-256 of method, path and body. */
    fingerprint: text().notNull(),
    /** Null while the first request still runs. */
    status: integer(),
    location: text(),
    body: text(),
    expiresAt: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.principal, table.key] }),
    index("idempotency_keys_by_expiry").on(table.expiresAt),
  ],
);
