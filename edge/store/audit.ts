/** The audit trail. */

import { and, desc, eq, type SQL } from "drizzle-orm";
import { audit } from "../../schema/audit.ts";
import { type CreatedKey, database, isAfterPage } from "./database.ts";

export type AuditRow = typeof audit.$inferSelect;

export const insertAudit = async (db: D1Database, row: AuditRow): Promise<void> => {
  await database(db).insert(audit).values(row);
};

export interface AuditFilter {
  principal?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
}

/** Newest first; `before` is the key of the last row of the page before. */
export function listAudit(
  db: D1Database,
  { principal, action, target }: AuditFilter,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<AuditRow[]> {
  const conditions: (SQL | undefined)[] = [];
  if (principal !== undefined) conditions.push(eq(audit.principalId, principal));
  if (action !== undefined) conditions.push(eq(audit.action, action));
  if (target !== undefined) conditions.push(eq(audit.targetId, target));
  conditions.push(isAfterPage(audit.at, audit.id, before));
  return database(db)
    .select()
    .from(audit)
    .where(and(...conditions))
    .orderBy(desc(audit.at), desc(audit.id))
    .limit(limit);
}
