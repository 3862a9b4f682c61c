/** Tokens in the database. */

import { and, desc, eq, isNull, lte, or, sql } from "drizzle-orm";
import { tokens } from "../../schema/tokens.ts";
import { type CreatedKey, database, isAfterPage, statement } from "./database.ts";

export type Token = Omit<typeof tokens.$inferSelect, "hash">;

/** How exactly `lastUsedAt` is kept: a busy token is not written with every request. */
export const useIntervalMs = 300_000;

const columns = {
  id: tokens.id,
  name: tokens.name,
  scopes: tokens.scopes,
  createdAt: tokens.createdAt,
  createdBy: tokens.createdBy,
  expiresAt: tokens.expiresAt,
  lastUsedAt: tokens.lastUsedAt,
  revokedAt: tokens.revokedAt,
  searchId: tokens.searchId,
  instance: tokens.instance,
};

/** Also one that is revoked or has expired. */
export async function findToken(db: D1Database, hash: string): Promise<Token | null> {
  const [row] = await database(db).select(columns).from(tokens).where(eq(tokens.hash, hash));
  return row ?? null;
}

export async function readToken(db: D1Database, id: string): Promise<Token | null> {
  const [row] = await database(db).select(columns).from(tokens).where(eq(tokens.id, id));
  return row ?? null;
}

export const isUseStale = ({ lastUsedAt }: Pick<Token, "lastUsedAt">, now: number): boolean =>
  lastUsedAt === null || lastUsedAt <= now - useIntervalMs;

/** Writes that a token was used, unless another request just did. */
export async function touchToken(db: D1Database, id: string, now: number): Promise<void> {
  await database(db)
    .update(tokens)
    .set({ lastUsedAt: now })
    .where(
      and(eq(tokens.id, id), or(isNull(tokens.lastUsedAt), lte(tokens.lastUsedAt, now - useIntervalMs))),
    );
}

/** Of a token that nobody has used yet. */
export const unusedToken = { lastUsedAt: null, revokedAt: null } satisfies Partial<Token>;

export const tokenInsertion = (db: D1Database, token: Token, hash: string): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO tokens (id, name, hash, scopes, created_at, created_by, expires_at, last_used_at, revoked_at,
       search_id, instance)
     VALUES (:id, :name, :hash, :scopes, :createdAt, :createdBy, :expiresAt, :lastUsedAt, :revokedAt, :searchId,
       :instance)`,
    { ...token, scopes: JSON.stringify(token.scopes), hash },
  );

export const insertToken = async (db: D1Database, token: Token, hash: string): Promise<void> => {
  await tokenInsertion(db, token, hash).run();
};

/** Newest first; `before` is the key of the last token of the page before. */
export function listTokens(
  db: D1Database,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<Token[]> {
  return database(db)
    .select(columns)
    .from(tokens)
    .where(isAfterPage(tokens.createdAt, tokens.id, before))
    .orderBy(desc(tokens.createdAt), desc(tokens.id))
    .limit(limit);
}

/** Revokes a token, once: revoking it again changes nothing. Null when there is none. */
export async function revokeToken(db: D1Database, id: string, now: number): Promise<Token | null> {
  const [row] = await database(db)
    .update(tokens)
    .set({ revokedAt: sql`coalesce(${tokens.revokedAt}, ${now})` })
    .where(eq(tokens.id, id))
    .returning(columns);
  return row ?? null;
}
