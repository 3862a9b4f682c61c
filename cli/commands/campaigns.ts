/** `nasturtium campaign` and `campaigns`: one specification at several places of a grid, and the front of all of them. */

import { setTimeout as sleep } from "node:timers/promises";
import type { InferResponseType } from "hono/client";
import { placeText } from "../../shared/campaign.ts";
import type { EdgeClient } from "../client.ts";
import type { CommandRow, Context } from "../command.ts";
import { readCampaign } from "../specificationFile.ts";
import { textTable } from "../table.ts";

const POLL_MS = 3000;

type OfCampaign = EdgeClient["v1"]["campaigns"][":id"];
type Campaign = InferResponseType<OfCampaign["$get"]>;
type CampaignFrontRow = InferResponseType<OfCampaign["front"]["$get"]>["data"][number];

const campaignKeys = ["id", "isOver", "spent", "searches", "specification"] as const;

const campaignOf = (client: EdgeClient, id: string): Promise<Campaign> =>
  client.json(client.v1.campaigns[":id"].$get({ param: { id } }), campaignKeys);

const readFront = (client: EdgeClient, id: string): Promise<CampaignFrontRow[]> =>
  client.all(
    () => client.v1.campaigns[":id"].front.$get({ param: { id } }),
    ["hash", "values", "searchId", "place", "compared", "evidence"],
  );

const columns = {
  id: "SEARCH",
  place: "PLACE",
  state: "STATE",
  round: "ROUND",
  front: "FRONT",
  best: "BEST",
  hours: "HOURS",
};

export const campaigns: CommandRow[] = [
  {
    name: "campaign",
    args: "<file>",
    description: "start a search for each place of a grid, follow them and print their front",
    options: [{ flags: "--detach", description: "start them and return at once" }],
    async run(ctx, [file = ""], options) {
      const client = ctx.client();
      const json = await readCampaign(file);
      const created = await client.json(client.v1.campaigns.$post({ json }), campaignKeys);
      if (options.detach === true) {
        const next = `Campaign ${created.id} is started. Look at it: nasturtium campaigns show ${created.id}`;
        ctx.print(created, `${searchTable(created)}\n${next}`);
        return;
      }
      ctx.log(`Campaign ${created.id}. Ctrl-C stops following; its searches go on.`);
      const campaign = await follow(ctx, client, created);
      const front = await readFront(client, created.id);
      ctx.print({ campaign, front }, `${searchTable(campaign)}\n\n${frontText(front)}`);
    },
  },
  {
    name: "campaigns list",
    description: "list campaigns, newest first",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.campaigns.$get({ query }),
        ["id", "name", "createdAt"],
      );
      const shown = rows.map(({ id, name, createdAt }) => ({ id, name, createdAt }));
      ctx.print({ data: rows }, textTable(shown, { id: "ID", name: "NAME", createdAt: "CREATED" }));
    },
  },
  {
    name: "campaigns show",
    args: "<id>",
    description: "show a campaign with its searches",
    async run(ctx, [id = ""]) {
      const campaign = await campaignOf(ctx.client(), id);
      ctx.print(campaign, `${searchTable(campaign)}\n${totals(campaign)}`);
    },
  },
  {
    name: "campaigns front",
    args: "<id>",
    description: "print the front of all searches of a campaign, each member with where it comes from",
    async run(ctx, [id = ""]) {
      const front = await readFront(ctx.client(), id);
      ctx.print({ data: front }, frontText(front));
    },
  },
  {
    name: "campaigns cancel",
    args: "<id>",
    description: "cancel every search of a campaign that has not ended; results are kept",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const cancelled = client.v1.campaigns[":id"].cancel.$post({ param: { id } });
      const campaign = await client.json(cancelled, campaignKeys);
      ctx.print(campaign, searchTable(campaign));
    },
  },
];

async function follow(ctx: Context, client: EdgeClient, created: Campaign): Promise<Campaign> {
  const step = ctx.progress("Rounds", 1);
  for (let campaign = created; ; campaign = await campaignOf(client, created.id)) {
    const sum = (key: "round" | "rounds") =>
      campaign.searches.reduce((total, { progress }) => total + progress[key], 0);
    step.update(sum("round"), totals(campaign), sum("rounds"));
    if (campaign.isOver) {
      step.finish(totals(campaign));
      return campaign;
    }
    await sleep(POLL_MS, undefined, { signal: ctx.signal }).catch(() => {});
    ctx.signal.throwIfAborted();
  }
}

/** @example "2 completed, 1 running, 1 queued; 0.4 of 2 hours of runners" */
function totals({ searches, spent, specification }: Campaign): string {
  const counts = new Map<string, number>();
  for (const { state } of searches) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  const limit = specification.budget.gpuHours;
  const of = limit === undefined ? "" : ` of ${limit}`;
  return `${states}; ${spent.gpuHours.toFixed(2)}${of} hours of runners`;
}

function searchTable({ searches }: Campaign): string {
  const rows = searches.map(({ id, place, state, progress, gpuHours }) => ({
    id,
    place: placeText(place),
    state,
    round: `${progress.round}/${progress.rounds}`,
    front: progress.frontSize,
    best: progress.bestAccuracy,
    hours: gpuHours,
  }));
  return textTable(rows, columns);
}

function frontText(rows: readonly CampaignFrontRow[]): string {
  if (rows.length === 0) return "The front is empty so far.";
  const objectives = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const headings = Object.fromEntries(objectives.map((id) => [id, id.toUpperCase()]));
  const table = (title: string, list: readonly CampaignFrontRow[]) =>
    list.length === 0
      ? []
      : [
          title,
          textTable(
            list.map(({ hash, text, searchId, place, evidence, values }) => ({
              hash,
              ...values,
              evidence,
              place: placeText(place),
              search: searchId,
              text,
            })),
            {
              hash: "HASH",
              ...headings,
              evidence: "EVIDENCE",
              place: "PLACE",
              search: "SEARCH",
              ...(list.every(({ evidence }) => evidence === "table") ? { text: "ARCHITECTURE" } : {}),
            },
          ),
        ];
  const [trained, own] = ["all searches", "own search"].map((compared) =>
    rows.filter((row) => row.compared === compared),
  ) as [CampaignFrontRow[], CampaignFrontRow[]];
  return [
    ...table("Compared across all searches", trained),
    ...(trained.length > 0 && own.length > 0 ? [""] : []),
    ...table(
      "Compared within each search only: shared weights of one supernet say nothing about another's (see `reranking`)",
      own,
    ),
  ].join("\n");
}
