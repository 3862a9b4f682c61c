/** `nasturtium tokens`: who may do what at the edge. */

import { z } from "zod";
import { type CommandRow, oneOf, repeated } from "../command.ts";
import { textTable } from "../table.ts";

const SCOPES = ["admin", "searches:read", "searches:write", "runner", "device"];

const tokenSchema = z.looseObject({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.union([z.string(), z.number()]).nullish(),
  lastUsedAt: z.union([z.string(), z.number()]).nullish(),
  revokedAt: z.union([z.string(), z.number()]).nullish(),
});
export const createdTokenSchema = z.looseObject({ id: z.string(), token: z.string() });

export const tokens: CommandRow[] = [
  {
    name: "tokens create",
    description: "create a token and print it, once",
    options: [
      {
        flags: "--scope <scope>",
        description: `what it may do; may be repeated: ${SCOPES.join(", ")}`,
        parse: (text, previous) => repeated(oneOf("--scope", SCOPES)(text), previous),
        required: true,
      },
      { flags: "--name <name>", description: "what it is for", required: true },
    ],
    async run(ctx, _args, options) {
      const created = await ctx.client().json("/v1/tokens", createdTokenSchema, {
        method: "POST",
        body: { name: options.name, scopes: options.scope },
      });
      ctx.print(created, created.token);
    },
  },
  {
    name: "tokens list",
    description: "list tokens, without their secrets",
    async run(ctx) {
      const rows = await ctx.client().all("/v1/tokens", tokenSchema);
      ctx.print(
        { data: rows },
        textTable(
          rows.map(({ id, name, scopes, createdAt, revokedAt }) => ({
            id,
            name,
            scopes: scopes.join(" "),
            createdAt: createdAt ?? null,
            state: revokedAt ? "revoked" : "valid",
          })),
          { id: "ID", name: "NAME", scopes: "SCOPES", createdAt: "CREATED", state: "STATE" },
        ),
      );
    },
  },
  {
    name: "tokens revoke",
    args: "<id>",
    description: "make a token invalid",
    async run(ctx, [id = ""]) {
      await ctx.client().send(`/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
      ctx.print({ id, revoked: true }, `Token ${id} is revoked.`);
    },
  },
];
