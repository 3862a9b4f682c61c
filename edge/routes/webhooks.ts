/** Webhooks: endpoints that are told of events, what they were told, and telling them again. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { webhookDeliveryStates, webhookFormats } from "../../schema/webhooks.ts";
import { isWebhookFilter, testEvent, webhookEventGroups, webhookEvents } from "../../shared/webhookEvents.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  isoTime,
  isoTimeOrNull,
  json,
  label,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
} from "../app.ts";
import { requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { assertMatches, ifMatch, versionTag } from "../etag.ts";
import { idempotencyKey, idempotent } from "../idempotency.ts";
import { newId } from "../ids.ts";
import { invalid, Problem } from "../problems.ts";
import { seal } from "../secrets.ts";
import { newSecret } from "../signature.ts";
import { findCampaign } from "../store/campaigns.ts";
import { findSearch } from "../store/searches.ts";
import {
  changeWebhook,
  type Delivery,
  deleteWebhook,
  findWebhook,
  insertDelivery,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  replayDelivery,
  type Webhook,
} from "../store/webhooks.ts";
import { deliverAfterwards } from "../webhooks/afterwards.ts";
import { realPlatform } from "../webhooks/deliver.ts";
import { hostsIn, targetFault } from "../webhooks/target.ts";

/** How long the secret before signs beside the new one. */
const overlapMs = 24 * 3_600_000;
const most = 100;

const common = {
  tags: ["Webhooks"],
  security: [{ token: ["searches:write"] }],
};
const mayWrite = requires("searches:write");
const unknownEvent = `not a type of event; there are ${webhookEvents.join(", ")}, and ${webhookEventGroups.join(", ")}`;

const inputSchema = z.strictObject({
  url: z.string().min(1).describe("https, of a public address"),
  description: label.or(z.literal("")).default(""),
  events: z
    .array(z.string().refine(isWebhookFilter, unknownEvent))
    .max(50)
    .default([])
    .describe("types, or groups such as `search.*`; all where there are none"),
  searchId: z.string().nullable().default(null).describe("only events of this search"),
  campaignId: z.string().nullable().default(null).describe("only events of searches of this campaign"),
  format: z.enum(webhookFormats).default("standard"),
  enabled: z.boolean().default(true),
});
const changeSchema = z.strictObject({
  url: inputSchema.shape.url.optional(),
  description: inputSchema.shape.description.unwrap().optional(),
  events: inputSchema.shape.events.unwrap().optional(),
  searchId: inputSchema.shape.searchId.unwrap().optional(),
  campaignId: inputSchema.shape.campaignId.unwrap().optional(),
  format: inputSchema.shape.format.unwrap().optional(),
  enabled: inputSchema.shape.enabled.unwrap().optional(),
});

const webhookSchema = z
  .object({
    id: z.string(),
    url: z.string(),
    description: z.string(),
    events: z.array(z.string()),
    searchId: z.string().nullable(),
    campaignId: z.string().nullable(),
    format: z.enum(webhookFormats),
    enabled: z.boolean(),
    disabledReason: z.string().nullable().describe("why it was disabled other than by request"),
    previousSecretUntil: z.string().nullable().describe("until then the secret before signs too"),
    createdAt: z.string(),
  })
  .openapi("Webhook");
const withSecret = webhookSchema.extend({ secret: z.string().describe("whsec_..., shown this once") });

const example: z.infer<typeof webhookSchema> = {
  id: "t4q8wm2x6kd9vb3z",
  url: "https://hooks.example.org/nasturtium",
  description: "",
  events: ["search.*"],
  searchId: null,
  campaignId: null,
  format: "standard",
  enabled: true,
  disabledReason: null,
  previousSecretUntil: null,
  createdAt: "2026-03-02T09:00:00.000Z",
};
const secretExample = { ...example, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };

const deliverySchema = z
  .object({
    id: z.string().describe("what goes out as webhook-id"),
    type: z.string(),
    searchId: z.string().nullable(),
    state: z.enum(webhookDeliveryStates),
    attempts: z
      .array(
        z.object({
          at: z.string(),
          status: z.int().nullable(),
          durationMs: z.number(),
          error: z.string().nullable(),
          excerpt: z
            .string()
            .optional()
            .describe("the first 200 characters of an answer that was no success"),
        }),
      )
      .describe("the last 20"),
    nextAttemptAt: z.string().nullable(),
    createdAt: z.string(),
  })
  .openapi("WebhookDelivery");

const deliveryExample: z.infer<typeof deliverySchema> = {
  id: "b7x3tw9m5kq2vd8z",
  type: "search.completed",
  searchId: "k3v7m2q9x4t8w6zb",
  state: "delivered",
  attempts: [{ at: "2026-03-02T10:13:00.104Z", status: 204, durationMs: 83, error: null }],
  nextAttemptAt: null,
  createdAt: "2026-03-02T10:12:56.000Z",
};

