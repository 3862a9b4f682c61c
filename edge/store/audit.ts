/** The audit trail. */

import { and, desc, eq, lt, or, type SQL } from "drizzle-orm";
import { audit } from "../../schema/audit.ts";
import { database } from "./database.ts";

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
  { before, limit }: { before: readonly [number, string] | null; limit: number },
): Promise<AuditRow[]> {
  const conditions: (SQL | undefined)[] = [];
  if (principal !== undefined) conditions.push(eq(audit.principalId, principal));
  if (action !== undefined) conditions.push(eq(audit.action, action));
  if (target !== undefined) conditions.push(eq(audit.targetId, target));
  if (before !== null) {
    const [at, id] = before;
    conditions.push(or(lt(audit.at, at), and(eq(audit.at, at), lt(audit.id, id))));
  }
  return database(db)
    .select()
    .from(audit)
    .where(and(...conditions))
    .orderBy(desc(audit.at), desc(audit.id))
    .limit(limit);
}
