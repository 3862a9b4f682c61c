/** Searches: create, list, read, change, delete; pause, resume, cancel. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type SearchState, searchStates } from "../../schema/searches.ts";
import {
  type Specification,
  type SpecificationInput,
  scheduleLength,
  specificationSchema,
} from "../../shared/specification.ts";
import { evaluationErrors } from "../../shared/tabular.ts";
import { existingSearch, readableSearch } from "../access.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  describedBody,
  failure,
  idParam,
  isoTime,
  isoTimeOrNull,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  unchanged,
} from "../app.ts";
import { requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { assertMatches, ifMatch, isKnown } from "../etag.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import type { DeviceChecks } from "../measuring/devices.ts";
import { invalid, Problem } from "../problems.ts";
import { removeSearch } from "../retention.ts";
import { pushedName, type Ready, readied, type Start, searchStart, store } from "../start.ts";
import { datasetOf } from "../store/datasets.ts";
import { changeSearch, listSearches, moveSearch, type Search } from "../store/searches.ts";

const tags = ["Searches"];
const reading = [{ token: ["searches:read"] }];
const writing = { tags, security: [{ token: ["searches:write"] }] };
const mayRead = requires("searches:read");
const mayWrite = requires("searches:write");

const asked: SpecificationInput = {
  name: "small cells",
  dataset: { name: "cifar10" },
  space: "darts",
  evaluation: { kind: "supernet", network: { channels: 16, layers: 8 } },
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "parameters", goal: "minimize", target: 250_000, limit: 500_000 },
  ],
  schedule: { preset: "demo-10" },
  budget: { gpuHours: 2 },
};
export const specificationBody = describedBody(specificationSchema, asked);

export const searchSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(searchStates),
    visibility: z.enum(["private", "public"]),
    failure: z.string().nullable(),
    progress: z.object({
      round: z.int(),
      rounds: z.int(),
      stage: z.int(),
      phase: z.enum(["warmup", "search", "confirm"]),
      evaluations: z.int(),
      frontSize: z.int(),
      bestAccuracy: z
        .number()
        .nullable()
        .describe("of the front: by shared weights, a table or, once there are any, short trainings"),
      bestTrainedAccuracy: z
        .number()
        .nullable()
        .describe("the best that a short or final training reached on images held out from it"),
      hypervolume: z.number().nullable(),
      idleShare: z.number().nullable().describe("of the runners' time, what passed between two rounds"),
    }),
    campaignId: z.string().nullable(),
    triggerId: z.string().nullable().describe("the trigger that started it"),
    specification: specificationSchema
      .openapi("Specification")
      .describe("as it was sent: it can be sent again"),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    finishedAt: z.string().nullable(),
  })
  .openapi("Search");

export const searchExample: z.infer<typeof searchSchema> = {
  id: "k3v7m2q9x4t8w6zb",
  name: asked.name,
  state: "running",
  visibility: "private",
  failure: null,
  progress: {
    round: 12,
    rounds: 54,
    stage: 0,
    phase: "search",
    evaluations: 64,
    frontSize: 2,
    bestAccuracy: 61.4,
    bestTrainedAccuracy: null,
    hypervolume: 0.503,
    idleShare: 0.02,
  },
  campaignId: null,
  triggerId: null,
  specification: specificationSchema.parse(asked),
  createdAt: "2026-03-02T09:30:00.000Z",
  startedAt: "2026-03-02T09:30:04.512Z",
  finishedAt: null,
};

export function searchView(search: Search): z.infer<typeof searchSchema> {
  const {
    id,
    name,
    state,
    visibility,
    failure: reason,
    campaignId,
    triggerId,
    specification,
    round,
    summary,
  } = search;
  const { seconds, ...shown } = summary;
  const isByTraining = specification.evaluation.kind === "training";
  const bestTrainedAccuracy = summary.bestTrainedAccuracy ?? (isByTraining ? summary.bestAccuracy : null);
  const total = seconds.busy + seconds.idle;
  const idleShare = total > 0 ? seconds.idle / total : null;
  return {
    id,
    name,
    state,
    visibility,
    failure: reason,
    progress: {
      round,
      // More may have been promoted in a search by training than were counted on.
      rounds: Math.max(round, scheduleLength(specification).rounds),
      ...shown,
      bestTrainedAccuracy,
      idleShare,
    },
    campaignId,
    triggerId,
    // As it was sent: it can be sent again.
    specification: { ...specification, dataset: { name: specification.dataset.name } },
    createdAt: isoTime(search.createdAt),
    startedAt: isoTimeOrNull(search.startedAt),
    finishedAt: isoTimeOrNull(search.finishedAt),
  };
}

/** The version is what If-Match protects; the round makes the tag change with every round, for If-None-Match. */
export const etagOf = ({ version, round }: Pick<Search, "version" | "round">): string =>
  `"${version}.${round}"`;

