/** Triggers: webhooks that start a template, and the deliveries of each. A secret is shown once, when it is made. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { deliveryStates } from "../../schema/triggers.ts";
import {
  checkTrigger,
  type Trigger,
  templateErrors,
  triggerChanges,
  triggerFields,
} from "../../shared/trigger.ts";
import {
  body,
  cursorAfter,
  decodeCreated,
  failure,
  idParam,
  isoTime,
  json,
  lastPage,
  newApp,
  pageOf,
  pageQuery,
  unchanged,
} from "../app.ts";
import { requires } from "../auth.ts";
import { deliver, type Incoming } from "../delivery.ts";
import type { AppEnv } from "../env.ts";
import { assertMatches, ifMatch, isKnown, versionTag } from "../etag.ts";
import { newId } from "../ids.ts";
import { invalid, Problem } from "../problems.ts";
import { open, seal } from "../secrets.ts";
import { isSigned, newSecret } from "../signature.ts";
import { findTemplate, templateOf } from "../store/templates.ts";
import {
  changeTrigger,
  type Delivery,
  deleteTrigger,
  findTrigger,
  insertTrigger,
  listDeliveries,
  listTriggers,
  replaceSecret,
  type StoredTrigger,
  triggerOf,
} from "../store/triggers.ts";

const msPerSecond = 1000;
const tags = ["Triggers"];
const security = [{ token: ["searches:write"] }];
const middleware = requires("searches:write");
const managing = { tags, security, middleware };

const triggerSchema = z
  .object({ ...triggerFields.shape, id: z.string(), createdAt: z.string() })
  .openapi("Trigger");
const secretSchema = triggerSchema.extend({ secret: z.string() }).openapi("TriggerWithSecret");

const asked: z.input<typeof triggerFields> = {
  name: "pushes to main",
  template: "nightly",
  source: "github",
  events: ["push"],
  filters: { refs: ["refs/heads/main"], paths: ["models/**"] },
  mapping: { ref: "/ref" },
  limits: { maxRunning: 2, budget: { gpuHours: 20 } },
};
const example: z.infer<typeof triggerSchema> = {
  ...triggerFields.parse(asked),
  id: "x5v9tk2m7wd4qb6z",
  createdAt: "2026-03-02T09:00:00.000Z",
};
const secretExample = { ...example, secret: "5d1c8f02b9a74e6385c1d0e8f6a2b497" };

const view = (row: StoredTrigger): z.infer<typeof triggerSchema> => ({
  id: row.id,
  ...triggerOf(row),
  createdAt: isoTime(row.createdAt),
});

const deliverySchema = z
  .object({
    deliveryId: z.string(),
    event: z.string().nullable(),
    state: z.enum(deliveryStates),
    reason: z.string().nullable(),
    searchId: z.string().nullable(),
    campaignId: z.string().nullable(),
    createdAt: z.string(),
  })
  .openapi("TriggerDelivery");

const answerSchema = z
  .object({
    state: z.enum(deliveryStates),
    reason: z.string().optional(),
    searchId: z.string().optional(),
    campaignId: z.string().optional(),
  })
  .openapi("TriggerAnswer");

// Without Idempotency-Key, here and where it rotates: a remembered answer would keep the secret readable.
const create = createRoute({
  ...managing,
  method: "post",
  path: "/triggers",
  summary: "Create a trigger",
  request: { body: body(triggerFields, asked) },
  responses: {
    201: json(secretSchema, "The trigger, its secret shown this once", secretExample),
    default: failure,
  },
});

const list = createRoute({
  ...managing,
  method: "get",
  path: "/triggers",
  summary: "List triggers, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(triggerSchema), "Triggers", lastPage(example)), default: failure },
});

const read = createRoute({
  ...managing,
  method: "get",
  path: "/triggers/{id}",
  summary: "Read a trigger",
  request: { params: idParam },
  responses: { 200: json(triggerSchema, "The trigger", example), 304: unchanged, default: failure },
});

const change = createRoute({
  ...managing,
  method: "patch",
  path: "/triggers/{id}",
  summary: "Change, enable or disable a trigger",
  parameters: [ifMatch],
  request: { params: idParam, body: body(triggerChanges, { enabled: false }) },
  responses: { 200: json(triggerSchema, "The changed trigger", example), default: failure },
});

const remove = createRoute({
  ...managing,
  method: "delete",
  path: "/triggers/{id}",
  summary: "Delete a trigger with its deliveries; what it started stays",
  request: { params: idParam },
  responses: { 204: { description: "Deleted" }, default: failure },
});

const rotate = createRoute({
  ...managing,
  method: "post",
  path: "/triggers/{id}/rotate",
  summary: "Make a new secret; the old one is refused from then on",
  request: { params: idParam },
  responses: {
    200: json(secretSchema, "The trigger, its new secret shown this once", secretExample),
    default: failure,
  },
});

const deliveries = createRoute({
  ...managing,
  method: "get",
  path: "/triggers/{id}/deliveries",
  summary: "What was delivered within 90 days and what came of it, newest first",
  request: { params: idParam, query: pageQuery },
  responses: {
    200: json(
      pageOf(deliverySchema),
      "Deliveries",
      lastPage({
        deliveryId: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        event: "push",
        state: "started" as const,
        reason: null,
        searchId: "k3v7m2q9x4t8w6zb",
        campaignId: null,
        createdAt: "2026-03-02T09:30:00.000Z",
      }),
    ),
    default: failure,
  },
});

const receive = createRoute({
  method: "post",
  path: "/triggers/{id}",
  tags,
  security: [{ signature: [] }],
  summary: "Deliver a webhook, signed with the trigger's secret",
  request: {
    params: idParam,
    // Not parsed before its signature is checked.
    body: {
      required: true,
      content: { "application/json": { schema: {}, example: { ref: "refs/heads/main" } } },
    },
  },
  responses: {
    200: json(answerSchema, "Nothing to start, or delivered before: the answer of then", {
      state: "ignored",
      reason: "refs/heads/try matches none of refs",
    }),
    202: json(answerSchema, "Started", { state: "started", searchId: "k3v7m2q9x4t8w6zb" }),
    default: failure,
  },
});

export const triggers = newApp()
  .openapi(create, async (c) => {
    const trigger = await checked(c.env.DB, c.req.valid("json"));
    const secret = newSecret(trigger.source);
    const id = newId();
    const sealedSecret = await seal(c.env, secret);
    if (!(await insertTrigger(c.env.DB, trigger, { id, sealedSecret })))
      throw invalid([unknownTemplate(trigger.template)]);
    const created = await existing(c, id);
    return c.json({ ...view(created), secret }, 201, {
      location: `/v1/triggers/${id}`,
      etag: versionTag(created),
      "cache-control": "no-store",
    });
  })
  .openapi(list, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const before = decodeCreated(cursor);
    const page = await listTriggers(c.env.DB, { before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.id]);
    return c.json({ data: page.map(view), nextCursor }, 200);
  })
  .openapi(read, async (c) => {
    const trigger = await existing(c, c.req.valid("param").id);
    const etag = versionTag(trigger);
    c.header("etag", etag);
    c.header("cache-control", "private, no-cache");
    if (isKnown(etag, c.req.header("if-none-match"))) return c.body(null, 304);
    return c.json(view(trigger), 200);
  })
  .openapi(change, async (c) => {
    const trigger = await existing(c, c.req.valid("param").id);
    assertMatches(trigger.version, c.req.header("if-match"));
    const changed = await checked(c.env.DB, { ...triggerOf(trigger), ...c.req.valid("json") });
    if (!(await changeTrigger(c.env.DB, trigger, changed))) throw new Problem("precondition-failed");
    const now = await existing(c, trigger.id);
    return c.json(view(now), 200, { etag: versionTag(now) });
  })
  .openapi(remove, async (c) => {
    const { id } = await existing(c, c.req.valid("param").id);
    await deleteTrigger(c.env.DB, id);
    return c.body(null, 204);
  })
  .openapi(rotate, async (c) => {
    const trigger = await existing(c, c.req.valid("param").id);
    const secret = newSecret(trigger.source);
    await replaceSecret(c.env.DB, trigger.id, await seal(c.env, secret));
    return c.json({ ...view(trigger), secret }, 200, { "cache-control": "no-store" });
  })
  .openapi(deliveries, async (c) => {
    const { cursor, limit } = c.req.valid("query");
    const { id } = await existing(c, c.req.valid("param").id);
    const before = decodeCreated(cursor);
    const page = await listDeliveries(c.env.DB, id, { before, limit });
    const nextCursor = cursorAfter(page, limit, (row) => [row.createdAt, row.deliveryId]);
    return c.json({ data: page.map(deliveryView), nextCursor }, 200);
  })
  .openapi(receive, async (c) => {
    const trigger = await findTrigger(c.env.DB, c.req.valid("param").id);
    if (trigger === null) throw new Problem("signature-invalid");
    const { headers } = c.req.raw;
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    const secret = await open(c.env, trigger.sealedSecret);
    if (!(await isSigned[trigger.source](secret, headers, bytes, Date.now() / msPerSecond)))
      throw new Problem("signature-invalid");
    const outcome = await deliver(c.env.DB, trigger, incoming(headers, trigger.source, bytes));
    if (outcome === null) throw new Problem("signature-invalid");
    const { delivery, isRepeated, errors } = outcome;
    const reason = delivery.reason ?? "";
    if (!isRepeated && delivery.state === "refused") throw new Problem("trigger-refused", reason);
    if (!isRepeated && delivery.state === "invalid") throw new Problem("validation", reason, errors);
    return c.json(answerOf(delivery), !isRepeated && delivery.state === "started" ? 202 : 200);
  });

/** With a template that it can start. */
async function checked(db: D1Database, input: unknown): Promise<Trigger> {
  const { trigger, errors } = checkTrigger(input);
  if (errors !== undefined) throw invalid(errors);
  const template = await findTemplate(db, trigger.template);
  if (template === null) throw invalid([unknownTemplate(trigger.template)]);
  const unfit = templateErrors(trigger, templateOf(template));
  if (unfit.length > 0) throw invalid(unfit);
  return trigger;
}

