/** Remembered answers, by principal and key. */

import { and, eq } from "drizzle-orm";
import { idempotencyKeys } from "../../schema/tokens.ts";
import { database, statement } from "./database.ts";

type Row = typeof idempotencyKeys.$inferSelect;

const dayMs = 86_400_000;
/** A first request that has not answered by then never will. */
const runningMs = 60_000;

/** Takes a key for this request: null when it is now ours, else what is stored under it. */
export async function claimKey(
  db: D1Database,
  claim: Pick<Row, "principal" | "key" | "fingerprint">,
): Promise<Row | null> {
  const now = Date.now();
  const [, inserted] = await db.batch([
    statement(db, "DELETE FROM idempotency_keys WHERE expires_at <= :now", { now }),
    statement(
      db,
      `INSERT INTO idempotency_keys (principal, key, fingerprint, expires_at)
       VALUES (:principal, :key, :fingerprint, :expiresAt) ON CONFLICT DO NOTHING RETURNING key`,
      { ...claim, expiresAt: now + runningMs },
    ),
  ]);
  if ((inserted?.results.length ?? 0) > 0) return null;
  const [row] = await database(db)
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.principal, claim.principal), eq(idempotencyKeys.key, claim.key)));
  return row ?? null;
}

export async function storeAnswer(
  db: D1Database,
  { principal, key, ...answer }: Pick<Row, "principal" | "key" | "status" | "location" | "body">,
): Promise<void> {
  await database(db)
    .update(idempotencyKeys)
    .set({ ...answer, expiresAt: Date.now() + dayMs })
    .where(and(eq(idempotencyKeys.principal, principal), eq(idempotencyKeys.key, key)));
}

export async function forgetKey(db: D1Database, principal: string, key: string): Promise<void> {
  await database(db)
    .delete(idempotencyKeys)
    .where(and(eq(idempotencyKeys.principal, principal), eq(idempotencyKeys.key, key)));
}
