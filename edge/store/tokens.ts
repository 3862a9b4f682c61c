/** Tokens in the database. */

import { and, desc, eq, isNull } from "drizzle-orm";
import { type Scope, tokens } from "../../schema/tokens.ts";
import type { Principal } from "../env.ts";
import { newId } from "../ids.ts";
import { database } from "./database.ts";

export type Token = Omit<typeof tokens.$inferSelect, "hash">;

const columns = {
  id: tokens.id,
  name: tokens.name,
  scopes: tokens.scopes,
  createdAt: tokens.createdAt,
  revokedAt: tokens.revokedAt,
};

export async function findToken(db: D1Database, hash: string): Promise<Principal | null> {
  const [row] = await database(db)
    .select({ id: tokens.id, scopes: tokens.scopes })
    .from(tokens)
    .where(and(eq(tokens.hash, hash), isNull(tokens.revokedAt)));
  return row ?? null;
}

export async function insertToken(
  db: D1Database,
  name: string,
  scopes: Scope[],
  hash: string,
): Promise<Token> {
  const token = { id: newId(), name, scopes, createdAt: Date.now(), revokedAt: null };
  await database(db)
    .insert(tokens)
    .values({ ...token, hash });
  return token;
}

export const listTokens = (db: D1Database): Promise<Token[]> =>
  database(db).select(columns).from(tokens).orderBy(desc(tokens.createdAt)).limit(200);

export async function revokeToken(db: D1Database, id: string): Promise<Token | null> {
  const [row] = await database(db)
    .update(tokens)
    .set({ revokedAt: Date.now() })
    .where(eq(tokens.id, id))
    .returning(columns);
  return row ?? null;
}
