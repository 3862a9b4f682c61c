/** Whose token it is that a request comes with: what a page may offer follows from its scopes. */

import { createRoute, z } from "@hono/zod-openapi";
import { scopes } from "../../schema/tokens.ts";
import { failure, json, newApp } from "../app.ts";

const meSchema = z
  .object({
    token: z
      .object({
        id: z.string().describe("`environment` for the first one"),
        name: z.string(),
        scopes: z.array(z.enum(scopes)),
        searchId: z.string().nullable(),
      })
      .nullable()
      .describe("null without a token"),
  })
  .openapi("Me");

const read = createRoute({
  method: "get",
  path: "/me",
  tags: ["Tokens"],
  security: [{ token: [] }, {}],
  summary: "Whose token this is, and what it may do",
  responses: {
    200: json(meSchema, "The token, without its secret", {
      token: { id: "c8r4jn6y2vq5pw7s", name: "my browser", scopes: ["searches:write"], searchId: null },
    }),
    default: failure,
  },
});

export const me = newApp().openapi(read, (c) => {
  const principal = c.get("principal");
  const token = principal && {
    id: principal.id,
    name: principal.name,
    scopes: [...principal.scopes],
    searchId: principal.searchId,
  };
  c.header("cache-control", "no-store");
  return c.json({ token }, 200);
});
