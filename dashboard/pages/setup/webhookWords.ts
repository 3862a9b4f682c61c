/** Formats and events of webhooks, in words. Pure. */

import { webhookEventGroups, webhookEvents } from "../../../shared/webhookEvents.ts";
import type { Webhook } from "./types.ts";

export const formatTitles: Record<Webhook["format"], string> = {
  standard: "Standard Webhooks",
  slack: "Slack",
  discord: "Discord",
};

export const formatHints: Record<Webhook["format"], string> = {
  standard: "JSON for a program of yours, signed with a secret that you get next.",
  slack: "A sentence for a channel: paste the address of an incoming webhook of Slack.",
  discord: "A sentence for a channel: paste the address of a channel's webhook of Discord.",
};

const groupTitles: Record<string, string> = {
  "search.*": "Searches",
  "stage.*": "Stages",
  "front.*": "The front",
  "training.*": "Final trainings",
  "budget.*": "Budgets",
  "instance.*": "Rented machines",
  "rental.*": "Renting",
  "device.*": "Devices",
  "measurement.*": "Measurements",
};

export interface EventGroup {
  /** Such as `search.*`. */
  filter: string;
  title: string;
  events: readonly string[];
}

export const eventGroups: readonly EventGroup[] = webhookEventGroups.map((filter) => ({
  filter,
  title: groupTitles[filter] ?? filter,
  events: webhookEvents.filter((event) => event.startsWith(filter.slice(0, -1))),
}));

/** Every type that a filter names, groups written out; all where there are none. */
export const writtenOut = (filter: readonly string[]): string[] =>
  webhookEvents.filter(
    (event) => filter.length === 0 || filter.includes(event) || filter.includes(`${event.split(".")[0]}.*`),
  );

/** The shortest filter that names these types: whole groups by one entry, none where it is all of them. */
export function shortened(chosen: readonly string[]): string[] {
  if (webhookEvents.every((event) => chosen.includes(event))) return [];
  return eventGroups.flatMap(({ filter, events }) => {
    const own = events.filter((event) => chosen.includes(event));
    return own.length === events.length ? [filter] : own;
  });
}

/** What a webhook without words of its own is called. */
export const hostOf = (url: string): string => {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
};
