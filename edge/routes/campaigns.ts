/** Campaigns: one specification at several places of a grid, under one budget, with one front. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { finishedStates, searchStates } from "../../schema/searches.ts";
import { type Campaign as CampaignInput, campaignSchema, placeSchema } from "../../shared/campaign.ts";
import { readsAll } from "../access.ts";
import {
  cursorAfter,
  decodeCreated,
  describedBody,
  failure,
  idParam,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  tagged,
} from "../app.ts";
import { assertScope, requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { preferenceOf } from "../front.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { type MergedRow, mergedFront } from "../mergedFront.ts";
import { invalid, Problem } from "../problems.ts";
import { campaignStart, store } from "../start.ts";
import { frontsOf } from "../store/architectures.ts";
import {
  type Campaign,
  cancelSearches,
  findCampaign,
  listCampaigns,
  searchesOf,
} from "../store/campaigns.ts";
import type { Search } from "../store/searches.ts";
import { frontExample, frontRowSchema, frontRowView } from "./results.ts";
import { readJson, searchExample, searchSchema, searchView } from "./searches.ts";

const tags = ["Campaigns"];
const secondsPerHour = 3600;

const campaignHead = z.object({
  id: z.string(),
  name: z.string(),
  visibility: z.enum(["private", "public"]),
  specification: campaignSchema.openapi("CampaignSpecification").describe("as it was sent"),
  createdAt: z.string(),
});

export const campaignView = campaignHead
  .extend({
    isOver: z.boolean().describe("every search has ended"),
    spent: z
      .object({ gpuHours: z.number() })
      .describe("runner time of all searches, without final trainings"),
    searches: z.array(
      searchSchema
        .pick({ id: true, name: true, progress: true, failure: true })
        .extend({ state: z.enum(searchStates), place: placeSchema, gpuHours: z.number() }),
    ),
  })
  .openapi("Campaign");

export const mergedRowSchema = frontRowSchema
  .extend({
    searchId: z.string(),
    place: placeSchema,
    dataset: z.string(),
    compared: z
      .enum(["own search", "all searches"])
      .describe(
        "with what: accuracies by shared weights hold within one search only; those of networks trained alike on the same data are compared across all",
      ),
  })
  .openapi("CampaignFrontRow");

const asked: z.input<typeof campaignSchema> = {
  name: "sizes",
  search: {
    dataset: { name: "fashion-mnist" },
    evaluation: { kind: "supernet", network: { channels: 8, layers: 5 } },
    schedule: { preset: "demo-3" },
  },
  grid: { targets: { parameters: [20_000, 40_000] } },
  budget: { gpuHours: 2 },
};
const place = { targets: { parameters: 20_000 } };

const headExample: z.infer<typeof campaignHead> = {
  id: "m9d4kx7w2tq6vb5z",
  name: asked.name,
  visibility: "private",
  specification: campaignSchema.parse(asked),
  createdAt: "2026-03-02T09:30:00.000Z",
};

export const campaignExample: z.infer<typeof campaignView> = {
  ...headExample,
  isOver: false,
  spent: { gpuHours: 0.4 },
  searches: [
    {
      id: searchExample.id,
      name: "sizes: parameters 20,000",
      progress: searchExample.progress,
      failure: null,
      state: "running",
      place,
      gpuHours: 0.4,
    },
  ],
};

export const mergedExample: { data: z.infer<typeof mergedRowSchema>[] } = {
  data: frontExample.map((row) => ({
    searchId: searchExample.id,
    place,
    dataset: "fashion-mnist",
    compared: "own search",
    ...row,
  })),
};

const create = createRoute({
  method: "post",
  path: "/campaigns",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: [requires("searches:write"), idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Start a search for each place of a grid, under one budget",
  request: { body: describedBody(campaignSchema, asked) },
  responses: {
    201: json(campaignView, "The campaign; its address in Location", campaignExample),
    default: failure,
  },
});

const list = createRoute({
  method: "get",
  path: "/campaigns",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "List campaigns, newest first",
  request: { query: pageQuery },
  responses: {
    200: json(pageOf(campaignHead.openapi("CampaignHead")), "Campaigns", lastPage(headExample)),
    default: failure,
  },
});

const reading = {
  method: "get" as const,
  middleware: tagged,
  tags,
  security: [{ token: ["searches:read"] }, {}],
};

const read = createRoute({
  ...reading,
  path: "/campaigns/{id}",
  summary: "Read a campaign with its searches",
  request: { params: idParam },
  responses: { 200: json(campaignView, "The campaign", campaignExample), default: failure },
});

const front = createRoute({
  ...reading,
  path: "/campaigns/{id}/front",
  summary: "Non-dominated architectures of all its searches, each labelled with where it comes from",
  request: { params: idParam },
  responses: {
    200: json(z.object({ data: z.array(mergedRowSchema) }), "The front", mergedExample),
    default: failure,
  },
});

const cancel = createRoute({
  method: "post",
  path: "/campaigns/{id}/cancel",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Cancel every search that has not ended; results are kept",
  request: { params: idParam },
  responses: { 200: json(campaignView, "The campaign", campaignExample), default: failure },
});

export const mergedRowView = ({
  row,
  search,
  compared,
}: MergedRow<Search>): z.infer<typeof mergedRowSchema> => ({
  searchId: search.id,
  place: search.place ?? {},
  dataset: search.data,
  compared,
  ...frontRowView(row, preferenceOf(search.specification)(row)),
});

export const campaigns = newApp()
  .openapi(create, async (c) => {
    const start = await campaignStart(c.env.DB, await readJson(c));
    if ("errors" in start) throw invalid(start.errors);
    await store(c.env.DB, start);
    const { body, headers } = await createdCampaign(c, start.campaign);
    return c.json(body, 201, headers);
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listCampaigns(c.env.DB, { before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.id]);
    return c.json({ data: page.map(headOf), nextCursor }, 200);
  })
  .openapi(read, async (c) => c.json(await viewOf(c, await readable(c, c.req.valid("param").id)), 200))
  .openapi(front, async (c) => {
    const { id } = await readable(c, c.req.valid("param").id);
    const searches = await shownSearches(c, id);
    const rows = mergedFront(
      searches,
      await frontsOf(
        c.env.DB,
        searches.map((search) => search.id),
      ),
    );
    return c.json({ data: rows.map(mergedRowView) }, 200);
  })
  .openapi(cancel, async (c) => {
    const campaign = await existing(c, c.req.valid("param").id);
    await cancelSearches(c.env.DB, campaign.id);
    return c.json(await viewOf(c, campaign), 200);
  });

/** How the campaign of a start is answered. */
export const createdCampaign = async (c: Context<AppEnv>, campaign: Campaign) => ({
  body: await viewOf(c, campaign),
  headers: { location: `/v1/campaigns/${campaign.id}` },
});

