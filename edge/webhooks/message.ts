/** What an endpoint is sent, in its form. Pure. */

import type { WebhookFormat } from "../../schema/webhooks.ts";
import { sentenceOf } from "./sentences.ts";

export const longestBodyBytes = 20_000;
const longestContent = 2000;
const longestTitle = 256;
const longestSlackText = 3000;

/** An event as the outbox holds it. */
export interface Told {
  type: string;
  data: Record<string, unknown>;
  /** Milliseconds since 1970, of the event. */
  createdAt: number;
}

/** The body, as JSON. @param origin address of the deployment */
export const bodyOf = (told: Told, format: WebhookFormat, origin: string): string =>
  JSON.stringify(forms[format](told, origin));

const forms: Record<WebhookFormat, (told: Told, origin: string) => unknown> = {
  standard: standardForm,
  slack: slackForm,
  discord: discordForm,
};

function standardForm({ type, data, createdAt }: Told, origin: string) {
  const { searchId, name } = data;
  const timestamp = new Date(createdAt).toISOString();
  const links = linksOf(data, origin);
  const whole = { type, timestamp, data: { ...data, links } };
  const bytes = new TextEncoder().encode(JSON.stringify(whole)).length;
  if (bytes < longestBodyBytes) return whole;
  return { type, timestamp, data: { searchId, name, truncated: true, links } };
}

function linksOf({ searchId, trainingId }: Told["data"], origin: string): Record<string, string> {
  if (typeof searchId !== "string") return { docs: `${origin}/docs` };
  const search = `${origin}/v1/searches/${searchId}`;
  return {
    search,
    front: `${search}/front`,
    events: `${search}/events`,
    ...(typeof trainingId === "string" ? { training: `${origin}/v1/trainings/${trainingId}` } : {}),
  };
}

/** Where a person goes first. */
function mainLink(told: Told, origin: string): string {
  const { search, front, training, docs } = linksOf(told.data, origin);
  return training ?? (/^(?:front|stage)\.|completed$/.test(told.type) ? front : search) ?? docs ?? origin;
}

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
function slackForm(told: Told, origin: string) {
  const text = clipped(escapedForSlack(sentenceOf(told)), longestSlackText - longestTitle);
  const link = `<${mainLink(told, origin)}|${escapedForSlack(told.type)}>`;
  return {
    text,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text } },
      { type: "context", elements: [{ type: "mrkdwn", text: link }] },
    ],
  };
}

/** https://docs.discord.com/developers/resources/webhook#execute-webhook */
function discordForm(told: Told, origin: string) {
  return {
    content: clipped(escapedForDiscord(sentenceOf(told)), longestContent),
    embeds: [
      {
        title: clipped(told.type, longestTitle),
        url: mainLink(told, origin),
        timestamp: new Date(told.createdAt).toISOString(),
      },
    ],
    allowed_mentions: { parse: [] },
  };
}

const escapedForSlack = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const escapedForDiscord = (text: string): string => text.replace(/[\\*_~`|[\]<>#]/g, "\\$&");

const clipped = (text: string, longest: number): string =>
  text.length <= longest ? text : `${text.slice(0, longest - 3)}...`;
