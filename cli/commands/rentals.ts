/** `nasturtium instances`, `offers` and `budgets`: rented machines, what can be rented, and what it has cost. */

import type { InferResponseType } from "hono/client";
import { providerNames } from "../../shared/specification.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, oneOf } from "../command.ts";
import { textTable } from "../table.ts";

type V1 = EdgeClient["v1"];
type Instance = InferResponseType<V1["instances"][":id"]["$get"], 200>;
type Offer = InferResponseType<V1["providers"][":name"]["offers"]["$get"]>["data"][number];

const dollars = (usd: number): string => `$${usd.toFixed(2)}`;

const instanceColumns = {
  id: "ID",
  state: "STATE",
  machine: "MACHINE",
  price: "AN HOUR",
  spent: "SPENT",
  search: "SEARCH",
  since: "SINCE",
  reason: "WHY IT ENDED",
};
const instanceKeys = ["id", "state", "provider", "gpu", "priceUsdPerHour", "spentUsd", "searchId"] as const;

const instanceRow = (row: Instance) => ({
  id: row.id,
  state: row.state,
  machine: `${row.gpu} (${row.provider})`,
  price: dollars(row.priceUsdPerHour),
  spent: dollars(row.spentUsd),
  search: row.searchId,
  since: row.launchedAt.slice(0, 16).replace("T", " "),
  reason: row.reason ?? "",
});

const offerColumns = {
  gpu: "GPU",
  memory: "MEMORY",
  price: "AN HOUR",
  provider: "PROVIDER",
  location: "WHERE",
};

export const rentals: CommandRow[] = [
  {
    name: "instances list",
    description: "list rented machines that may still cost something",
    options: [{ flags: "--all", description: "those that have ended, too" }],
    async run(ctx, _args, options) {
      const client = ctx.client();
      const state = options.all === true ? "all" : "live";
      const rows = await client.all(
        (query) => client.v1.instances.$get({ query: { ...query, state } }),
        instanceKeys,
      );
      const text = rows.length === 0 ? "No machine runs." : textTable(rows.map(instanceRow), instanceColumns);
      ctx.print({ data: rows }, text);
    },
  },
  {
    name: "instances show",
    args: "<id>",
    description: "print a rented machine, with what its runner told of a failure",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const row = await client.json(client.v1.instances[":id"].$get({ param: { id } }), instanceKeys);
      const failure = row.failure === null ? "" : `\n\n${row.failure}`;
      ctx.print(row, `${textTable([instanceRow(row)], instanceColumns)}${failure}`);
    },
  },
  {
    name: "instances terminate",
    args: "<id>",
    description: "give a machine back now; a search that is not paused or over rents another",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const ending = client.v1.instances[":id"].terminate.$post({ param: { id } });
      const row = await client.json(ending, instanceKeys);
      ctx.print(
        row,
        `Machine ${id} is ending. See that it is gone: nasturtium instances show ${id}\nTo rent no other, pause its search: nasturtium searches pause ${row.searchId}`,
      );
    },
  },
  {
    name: "offers",
    description: "list what can be rented now, the cheapest first",
    options: [
      {
        flags: "--provider <name>",
        description: `only of ${providerNames.join(", ")}`,
        parse: oneOf("--provider", providerNames),
      },
      { flags: "--gpu <name>", description: "only this one: RTX 4090" },
      { flags: "--interruptible", description: "machines that the provider may take back" },
    ],
    async run(ctx, _args, options) {
      const client = ctx.client();
      const { data } = await client.json(client.v1.providers.$get(), ["data"]);
      const asked = data.filter(
        ({ name, isConfigured }) => isConfigured && (options.provider ?? name) === name,
      );
      const query = {
        interruptible: options.interruptible === true ? ("true" as const) : ("false" as const),
        ...(options.gpu === undefined ? {} : { gpu: options.gpu as string }),
      };
      const lists = await Promise.all(
        asked.map(async ({ name }) => {
          const answer = client.v1.providers[":name"].offers.$get({ param: { name }, query });
          const offers = await client.json(answer, ["data"]);
          return offers.data.map((offer) => ({ provider: name, ...offer }));
        }),
      );
      const offers = lists.flat().sort((a, b) => a.priceUsdPerHour - b.priceUsdPerHour);
      ctx.print({ data: offers }, offers.length > 0 ? offersTable(offers) : noOffers(asked.length > 0));
    },
  },
  {
    name: "budgets",
    args: "[search]",
    description: "print what is spent and set aside: of the deployment, or of a search",
    async run(ctx, [id]) {
      const client = ctx.client();
      if (id === undefined) {
        const budget = await client.json(client.v1.budgets.$get(), ["month", "usdPerHour", "instances"]);
        const line = (what: string, { used, cap }: { used: number; cap: number | null }, unit = dollars) =>
          `${what.padEnd(22)}${unit(used)} of ${cap === null ? "no limit" : unit(cap)}`;
        ctx.print(
          budget,
          [
            line("This month", budget.month),
            line("An hour", budget.usdPerHour),
            line("Machines", budget.instances, String),
          ].join("\n"),
        );
        return;
      }
      const answer = client.v1.searches[":id"].budget.$get({ param: { id } });
      const budget = await client.json(answer, ["spentUsd", "reservedUsd", "capUsd", "instances"]);
      const { perArchitectureUsd, perHypervolumePercentUsd } = budget;
      const bought = [
        [perArchitectureUsd, "architecture on the front"] as const,
        [perHypervolumePercentUsd, "percent of hypervolume"] as const,
      ];
      ctx.print(
        budget,
        [
          `Spent ${dollars(budget.spentUsd)}, set aside ${dollars(budget.reservedUsd)}, of ${dollars(budget.capUsd)}.`,
          ...bought.flatMap(([usd, what]) => (usd === null ? [] : [`${dollars(usd)} for each ${what}.`])),
          ...(budget.instances.length === 0
            ? []
            : [textTable(budget.instances.map(instanceRow), instanceColumns)]),
        ].join("\n"),
      );
    },
  },
];

const offersTable = (offers: (Offer & { provider: string })[]): string =>
  textTable(
    offers.map(({ gpu, gpuMemoryGb, priceUsdPerHour, provider, location }) => ({
      ...{ gpu, provider, location },
      memory: `${gpuMemoryGb} GB`,
      price: dollars(priceUsdPerHour),
    })),
    offerColumns,
  );

const noOffers = (isConfigured: boolean): string =>
  isConfigured
    ? "Nothing that suits is offered now."
    : "This edge has no provider's key. Set one, such as RUNPOD_API_KEY, as a secret of the Worker.";