async function existing(c: Context<AppEnv>, id: string): Promise<Campaign> {
  const campaign = await findCampaign(c.env.DB, id);
  if (campaign === null) throw new Problem("not-found", `There is no campaign "${id}".`);
  return campaign;
}

/** Without a token, one that is private looks like one that does not exist. */
async function readable(c: Context<AppEnv>, id: string): Promise<Campaign> {
  const campaign = await findCampaign(c.env.DB, id);
  if (campaign?.visibility === "public") {
    c.header("cache-control", "no-cache");
    return campaign;
  }
  assertScope(c.get("principal"), "searches:read");
  return existing(c, id);
}

/** Those that the request may see: one of a public campaign may have been made private since. */
async function shownSearches(c: Context<AppEnv>, campaignId: string) {
  const all = await searchesOf(c.env.DB, campaignId);
  return readsAll(c) ? all : all.filter(({ visibility }) => visibility === "public");
}

const headOf = ({ createdAt, specification, ...campaign }: Campaign): z.infer<typeof campaignHead> => ({
  ...campaign,
  specification: { ...(specification satisfies CampaignInput) },
  createdAt: isoTime(createdAt),
});

async function viewOf(c: Context<AppEnv>, campaign: Campaign): Promise<z.infer<typeof campaignView>> {
  const searches = await shownSearches(c, campaign.id);
  const hours = (seconds: number) => seconds / secondsPerHour;
  return {
    ...headOf(campaign),
    isOver: searches.every(({ state }) => finishedStates.includes(state)),
    spent: { gpuHours: hours(searches.reduce((sum, { busySeconds }) => sum + busySeconds, 0)) },
    searches: searches.map((search) => {
      const { id, name, state, progress, failure: reason } = searchView(search);
      return {
        id,
        name,
        state,
        progress,
        failure: reason,
        place: search.place ?? {},
        gpuHours: hours(search.busySeconds),
      };
    }),
  };
}
