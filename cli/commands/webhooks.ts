/** `nasturtium webhooks`: endpoints that the edge tells of events, and what they were told. */

import { z } from "zod";
import { webhookEventGroups, webhookEvents } from "../../shared/webhookEvents.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, oneOf, repeated } from "../command.ts";
import { textTable } from "../table.ts";

const FORMATS = ["standard", "slack", "discord"];
const STATES = ["pending", "sending", "delivered", "failed"];
const EVENTS = [...webhookEvents, ...webhookEventGroups];

const webhookSchema = z.looseObject({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  format: z.string(),
  enabled: z.boolean(),
  disabledReason: z.string().nullable(),
});
const withSecretSchema = webhookSchema.extend({ secret: z.string() });
export const webhookDeliverySchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  state: z.string(),
  attempts: z.array(
    z.looseObject({ status: z.number().nullable(), durationMs: z.number(), error: z.string().nullable() }),
  ),
  nextAttemptAt: z.string().nullable(),
  createdAt: z.string(),
});
type Delivery = z.infer<typeof webhookDeliverySchema>;

const webhookPath = (id: string, rest = ""): string => `/v1/webhooks/${encodeURIComponent(id)}${rest}`;

const deliveryPost = (client: EdgeClient, id: string, rest: string): Promise<Delivery> =>
  client.json(webhookPath(id, rest), webhookDeliverySchema, { method: "POST" });

const keepIt = "Keep it where the receiver checks signatures; it is not shown again.";

export const webhooks: CommandRow[] = [
  {
    name: "webhooks create",
    args: "<url>",
    description: "have an endpoint told of events, and print the secret that signs them, once",
    options: [
      {
        flags: "--event <type>",
        description: `what to tell of; may be repeated, all without it: ${EVENTS.join(", ")}`,
        parse: (text, previous) => repeated(oneOf("--event", EVENTS)(text), previous),
      },
      { flags: "--search <id>", description: "only events of this search" },
      { flags: "--campaign <id>", description: "only events of searches of this campaign" },
      {
        flags: "--format <format>",
        description: FORMATS.join(", "),
        default: "standard",
        parse: oneOf("--format", FORMATS),
      },
      { flags: "--description <text>", description: "what it is for", default: "" },
    ],
    async run(ctx, [url = ""], options) {
      const { event = [], search = null, campaign = null, format, description } = options;
      const created = await ctx.client().json("/v1/webhooks", withSecretSchema, {
        method: "POST",
        body: { url, description, events: event, searchId: search, campaignId: campaign, format },
      });
      ctx.print(created, [`Webhook    ${created.id}`, `Secret     ${created.secret}`, "", keepIt].join("\n"));
    },
  },
  {
    name: "webhooks list",
    description: "list endpoints, without their secrets",
    async run(ctx) {
      const rows = await ctx.client().all("/v1/webhooks", webhookSchema);
      ctx.print(
        { data: rows },
        textTable(
          rows.map(({ id, url, format, events, enabled, disabledReason }) => ({
            id,
            url,
            format,
            events: events.join(" ") || "all",
            state: enabled ? "enabled" : (disabledReason ?? "disabled"),
          })),
          { id: "ID", url: "URL", format: "FORMAT", events: "EVENTS", state: "STATE" },
        ),
      );
    },
  },
  {
    name: "webhooks delete",
    args: "<id>",
    description: "tell an endpoint nothing any more, and forget what it was told",
    async run(ctx, [id = ""]) {
      await ctx.client().send(webhookPath(id), { method: "DELETE" });
      ctx.print({ id, deleted: true }, `Webhook ${id} is deleted.`);
    },
  },
  {
    name: "webhooks deliveries",
    args: "<id>",
    description: "list what an endpoint was told in the last 30 days, newest first",
    options: [{ flags: "--state <state>", description: STATES.join(", "), parse: oneOf("--state", STATES) }],
    async run(ctx, [id = ""], { state }) {
      const query = state === undefined ? "" : `?state=${state as string}`;
      const rows = await ctx.client().all(webhookPath(id, `/deliveries${query}`), webhookDeliverySchema);
      ctx.print({ data: rows }, deliveriesText(rows));
    },
  },
  {
    name: "webhooks replay",
    args: "<id> <delivery>",
    description: "send a delivery again",
    async run(ctx, [id = "", delivery = ""]) {
      const path = `/deliveries/${encodeURIComponent(delivery)}/replay`;
      const replayed = await deliveryPost(ctx.client(), id, path);
      ctx.print(replayed, `Delivery ${replayed.id} is sent again.`);
    },
  },
  {
    name: "webhooks rotate",
    args: "<id>",
    description: "make a new secret and print it, once; the old one signs beside it for 24 hours",
    async run(ctx, [id = ""]) {
      const rotated = await ctx.client().json(webhookPath(id, "/rotate"), withSecretSchema, {
        method: "POST",
      });
      ctx.print(rotated, [`Secret     ${rotated.secret}`, "", keepIt].join("\n"));
    },
  },
  {
    name: "webhooks test",
    args: "<id>",
    description: "send a webhook.test event",
    async run(ctx, [id = ""]) {
      const sent = await deliveryPost(ctx.client(), id, "/test");
      ctx.print(sent, `${sent.id} is on its way. How it went: nasturtium webhooks deliveries ${id}`);
    },
  },
];

function deliveriesText(rows: readonly Delivery[]): string {
  return textTable(
    rows.map(({ id, type, state, attempts, nextAttemptAt, createdAt }) => {
      const last = attempts.at(-1);
      return {
        id,
        type,
        state,
        attempts: attempts.length,
        last: last === undefined ? null : (last.error ?? String(last.status)),
        nextAttemptAt,
        createdAt,
      };
    }),
    {
      id: "ID",
      type: "TYPE",
      state: "STATE",
      attempts: "ATTEMPTS",
      last: "LAST ANSWER",
      nextAttemptAt: "NEXT ATTEMPT",
      createdAt: "CREATED",
    },
  );
}
