/** `nasturtium searches`: list and steer searches. */

import { listSearches, readSearch, type Search } from "../api.ts";
import type { CommandRow, Context } from "../command.ts";
import { textTable } from "../table.ts";

const columns = {
  id: "ID",
  name: "NAME",
  state: "STATE",
  round: "ROUND",
  front: "FRONT",
  best: "BEST",
  trained: "BEST TRAINED",
};

const rowOf = ({ id, name, state, progress }: Search) => ({
  id,
  name,
  state,
  round: `${progress.round}/${progress.rounds}`,
  front: progress.frontSize,
  best: progress.bestAccuracy,
  trained: progress.bestTrainedAccuracy,
});

const steering = [
  { verb: "pause", description: "let the runner finish its round and stop; keeps everything" },
  { verb: "resume", description: "go on with a paused search" },
  { verb: "cancel", description: "end a search and keep its results" },
] as const;

export const searches: CommandRow[] = [
  {
    name: "searches list",
    description: "list searches, newest first",
    async run(ctx) {
      const rows = await listSearches(ctx.client());
      ctx.print({ data: rows }, textTable(rows.map(rowOf), columns));
    },
  },
  {
    name: "searches show",
    args: "<id>",
    description: "show one search",
    async run(ctx, [id = ""]) {
      printSearch(ctx, await readSearch(ctx.client(), id));
    },
  },
  ...steering.map(
    ({ verb, description }): CommandRow => ({
      name: `searches ${verb}`,
      args: "<id>",
      description,
      async run(ctx, [id = ""]) {
        const client = ctx.client();
        await client.v1.searches[":id"][verb].$post({ param: { id } });
        printSearch(ctx, await readSearch(client, id));
      },
    }),
  ),
  {
    name: "searches delete",
    args: "<id>",
    description: "delete a search with everything of it",
    async run(ctx, [id = ""]) {
      await ctx.client().v1.searches[":id"].$delete({ param: { id } });
      ctx.print({ id, deleted: true }, `Search ${id} is deleted.`);
    },
  },
];

function printSearch(ctx: Context, search: Search): void {
  const failure = search.failure ? `\n${search.failure}` : "";
  ctx.print(search, `${textTable([rowOf(search)], columns)}${failure}`);
}