const unknownTemplate = (name: string) => ({
  pointer: "/template",
  detail: `there is no template "${name}"; create it first`,
});

async function existing(c: Context<AppEnv>, id: string): Promise<StoredTrigger> {
  const trigger = await findTrigger(c.env.DB, id);
  if (trigger === null) throw new Problem("not-found", `There is no trigger "${id}".`);
  return trigger;
}

const deliveryView = ({
  triggerId: _,
  gpuHours: __,
  createdAt,
  ...delivery
}: Delivery): z.infer<typeof deliverySchema> => ({ ...delivery, createdAt: isoTime(createdAt) });

/** Where the senders of a source say what they deliver. */
const headerNames: Record<Trigger["source"], { id: string; event?: string }> = {
  github: { id: "x-github-delivery", event: "x-github-event" },
  signed: { id: "webhook-id" },
};
const mostHeaderCharacters = 200;

function incoming(headers: Headers, source: Trigger["source"], bytes: Uint8Array): Incoming {
  const names = headerNames[source];
  const id = headers.get(names.id);
  if (!id || id.length > mostHeaderCharacters)
    throw new Problem("validation", `The header ${names.id} has 1 to ${mostHeaderCharacters} characters.`);
  const event = names.event === undefined ? null : headers.get(names.event);
  return { id, event: event?.slice(0, mostHeaderCharacters) ?? null, body: bytes };
}

const answerOf = ({ state, reason, searchId, campaignId }: Delivery): z.infer<typeof answerSchema> => ({
  state,
  ...(reason === null ? {} : { reason }),
  ...(searchId === null ? {} : { searchId }),
  ...(campaignId === null ? {} : { campaignId }),
});