const jsonType = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/** The body of a route whose schema is not zod's, which would see to its type. */
export async function readJson(c: Context<AppEnv>): Promise<unknown> {
  if (!jsonType.test(c.req.header("content-type") ?? "")) throw new Problem("unsupported-media-type");
  try {
    return await c.req.json();
  } catch {
    throw new Problem("malformed-json");
  }
}

export async function readSpecification(c: Context<AppEnv>, checks?: DeviceChecks): Promise<Ready> {
  const ready = await readied(c.env.DB, await readJson(c), checks);
  if ("errors" in ready) throw invalid(ready.errors);
  return ready;
}

const create = createRoute({
  ...writing,
  method: "post",
  path: "/searches",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Start a search",
  request: { body: specificationBody },
  responses: {
    201: json(searchSchema, "The search; its address in Location", searchExample),
    default: failure,
  },
});

const list = createRoute({
  method: "get",
  path: "/searches",
  tags,
  security: reading,
  middleware: mayRead,
  summary: "List searches, newest first",
  request: { query: pageQuery.extend({ state: z.enum(searchStates).optional() }) },
  responses: { 200: json(pageOf(searchSchema), "Searches", lastPage(searchExample)), default: failure },
});

const read = createRoute({
  method: "get",
  path: "/searches/{id}",
  tags,
  security: [...reading, {}],
  summary: "Read a search",
  request: { params: idParam },
  responses: { 200: json(searchSchema, "The search", searchExample), 304: unchanged, default: failure },
});

const change = createRoute({
  ...writing,
  method: "patch",
  path: "/searches/{id}",
  middleware: mayWrite,
  summary: "Change name, visibility or budget",
  parameters: [ifMatch],
  request: {
    params: idParam,
    body: body(
      z.strictObject({
        name: specificationSchema.shape.name.optional(),
        visibility: z.enum(["private", "public"]).optional(),
        // Without the default, which would take the place of a budget that is not changed.
        budget: specificationSchema.shape.budget.unwrap().optional(),
      }),
      { visibility: "public", budget: { gpuHours: 4 } },
    ),
  },
  responses: { 200: json(searchSchema, "The changed search", searchExample), default: failure },
});

const remove = createRoute({
  ...writing,
  method: "delete",
  path: "/searches/{id}",
  middleware: mayWrite,
  summary: "Delete a search with everything of it",
  request: { params: idParam },
  responses: { 204: { description: "Deleted" }, default: failure },
});

const steering = {
  ...writing,
  method: "post" as const,
  middleware: mayWrite,
  request: { params: idParam },
  responses: { 200: json(searchSchema, "The search", searchExample), default: failure },
};
const pause = createRoute({
  ...steering,
  path: "/searches/{id}/pause",
  summary: "Stop after the running round",
});
const resume = createRoute({
  ...steering,
  path: "/searches/{id}/resume",
  summary: "Go on with a paused search",
});
const cancel = createRoute({
  ...steering,
  path: "/searches/{id}/cancel",
  summary: "End a search and keep its results",
});

/** Data that a search waits for cannot be deleted: it is missing where the search was imported without it. */
function assertData({ state, specification, datasetId }: Search): void {
  const needed = datasetId === null ? pushedName(specification) : undefined;
  if (state === "paused" && needed !== undefined)
    throw new Problem(
      "dataset-gone",
      `The data "${needed}" of this search was not here when it was imported. Push it, then import the archive again.`,
    );
}

