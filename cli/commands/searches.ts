/** `nasturtium searches`: list and steer searches. */

import { type Search, searchPath, searchSchema } from "../api.ts";
import type { CommandRow, Context } from "../command.ts";
import { textTable } from "../table.ts";

const columns = { id: "ID", name: "NAME", state: "STATE", round: "ROUND", front: "FRONT", best: "BEST" };

const rowOf = ({ id, name, state, progress }: Search) => ({
  id,
  name,
  state,
  round: progress ? `${progress.round}/${progress.rounds}` : null,
  front: progress?.frontSize ?? null,
  best: progress?.bestAccuracy ?? null,
});

const steering = [
  { verb: "pause", description: "let the runner finish its round and stop; keeps everything" },
  { verb: "resume", description: "go on with a paused search" },
  { verb: "cancel", description: "end a search and keep its results" },
];

export const searches: CommandRow[] = [
  {
    name: "searches list",
    description: "list searches, newest first",
    async run(ctx) {
      const rows = await ctx.client().all("/v1/searches", searchSchema);
      ctx.print({ data: rows }, textTable(rows.map(rowOf), columns));
    },
  },
  {
    name: "searches show",
    args: "<id>",
    description: "show one search",
    async run(ctx, [id = ""]) {
      printSearch(ctx, await ctx.client().json(searchPath(id), searchSchema));
    },
  },
  ...steering.map(
    ({ verb, description }): CommandRow => ({
      name: `searches ${verb}`,
      args: "<id>",
      description,
      async run(ctx, [id = ""]) {
        const client = ctx.client();
        await client.send(searchPath(id, `/${verb}`), { method: "POST" });
        printSearch(ctx, await client.json(searchPath(id), searchSchema));
      },
    }),
  ),
  {
    name: "searches delete",
    args: "<id>",
    description: "delete a search with everything of it",
    async run(ctx, [id = ""]) {
      await ctx.client().send(searchPath(id), { method: "DELETE" });
      ctx.print({ id, deleted: true }, `Search ${id} is deleted.`);
    },
  },
];

function printSearch(ctx: Context, search: Search): void {
  const failure = search.failure ? `\n${search.failure}` : "";
  ctx.print(search, `${textTable([rowOf(search)], columns)}${failure}`);
}
