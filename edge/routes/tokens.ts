/** Tokens: create, list, read, revoke. A token is shown once, when it is made. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { scopes } from "../../schema/tokens.ts";
import type { FieldError } from "../../shared/specification.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  isoTime,
  isoTimeOrNull,
  json,
  label,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { assertScope, newToken, requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { newId } from "../ids.ts";
import { invalid, Problem } from "../problems.ts";
import { findSearch } from "../store/searches.ts";
import { insertToken, listTokens, readToken, revokeToken, type Token, unusedToken } from "../store/tokens.ts";

const common = { tags: ["Tokens"], security: [{ token: ["admin"] }], middleware: requires("admin") };

const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: z.string(),
    createdBy: z.string().describe("id of the token that asked for it, or `environment`"),
    expiresAt: z.string().nullable(),
    lastUsedAt: z.string().nullable().describe("to within 5 minutes"),
    revokedAt: z.string().nullable(),
    searchId: z.string().nullable().describe("the one search that a runner with it works for"),
    instance: z.string().nullable().describe("what runners with it are called"),
  })
  .openapi("Token");

const example: z.infer<typeof tokenSchema> = {
  id: "c8r4jn6y2vq5pw7s",
  name: "rented GPU",
  scopes: ["runner"],
  createdAt: "2026-03-02T09:00:00.000Z",
  createdBy: "environment",
  expiresAt: "2030-01-31T12:00:00.000Z",
  lastUsedAt: null,
  revokedAt: null,
  searchId: null,
  instance: null,
};

const createSchema = z.strictObject({
  name: label,
  scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe("in the future; absent: it never expires"),
  searchId: z.string().optional().describe("binds a token of scope `runner` alone to this search"),
  instance: label.optional().describe("binds a token of scope `runner` alone: its runners are called so"),
});

const view = (token: Token): z.infer<typeof tokenSchema> => ({
  ...token,
  createdAt: isoTime(token.createdAt),
  expiresAt: isoTimeOrNull(token.expiresAt),
  lastUsedAt: isoTimeOrNull(token.lastUsedAt),
  revokedAt: isoTimeOrNull(token.revokedAt),
});

const create = createRoute({
  ...common,
  method: "post",
  path: "/tokens",
  summary: "Create a token",
  request: {
    body: body(createSchema, { name: "rented GPU", scopes: ["runner"], expiresAt: "2030-01-31T12:00:00Z" }),
  },
  responses: {
    201: json(tokenSchema.extend({ token: z.string() }), "The token, shown this once", {
      ...example,
      token: "nst_1f0c6e2d9b7a4385c1d0e8f6a2b49735",
    }),
    default: failure,
  },
});

const list = createRoute({
  ...common,
  method: "get",
  path: "/tokens",
  summary: "List tokens, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(tokenSchema), "Tokens", lastPage(example)), default: failure },
});

const read = createRoute({
  ...common,
  method: "get",
  path: "/tokens/{id}",
  summary: "Read a token, without its secret",
  request: { params: idParam },
  responses: { 200: json(tokenSchema, "The token", example), default: failure },
});

const revoke = createRoute({
  ...common,
  method: "delete",
  path: "/tokens/{id}",
  summary: "Revoke a token; revoking it again changes nothing",
  request: { params: idParam },
  responses: {
    200: json(tokenSchema, "The revoked token", {
      ...example,
      revokedAt: "2026-03-03T08:00:00.000Z",
    }),
    default: failure,
  },
});

export const tokens = newApp()
  .openapi(create, async (c) => {
    const asked = c.req.valid("json");
    await assertPossible(c, asked);
    const { token, hash } = await newToken();
    const row: Token = {
      ...unusedToken,
      id: newId(),
      name: asked.name,
      scopes: asked.scopes,
      createdAt: Date.now(),
      createdBy: assertScope(c.get("principal"), "admin").id,
      expiresAt: asked.expiresAt === undefined ? null : Date.parse(asked.expiresAt),
      searchId: asked.searchId ?? null,
      instance: asked.instance ?? null,
    };
    await insertToken(c.env.DB, row, hash);
    const headers = { location: `/v1/tokens/${row.id}`, "cache-control": "no-store" };
    return c.json({ ...view(row), token }, 201, headers);
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listTokens(c.env.DB, { before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.id]);
    return c.json({ data: page.map(view), nextCursor }, 200);
  })
  .openapi(read, async (c) => c.json(view(existing(await readToken(c.env.DB, c.req.valid("param").id))), 200))
  .openapi(revoke, async (c) =>
    c.json(view(existing(await revokeToken(c.env.DB, c.req.valid("param").id, Date.now()))), 200),
  );

/** What the schema cannot see. */
async function assertPossible(
  c: Context<AppEnv>,
  { scopes: granted, expiresAt, searchId, instance }: z.infer<typeof createSchema>,
): Promise<void> {
  const errors: FieldError[] = [];
  if (expiresAt !== undefined && Date.parse(expiresAt) <= Date.now())
    errors.push({ pointer: "/expiresAt", detail: "must be in the future" });
  if (granted.some((scope) => scope !== "runner"))
    for (const [key, value] of Object.entries({ searchId, instance }))
      if (value !== undefined)
        errors.push({ pointer: `/${key}`, detail: "only a token of scope runner alone can be bound" });
  if (errors.length === 0 && searchId !== undefined && (await findSearch(c.env.DB, searchId)) === null)
    errors.push({ pointer: "/searchId", detail: "there is no such search" });
  if (errors.length > 0) throw invalid(errors);
}

const existing = (token: Token | null): Token => {
  if (token === null) throw new Problem("not-found");
  return token;
};
