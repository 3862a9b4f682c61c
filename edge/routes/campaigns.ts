/** Campaigns: one specification at several places of a grid, under one budget, with one front. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { searchStates } from "../../schema/searches.ts";
import {
  type Campaign as CampaignInput,
  campaignSchema,
  checkCampaign,
  type Planned,
  placeSchema,
} from "../../shared/campaign.ts";
import type { FieldError } from "../../shared/specification.ts";
import {
  decodeCursor,
  encodeCursor,
  failure,
  idParam,
  isoTime,
  json,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { assertScope, holds, requires } from "../auth.ts";
import { mergedFront } from "../campaignFront.ts";
import { startSearch } from "../controller/controller.ts";
import type { AppEnv } from "../env.ts";
import { idempotent } from "../idempotency.ts";
import { newId } from "../ids.ts";
import { invalid, Problem } from "../problems.ts";
import {
  type Campaign,
  cancelSearches,
  findCampaign,
  finishedStates,
  frontsOf,
  insertCampaign,
  listCampaigns,
  searchesOf,
} from "../store/campaigns.ts";
import { isConstraintError } from "../store/database.ts";
import { frontRowSchema, frontRowView } from "./results.ts";
import { type Ready, readied, readJson, searchSchema, searchView } from "./searches.ts";

const tags = ["Campaigns"];
const secondsPerHour = 3600;

const campaignInput = z.toJSONSchema(campaignSchema, { io: "input" }) as Record<string, unknown>;

const campaignHead = z.object({
  id: z.string(),
  name: z.string(),
  visibility: z.enum(["private", "public"]),
  specification: z.record(z.string(), z.unknown()).describe("as it was sent"),
  createdAt: z.string(),
});

const campaignView = campaignHead
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

const mergedRowSchema = frontRowSchema
  .extend({
    searchId: z.string(),
    place: placeSchema,
    dataset: z.string(),
    compared: z
      .enum(["own search", "all searches"])
      .describe(
        "with what: accuracies by shared weights hold within one search only, those of trained networks on one data set are compared across all",
      ),
  })
  .openapi("CampaignFrontRow");

const create = createRoute({
  method: "post",
  path: "/campaigns",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: [requires("searches:write"), idempotent] as const,
  summary: "Start a search for each place of a grid, under one budget",
  request: { body: { required: true, content: { "application/json": { schema: campaignInput } } } },
  responses: { 201: json(campaignView, "The campaign; its address in Location"), default: failure },
});

const list = createRoute({
  method: "get",
  path: "/campaigns",
  tags,
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "List campaigns, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(campaignHead.openapi("CampaignHead")), "Campaigns"), default: failure },
});

const reading = { method: "get" as const, tags, security: [{ token: ["searches:read"] }, {}] };

const read = createRoute({
  ...reading,
  path: "/campaigns/{id}",
  summary: "Read a campaign with its searches",
  request: { params: idParam },
  responses: { 200: json(campaignView, "The campaign"), default: failure },
});

const front = createRoute({
  ...reading,
  path: "/campaigns/{id}/front",
  summary: "Non-dominated architectures of all its searches, each labelled with where it comes from",
  request: { params: idParam },
  responses: { 200: json(z.object({ data: z.array(mergedRowSchema) }), "The front"), default: failure },
});

const cancel = createRoute({
  method: "post",
  path: "/campaigns/{id}/cancel",
  tags,
  security: [{ token: ["searches:write"] }],
  middleware: requires("searches:write"),
  summary: "Cancel every search that has not ended; results are kept",
  request: { params: idParam },
  responses: { 200: json(campaignView, "The campaign"), default: failure },
});

export const campaigns = newApp();

campaigns.openapi(create, async (c) => {
  const checked = checkCampaign(await readJson(c));
  if (checked.errors !== undefined) throw invalid(checked.errors);
  const { campaign, planned } = checked;
  const ready = await readiedAll(c.env.DB, planned);
  const [first] = ready;
  const id = newId();
  const createdAt = Date.now();
  const searches = ready.map(({ specification, datasetId, place }, index) => {
    const searchId = newId();
    const controller = startSearch(specification, searchId);
    // One after the other, so that they are worked on and listed in the order of the grid.
    return { id: searchId, specification, datasetId, place, createdAt: createdAt + index, controller };
  });
  const visibility = first?.specification.visibility ?? "private";
  const row = { id, name: campaign.name, visibility, specification: campaign, createdAt };
  try {
    await insertCampaign(c.env.DB, row, searches);
  } catch (error) {
    if (!isConstraintError(error)) throw error;
    throw invalid([{ pointer: "/search/dataset", detail: "data was deleted just now; push it again" }]);
  }
  return c.json(await viewOf(c, row), 201, { location: `/v1/campaigns/${id}` });
});

/** Every search of the grid, or all that is wrong with any of them, each field once. */
async function readiedAll(
  db: D1Database,
  planned: readonly Planned[],
): Promise<(Ready & Pick<Planned, "place">)[]> {
  const errors = new Map<string, FieldError>();
  const ready: (Ready & Pick<Planned, "place">)[] = [];
  for (const { input, place, pointerOf } of planned) {
    const one = await readied(db, input);
    if ("errors" in one)
      for (const { pointer, detail } of one.errors) {
        const own = pointerOf(pointer);
        errors.set(own, { pointer: own, detail });
      }
    else ready.push({ ...one, place });
  }
  if (errors.size > 0) throw invalid([...errors.values()]);
  return ready;
}

campaigns.openapi(list, async (c) => {
  const { cursor, limit } = c.req.valid("query");
  const before = decodeCursor(cursor, z.tuple([z.number(), z.string()]));
  const page = await listCampaigns(c.env.DB, { before, limit });
  const last = page.length === limit ? page.at(-1) : undefined;
  const nextCursor = last === undefined ? null : encodeCursor([last.createdAt, last.id]);
  return c.json({ data: page.map(headOf), nextCursor }, 200);
});

campaigns.openapi(read, async (c) =>
  c.json(await viewOf(c, await readable(c, c.req.valid("param").id)), 200),
);

campaigns.openapi(front, async (c) => {
  const { id } = await readable(c, c.req.valid("param").id);
  const searches = await shownSearches(c, id);
  const rows = mergedFront(searches, await frontsOf(c.env.DB, id));
  const data = rows.map(({ row, search, compared }) => ({
    searchId: search.id,
    place: search.place ?? {},
    dataset: search.specification.dataset.name,
    compared,
    ...frontRowView(row),
  }));
  return c.json({ data }, 200);
});

campaigns.openapi(cancel, async (c) => {
  const campaign = await existing(c, c.req.valid("param").id);
  await cancelSearches(c.env.DB, campaign.id);
  return c.json(await viewOf(c, campaign), 200);
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
  const principal = c.get("principal");
  const seesAll = principal !== null && holds(principal, "searches:read");
  return seesAll ? all : all.filter(({ visibility }) => visibility === "public");
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