/** From which states a search can be moved, and to which. */
const moves: Record<"pause" | "resume" | "cancel", { from: SearchState[]; to: SearchState; event: string }> =
  {
    pause: { from: ["queued", "running"], to: "paused", event: "search.paused" },
    resume: { from: ["paused"], to: "running", event: "search.resumed" },
    cancel: { from: ["queued", "running", "paused"], to: "cancelled", event: "search.cancelled" },
  };

export const searches = newApp()
  .openapi(create, async (c) => {
    const start = await searchStart(c.env.DB, await readJson(c));
    if ("errors" in start) throw invalid(start.errors);
    await store(c.env.DB, start);
    const { body, headers } = await createdSearch(c, start);
    return c.json(body, 201, headers);
  })
  .openapi(list, async (c) => {
    const { cursor, limit, state } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listSearches(c.env.DB, { state, before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.id]);
    return c.json({ data: page.map(searchView), nextCursor }, 200);
  })
  .openapi(read, async (c) => {
    const search = await readableSearch(c, c.req.valid("param").id);
    const etag = etagOf(search);
    c.header("etag", etag);
    if (isKnown(etag, c.req.header("if-none-match"))) return c.body(null, 304);
    return c.json(searchView(search), 200);
  })
  .openapi(change, async (c) => {
    const { id } = c.req.valid("param");
    const { name, visibility, budget } = c.req.valid("json");
    const search = await existingSearch(c, id);
    assertMatches(search.version, c.req.header("if-match"));
    if (budget !== undefined) await assertBudget(c.env.DB, search, budget);
    const specification = {
      ...search.specification,
      name: name ?? search.name,
      visibility: visibility ?? search.visibility,
      budget: budget ?? search.specification.budget,
    };
    const changed = await changeSearch(c.env.DB, search, {
      name: specification.name,
      visibility: specification.visibility,
      specification,
      // Shares of another budget are told anew.
      ...(budget === undefined ? {} : { gpuHoursTold: 0, wallClockHoursTold: 0, usdTold: 0 }),
    });
    if (!changed) throw new Problem("precondition-failed");
    const now = await existingSearch(c, id);
    return c.json(searchView(now), 200, { etag: etagOf(now) });
  })
  .openapi(remove, async (c) => {
    const { id } = await existingSearch(c, c.req.valid("param").id);
    await removeSearch(c.env, id);
    return c.body(null, 204);
  })
  .openapi(pause, (c) => moved(c, "pause"))
  .openapi(resume, (c) => moved(c, "resume"))
  .openapi(cancel, (c) => moved(c, "cancel"));

async function moved(c: Context<AppEnv>, verb: keyof typeof moves) {
  const { from, to, event } = moves[verb];
  const search = await existingSearch(c, c.req.param("id") ?? "");
  if (verb === "resume") assertData(search);
  const isThere =
    search.state === to ||
    (await moveSearch(c.env.DB, search.id, { from, to, event: { type: event, data: {} } }));
  if (!isThere)
    throw new Problem("invalid-state", `A search that is ${search.state} cannot be told to ${verb}.`);
  return c.json(searchView(await existingSearch(c, search.id)), 200);
}

/** How the search of a start is answered. */
export async function createdSearch(c: Context<AppEnv>, { searches: [search] }: Start) {
  const created = await existingSearch(c, search?.id ?? "");
  const headers = { location: `/v1/searches/${created.id}`, etag: etagOf(created) };
  return { body: searchView(created), headers };
}

/** A search on a table ends by the number of its evaluations. */
async function assertBudget(
  db: D1Database,
  { specification, datasetId }: Search,
  budget: Specification["budget"],
): Promise<void> {
  if (specification.evaluation.kind !== "tabular") return;
  const table = datasetId === null ? null : await datasetOf(db, datasetId);
  const rows = table?.header.kind === "table" ? table.header.rows : undefined;
  const errors = evaluationErrors(budget, rows);
  if (errors.length > 0) throw invalid(errors);
}
