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
    revokedAt: integer(),
  },
  (table) => [index("tokens_by_creation").on(table.createdAt)],
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