function view(webhook: Webhook): z.infer<typeof webhookSchema> {
  const { id, url, description, events, searchId, campaignId, format, enabled, disabledReason } = webhook;
  const isOverlapping = (webhook.previousUntil ?? 0) > Date.now();
  return {
    ...{ id, url, description, events, searchId, campaignId, format, enabled, disabledReason },
    previousSecretUntil: isOverlapping ? isoTimeOrNull(webhook.previousUntil) : null,
    createdAt: isoTime(webhook.createdAt),
  };
}

const deliveryView = ({
  attempts,
  nextAttemptAt,
  createdAt,
  id,
  type,
  searchId,
  state,
}: Delivery): z.infer<typeof deliverySchema> => ({
  ...{ id, type, searchId, state },
  attempts: attempts.map((attempt) => ({ ...attempt, at: isoTime(attempt.at) })),
  nextAttemptAt: isoTimeOrNull(nextAttemptAt),
  createdAt: isoTime(createdAt),
});

const keyOf = ({ createdAt, id }: Pick<Webhook, "createdAt" | "id">) => [createdAt, id];

/** An answer with a secret is for nobody else. */
const unstored = { "cache-control": "no-store" };

const create = createRoute({
  ...common,
  method: "post",
  path: "/webhooks",
  // Without an Idempotency-Key's stored answer: it would hold the secret.
  middleware: mayWrite,
  summary: "Have an endpoint told of events",
  request: { body: body(inputSchema, { url: example.url, events: ["search.*"] }) },
  responses: {
    201: json(withSecret, "The webhook with its secret; its address in Location", secretExample),
    default: failure,
  },
});

const list = createRoute({
  ...common,
  method: "get",
  path: "/webhooks",
  middleware: mayWrite,
  summary: "List webhooks, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(webhookSchema), "Webhooks", lastPage(example)), default: failure },
});

const read = createRoute({
  ...common,
  method: "get",
  path: "/webhooks/{id}",
  middleware: mayWrite,
  summary: "Read a webhook",
  request: { params: idParam },
  responses: { 200: json(webhookSchema, "The webhook", example), default: failure },
});

const change = createRoute({
  ...common,
  method: "patch",
  path: "/webhooks/{id}",
  middleware: mayWrite,
  summary: "Change a webhook. Disabling it ends what was still to be sent",
  parameters: [ifMatch],
  request: { params: idParam, body: body(changeSchema, { events: ["search.*", "training.completed"] }) },
  responses: { 200: json(webhookSchema, "The changed webhook", example), default: failure },
});

const remove = createRoute({
  ...common,
  method: "delete",
  path: "/webhooks/{id}",
  middleware: mayWrite,
  summary: "Delete a webhook with its deliveries",
  request: { params: idParam },
  responses: { 204: { description: "Deleted" }, default: failure },
});

const rotate = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/rotate",
  middleware: mayWrite,
  summary: "Make a new secret; the old one signs beside it for 24 hours",
  request: { params: idParam },
  responses: { 200: json(withSecret, "The webhook with its new secret", secretExample), default: failure },
});

const sendTest = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/test",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: `Send a ${testEvent} event, whatever the filter`,
  request: { params: idParam },
  responses: { 202: json(deliverySchema, "The delivery", deliveryExample), default: failure },
});

const deliveries = createRoute({
  ...common,
  method: "get",
  path: "/webhooks/{id}/deliveries",
  middleware: mayWrite,
  summary: "List what a webhook was told in the last 30 days, newest first",
  request: { params: idParam, query: pageQuery.extend({ state: z.enum(webhookDeliveryStates).optional() }) },
  responses: { 200: json(pageOf(deliverySchema), "Deliveries", lastPage(deliveryExample)), default: failure },
});

const replay = createRoute({
  ...common,
  method: "post",
  path: "/webhooks/{id}/deliveries/{delivery}/replay",
  middleware: [mayWrite, idempotent] as const,
  parameters: [idempotencyKey],
  summary: "Send a delivery again, under the same webhook-id",
  request: {
    params: idParam.extend({
      delivery: z.string().openapi({ param: { name: "delivery", in: "path" } }),
    }),
  },
  responses: { 202: json(deliverySchema, "The delivery", deliveryExample), default: failure },
});

