/** `nasturtium tokens`: who may do what at the edge. */

import type { InferResponseType } from "hono/client";
import { createToken } from "../api.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, oneOf, repeated } from "../command.ts";
import { badInput } from "../errors.ts";
import { textTable } from "../table.ts";

type Token = InferResponseType<EdgeClient["v1"]["tokens"][":id"]["$get"]>;
type Scope = Token["scopes"][number];

const SCOPES: readonly Scope[] = ["admin", "searches:read", "searches:write", "runner", "device"];

const unitMs: Record<string, number> = { h: 3_600_000, d: 86_400_000 };

/** When a token expires, as ISO 8601: that long from now (`12h`, `30d`), or a time as it stands. */
export function expiryOf(text: string, now: number): string {
  const [, count, unit = ""] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : now + Number(count) * (unitMs[unit] ?? 0);
  const isTime = count !== undefined || /^\d{4}-\d{2}-\d{2}/.test(text);
  if (isTime && time > now) return new Date(time).toISOString();
  throw badInput(
    `--expires is a time to come, not "${text}".`,
    "Give hours or days such as 12h or 30d, or a time such as 2030-01-31T12:00:00Z.",
  );
}

function stateOf({ revokedAt, expiresAt }: Token, now: number): string {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && Date.parse(expiresAt) <= now ? "expired" : "valid";
}

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
      {
        flags: "--expires <time>",
        description: "when it ends: 12h, 30d or a time of ISO 8601 (default: never)",
        parse: (text) => expiryOf(text, Date.now()),
      },
      { flags: "--search <id>", description: "the one search that a runner with it works for" },
    ],
    async run(ctx, _args, options) {
      const created = await createToken(ctx.client(), {
        name: options.name as string,
        scopes: options.scope as Scope[],
        expiresAt: options.expires as string | undefined,
        searchId: options.search as string | undefined,
      });
      ctx.print(created, created.token);
    },
  },
  {
    name: "tokens list",
    description: "list tokens, without their secrets",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.tokens.$get({ query }),
        ["id", "name", "scopes", "expiresAt", "revokedAt"],
      );
      ctx.print(
        { data: rows },
        textTable(
          rows.map((token) => ({
            ...token,
            scopes: token.scopes.join(" "),
            state: stateOf(token, Date.now()),
          })),
          {
            id: "ID",
            name: "NAME",
            scopes: "SCOPES",
            searchId: "SEARCH",
            expiresAt: "EXPIRES",
            lastUsedAt: "LAST USED",
            state: "STATE",
          },
        ),
      );
    },
  },
  {
    name: "tokens revoke",
    args: "<id>",
    description: "make a token invalid",
    async run(ctx, [id = ""]) {
      await ctx.client().v1.tokens[":id"].$delete({ param: { id } });
      ctx.print({ id, revoked: true }, `Token ${id} is revoked.`);
    },
  },
];
