/**
 * Who may do what. A token is `nst_`, 32 random characters and a checksum of six, so that a mistyped one is refused
 * without a query and a leaked one can be recognised; the database keeps only its SHA-256.
 */

import type { Context, MiddlewareHandler } from "hono";
import type { Scope } from "../schema/tokens.ts";
import { finishLater, isoTime } from "./app.ts";
import type { AppEnv, Principal } from "./env.ts";
import { base32, sha256 } from "./ids.ts";
import { Problem } from "./problems.ts";
import { findToken, isUseStale, touchToken } from "./store/tokens.ts";

const prefix = "nst_";
const secretBytes = 20;
const checksumLength = 6;
const tokenPattern = /^nst_[a-z2-7]{38}$/;

async function checksum(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(prefix + secret));
  return base32(new Uint8Array(digest)).slice(0, checksumLength);
}

export async function newToken(): Promise<{ token: string; hash: string }> {
  const secret = base32(crypto.getRandomValues(new Uint8Array(secretBytes)));
  const token = `${prefix}${secret}${await checksum(secret)}`;
  return { token, hash: await sha256(token) };
}

async function isWellFormed(token: string): Promise<boolean> {
  if (!tokenPattern.test(token)) return false;
  const body = token.slice(prefix.length);
  return (await checksum(body.slice(0, -checksumLength))) === body.slice(-checksumLength);
}

/** Compares hashes, so that neither length nor content of the secret shows in the time it takes. */
async function equals(a: string, b: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const [left, right] = await Promise.all(
    [a, b].map((text) => crypto.subtle.digest("SHA-256", encoder.encode(text))),
  );
  return left !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(left, right);
}

const environment: Principal = {
  id: "environment",
  name: "environment",
  scopes: ["admin"],
  searchId: null,
  instance: null,
};

/** Whose token it is, or why it is not valid. */
async function principalOf(c: Context<AppEnv>, secret: string): Promise<Principal | Problem> {
  const { DB: db, NASTURTIUM_ADMIN_TOKEN: first } = c.env;
  if (first && (await equals(secret, first))) return environment;
  const token = (await isWellFormed(secret)) ? await findToken(db, await sha256(secret)) : null;
  if (token === null) return new Problem("unauthorized");
  const { id, revokedAt, expiresAt } = token;
  const now = Date.now();
  if (revokedAt !== null)
    return new Problem("unauthorized", `The token was revoked at ${isoTime(revokedAt)}; use another.`);
  if (expiresAt !== null && expiresAt <= now)
    return new Problem("unauthorized", `The token expired at ${isoTime(expiresAt)}; use another.`);
  if (isUseStale(token, now)) await finishLater(c, touchToken(db, id, now));
  return token;
}

/** Resolves the token of a request. Whoever sends one that is not valid is counted before being refused. */
export const authenticate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const header = c.req.header("authorization");
  let found: Principal | Problem | null = null;
  if (header !== undefined) {
    const secret = header.match(/^Bearer +(\S+)$/i)?.[1];
    found = secret === undefined ? new Problem("unauthorized") : await principalOf(c, secret);
  }
  c.set("principal", found instanceof Problem ? null : found);
  c.set("refusal", found instanceof Problem ? found : null);
  await next();
};

/** A token that is not valid is refused even where none is needed. */
export const admit: MiddlewareHandler<AppEnv> = async (c, next) => {
  const refusal = c.get("refusal");
  if (refusal !== null) throw refusal;
  await next();
};

/** Scopes that hold another. */
const implied: Partial<Record<Scope, readonly Scope[]>> = { "searches:read": ["searches:write"] };

export function holds(principal: Principal, scope: Scope): boolean {
  const enough: readonly Scope[] = ["admin", scope, ...(implied[scope] ?? [])];
  return principal.scopes.some((held) => enough.includes(held));
}

export function assertScope(principal: Principal | null, scope: Scope): Principal {
  if (principal === null) throw new Problem("unauthorized");
  if (!holds(principal, scope)) throw new Problem("forbidden", `This needs a token with the scope ${scope}.`);
  return principal;
}

/** A route that needs a token with this scope, or with one of these. */
export const requires =
  (scope: Scope, ...others: Scope[]): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const principal = c.get("principal");
    if (principal === null || !others.some((other) => holds(principal, other))) assertScope(principal, scope);
    await next();
  };
