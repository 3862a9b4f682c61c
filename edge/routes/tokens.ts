/** Tokens: create, list, revoke. A token is shown once, when it is made. */

import { createRoute, z } from "@hono/zod-openapi";
import { scopes } from "../../schema/tokens.ts";
import { body, failure, idParam, isoTime, isoTimeOrNull, json, newApp, pageOf } from "../app.ts";
import { newToken, requires } from "../auth.ts";
import { Problem } from "../problems.ts";
import { insertToken, listTokens, revokeToken, type Token } from "../store/tokens.ts";

const tags = ["Tokens"];
const security = [{ token: ["admin"] }];
const middleware = requires("admin");

const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: z.string(),
    revokedAt: z.string().nullable(),
  })
  .openapi("Token");

const view = ({ createdAt, revokedAt, ...token }: Token): z.infer<typeof tokenSchema> => ({
  ...token,
  createdAt: isoTime(createdAt),
  revokedAt: isoTimeOrNull(revokedAt),
});

const create = createRoute({
  method: "post",
  path: "/tokens",
  tags,
  security,
  middleware,
  summary: "Create a token",
  request: {
    body: body(z.strictObject({ name: z.string().min(1).max(120), scopes: z.array(z.enum(scopes)).min(1) })),
  },
  responses: {
    201: json(tokenSchema.extend({ token: z.string() }), "The token, shown this once"),
    default: failure,
  },
});

const list = createRoute({
  method: "get",
  path: "/tokens",
  tags,
  security,
  middleware,
  summary: "List tokens",
  responses: { 200: json(pageOf(tokenSchema), "Tokens, newest first"), default: failure },
});

const revoke = createRoute({
  method: "delete",
  path: "/tokens/{id}",
  tags,
  security,
  middleware,
  summary: "Revoke a token",
  request: { params: idParam },
  responses: { 200: json(tokenSchema, "The revoked token"), default: failure },
});

export const tokens = newApp();

tokens.openapi(create, async (c) => {
  const { name, scopes: granted } = c.req.valid("json");
  const { token, hash } = await newToken();
  return c.json({ ...view(await insertToken(c.env.DB, name, granted, hash)), token }, 201, {
    "cache-control": "no-store",
  });
});

tokens.openapi(list, async (c) =>
  c.json({ data: (await listTokens(c.env.DB)).map(view), nextCursor: null }, 200),
);

tokens.openapi(revoke, async (c) => {
  const token = await revokeToken(c.env.DB, c.req.valid("param").id);
  if (token === null) throw new Problem("not-found");
  return c.json(view(token), 200);
});