export const webhooks = newApp()
  .openapi(create, async (c) => {
    const input = c.req.valid("json");
    await assertPossible(c, input);
    if ((await listWebhooks(c.env.DB, { before: null, limit: most })).length === most)
      throw new Problem("validation", `A deployment has at most ${most} webhooks.`);
    const id = newId();
    const secret = newSecret("signed");
    const webhook: Webhook = {
      ...input,
      id,
      disabledReason: null,
      sealedSecret: await seal(c.env, secret),
      previousSealedSecret: null,
      previousUntil: null,
      origin: originOf(c),
      version: 1,
      createdAt: Date.now(),
    };
    await insertWebhook(c.env.DB, webhook);
    const headers = { ...unstored, location: `/v1/webhooks/${id}`, etag: versionTag(webhook) };
    return c.json({ ...view(webhook), secret }, 201, headers);
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listWebhooks(c.env.DB, { before, limit });
    return c.json({ data: page.map(view), nextCursor: cursorAfter(page, limit, keyOf) }, 200);
  })
  .openapi(read, async (c) => {
    const webhook = await existing(c, c.req.valid("param").id);
    return c.json(view(webhook), 200, { etag: versionTag(webhook) });
  })
  .openapi(change, async (c) => {
    const webhook = await existing(c, c.req.valid("param").id);
    assertMatches(webhook.version, c.req.header("if-match"));
    const wanted = c.req.valid("json");
    await assertPossible(c, wanted);
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    const changed = await applied(c, webhook, {
      ...given,
      ...(wanted.enabled === undefined ? {} : { disabledReason: null }),
      origin: originOf(c),
    });
    return c.json(view(changed), 200, { etag: versionTag(changed) });
  })
  .openapi(remove, async (c) => {
    const { id } = c.req.valid("param");
    if (!(await deleteWebhook(c.env.DB, id))) throw new Problem("not-found", `There is no webhook "${id}".`);
    return c.body(null, 204);
  })
  .openapi(rotate, async (c) => {
    const webhook = await existing(c, c.req.valid("param").id);
    const secret = newSecret("signed");
    const changed = await applied(c, webhook, {
      sealedSecret: await seal(c.env, secret),
      previousSealedSecret: webhook.sealedSecret,
      previousUntil: Date.now() + overlapMs,
      origin: originOf(c),
    });
    return c.json({ ...view(changed), secret }, 200, { ...unstored, etag: versionTag(changed) });
  })
  .openapi(sendTest, async (c) => {
    const { id: webhookId, description } = await existing(c, c.req.valid("param").id, { enabled: true });
    const told = { webhookId, type: testEvent, data: { webhookId, description }, createdAt: Date.now() };
    const delivery = await insertDelivery(c.env.DB, told);
    await deliverAfterwards(c);
    return c.json(deliveryView(delivery), 202);
  })
  .openapi(deliveries, async (c) => {
    const { id } = await existing(c, c.req.valid("param").id);
    const { cursor, limit, state } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listDeliveries(c.env.DB, id, { state, before, limit });
    return c.json({ data: page.map(deliveryView), nextCursor: cursorAfter(page, limit, keyOf) }, 200);
  })
  .openapi(replay, async (c) => {
    const { id, delivery: deliveryId } = c.req.valid("param");
    await existing(c, id, { enabled: true });
    const delivery = await replayDelivery(c.env.DB, { webhookId: id, id: deliveryId }, Date.now());
    if (delivery === null) throw new Problem("not-found", `There is no delivery "${deliveryId}".`);
    await deliverAfterwards(c);
    return c.json(deliveryView(delivery), 202);
  });

async function existing(
  { env: { DB: db } }: Context<AppEnv>,
  id: string,
  wanted: { enabled?: true } = {},
): Promise<Webhook> {
  const webhook = await findWebhook(db, id);
  if (webhook === null) throw new Problem("not-found", `There is no webhook "${id}".`);
  if (wanted.enabled && !webhook.enabled) throw new Problem("webhook-disabled");
  return webhook;
}

/** What is named must be there, and the address must be one that may be called. */
async function assertPossible(
  { env }: Context<AppEnv>,
  { url, searchId, campaignId }: z.infer<typeof changeSchema>,
): Promise<void> {
  const hosts = hostsIn(env.NASTURTIUM_WEBHOOK_HOSTS);
  const fault = url === undefined ? null : await targetFault(url, hosts, realPlatform().resolve);
  if (fault !== null) throw invalid([{ pointer: "/url", detail: fault }]);
  if (searchId != null && (await findSearch(env.DB, searchId)) === null)
    throw invalid([{ pointer: "/searchId", detail: "there is no such search" }]);
  if (campaignId != null && (await findCampaign(env.DB, campaignId)) === null)
    throw invalid([{ pointer: "/campaignId", detail: "there is no such campaign" }]);
}

/** The webhook after a change. @throws Problem `precondition-failed` when another change came between */
async function applied(
  c: Context<AppEnv>,
  webhook: Webhook,
  fields: Parameters<typeof changeWebhook>[2],
): Promise<Webhook> {
  if (!(await changeWebhook(c.env.DB, webhook, fields))) throw new Problem("precondition-failed");
  return existing(c, webhook.id);
}

/** Where links in messages lead: a sweep is not asked at an address. */
const originOf = (c: Context<AppEnv>): string => new URL(c.req.url).origin;
