/** Who changed what, or tried to: no bodies and no secrets. Rows are only added. */

import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const audit = sqliteTable(
  "audit",
  {
    id: text().primaryKey(),
    at: integer().notNull(),
    /** Null without a valid token. The name is that of then. */
    principalId: text(),
    principalName: text(),
    /** Such as `search.cancel`. */
    action: text().notNull(),
    targetType: text().notNull(),
    /** Null where nothing was named or made. */
    targetId: text(),
    requestId: text().notNull(),
    /** Of the answer. */
    status: integer().notNull(),
  },
  (table) => [
    index("audit_by_time").on(table.at, table.id),
    index("audit_by_principal").on(table.principalId, table.at, table.id),
    index("audit_by_action").on(table.action, table.at, table.id),
    index("audit_by_target").on(table.targetId, table.at, table.id),
  ],
);
