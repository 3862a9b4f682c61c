/** `nasturtium webhooks`: endpoints that the edge tells of events, and what they were told. */

import type { InferResponseType } from "hono/client";
import { webhookEventGroups, webhookEvents } from "../../shared/webhookEvents.ts";
import type { EdgeClient } from "../client.ts";
import { type CommandRow, oneOf, repeated } from "../command.ts";
import { textTable } from "../table.ts";

const FORMATS = ["standard", "slack", "discord"];
const STATES = ["pending", "sending", "delivered", "failed"];
const EVENTS = [...webhookEvents, ...webhookEventGroups];

type OfWebhook = EdgeClient["v1"]["webhooks"][":id"];
type Deliveries = OfWebhook["deliveries"];
type Delivery = InferResponseType<Deliveries["$get"]>["data"][number];
type Created = Parameters<EdgeClient["v1"]["webhooks"]["$post"]>[0]["json"];

export const listDeliveries = (
  client: EdgeClient,
  id: string,
  asked: Pick<Parameters<Deliveries["$get"]>[0]["query"], "state"> = {},
): Promise<Delivery[]> =>
  client.all(
    (query) => client.v1.webhooks[":id"].deliveries.$get({ param: { id }, query: { ...query, ...asked } }),
    ["id", "type", "state", "attempts", "createdAt"],
  );

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
      const json = {
        url,
        description,
        events: event,
        searchId: search,
        campaignId: campaign,
        format,
      } as Created;
      const client = ctx.client();
      const created = await client.json(client.v1.webhooks.$post({ json }), ["id", "secret"]);
      ctx.print(created, [`Webhook    ${created.id}`, `Secret     ${created.secret}`, "", keepIt].join("\n"));
    },
  },
  {
    name: "webhooks list",
    description: "list endpoints, without their secrets",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.webhooks.$get({ query }),
        ["id", "url", "format", "events", "enabled", "disabledReason"],
      );
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
      await ctx.client().v1.webhooks[":id"].$delete({ param: { id } });
      ctx.print({ id, deleted: true }, `Webhook ${id} is deleted.`);
    },
  },
  {
    name: "webhooks deliveries",
    args: "<id>",
    description: "list what an endpoint was told in the last 30 days, newest first",
    options: [{ flags: "--state <state>", description: STATES.join(", "), parse: oneOf("--state", STATES) }],
    async run(ctx, [id = ""], { state }) {
      const rows = await listDeliveries(ctx.client(), id, { state: state as Delivery["state"] | undefined });
      ctx.print({ data: rows }, deliveriesText(rows));
    },
  },
  {
    name: "webhooks replay",
    args: "<id> <delivery>",
    description: "send a delivery again",
    async run(ctx, [id = "", delivery = ""]) {
      const client = ctx.client();
      const replaying = client.v1.webhooks[":id"].deliveries[":delivery"].replay.$post({
        param: { id, delivery },
      });
      const replayed = await client.json(replaying, ["id"]);
      ctx.print(replayed, `Delivery ${replayed.id} is sent again.`);
    },
  },
  {
    name: "webhooks rotate",
    args: "<id>",
    description: "make a new secret and print it, once; the old one signs beside it for 24 hours",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const rotating = client.v1.webhooks[":id"].rotate.$post({ param: { id } });
      const rotated = await client.json(rotating, ["secret"]);
      ctx.print(rotated, [`Secret     ${rotated.secret}`, "", keepIt].join("\n"));
    },
  },
  {
    name: "webhooks test",
    args: "<id>",
    description: "send a webhook.test event",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const sent = await client.json(client.v1.webhooks[":id"].test.$post({ param: { id } }), ["id"]);
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
