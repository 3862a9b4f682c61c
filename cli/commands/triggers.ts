/** `nasturtium triggers`: webhooks that start a template. */

import type { InferResponseType } from "hono/client";
import { type GithubEvent, githubEvents } from "../../shared/trigger.ts";
import type { EdgeClient } from "../client.ts";
import type { CommandRow, Context } from "../command.ts";
import { readTrigger } from "../specificationFile.ts";
import { textTable } from "../table.ts";

type TriggerWithSecret = InferResponseType<EdgeClient["v1"]["triggers"]["$post"]>;
const secretKeys = ["id", "source", "secret"] as const;

const columns = {
  id: "ID",
  name: "NAME",
  template: "TEMPLATE",
  source: "SOURCE",
  events: "EVENTS",
  state: "STATE",
};
const deliveryColumns = {
  createdAt: "TIME",
  deliveryId: "DELIVERY",
  event: "EVENT",
  state: "STATE",
  started: "STARTED",
  reason: "REASON",
};

export const triggers: CommandRow[] = [
  {
    name: "triggers create",
    args: "<file>",
    description: "create a trigger from a JSON or YAML file; prints its address and, once, its secret",
    async run(ctx, [file = ""]) {
      const json = await readTrigger(file);
      const client = ctx.client();
      printSecret(ctx, client, await client.json(client.v1.triggers.$post({ json }), secretKeys));
    },
  },
  {
    name: "triggers list",
    description: "list triggers, newest first",
    async run(ctx) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.triggers.$get({ query }),
        ["id", "name", "template", "source", "enabled"],
      );
      const shown = rows.map(({ id, name, template, source, events = [], enabled }) => ({
        id,
        name,
        template,
        source,
        events: events.join(" "),
        state: enabled ? "enabled" : "disabled",
      }));
      ctx.print({ data: rows }, textTable(shown, columns));
    },
  },
  {
    name: "triggers deliveries",
    args: "<id>",
    description: "what was delivered to a trigger within 90 days and what came of it, newest first",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const rows = await client.all(
        (query) => client.v1.triggers[":id"].deliveries.$get({ param: { id }, query }),
        ["deliveryId", "state", "createdAt"],
      );
      const shown = rows.map(({ createdAt, deliveryId, event, state, searchId, campaignId, reason }) => ({
        createdAt,
        deliveryId,
        event,
        state,
        started: searchId ?? campaignId,
        reason,
      }));
      ctx.print({ data: rows }, textTable(shown, deliveryColumns));
    },
  },
  {
    name: "triggers rotate",
    args: "<id>",
    description: "make a new secret and print it, once; the old one is refused from then on",
    async run(ctx, [id = ""]) {
      const client = ctx.client();
      const rotated = client.v1.triggers[":id"].rotate.$post({ param: { id } });
      printSecret(ctx, client, await client.json(rotated, secretKeys));
    },
  },
  {
    name: "triggers delete",
    args: "<id>",
    description: "delete a trigger with its deliveries; what it started stays",
    async run(ctx, [id = ""]) {
      await ctx.client().v1.triggers[":id"].$delete({ param: { id } });
      ctx.print({ id, deleted: true }, `Trigger ${id} is deleted.`);
    },
  },
];

function printSecret(ctx: Context, client: EdgeClient, trigger: TriggerWithSecret): void {
  const { href: url } = client.v1.triggers[":id"].$url({ param: { id: trigger.id } });
  const lines = [
    `Trigger  ${trigger.id}`,
    `URL      ${url}`,
    `Secret   ${trigger.secret}`,
    "The secret is shown this once.",
    "",
    ...(trigger.source === "github" ? githubLines(trigger) : signedLines),
  ];
  ctx.print({ ...trigger, url }, lines.join("\n"));
}

/** What GitHub's form calls an event. */
const boxes: Record<GithubEvent, string> = {
  push: "Pushes",
  release: "Releases",
  workflow_run: "Workflow runs",
};

function githubLines({ events = [] }: TriggerWithSecret): string[] {
  const ticked = githubEvents.filter((event) => events.includes(event)).map((event) => boxes[event]);
  return [
    "On GitHub, in the repository: Settings, Webhooks, Add webhook.",
    "  Payload URL       the URL above",
    "  Content type      application/json",
    "  Secret            the secret above",
    "  SSL verification  enabled",
    `  Events            Let me select individual events: ${ticked.join(", ")}`,
    "  Active            ticked",
  ];
}

const signedLines = [
  "Sign each request as Standard Webhooks 1.0.0 says:",
  "  webhook-id         new for each request, the same when it is sent again",
  "  webhook-timestamp  seconds since 1970, within 5 minutes of now",
  "  webhook-signature  v1, and the base64 of HMAC-SHA256 over ID.TIMESTAMP.BODY",
  "The key is what the base64 behind whsec_ stands for.",
];
