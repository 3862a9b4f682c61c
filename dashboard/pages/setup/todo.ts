/** What a deployment has and what is still to do, each with its next step. Pure. */

import { addresses } from "../../app/place.ts";
import { providerRows } from "./providerWords.ts";
import type { Device, Provider, Token, Webhook } from "./types.ts";

/** What is known; undefined where the token may not see it, or it is not loaded yet. */
export interface Known {
  tokens: readonly Token[] | undefined;
  providers: readonly Provider[] | undefined;
  webhooks: readonly Webhook[] | undefined;
  devices: readonly Device[] | undefined;
  datasets: number | undefined;
  triggers: number | undefined;
  /** Whether a runner ended a round of one of the newest searches. */
  hasWorked: boolean;
}

export interface Step {
  title: string;
  /** `attention`: there, but something is wrong with it. */
  state: "done" | "open" | "attention" | "unknown";
  /** Where searches work without it. */
  isOptional: boolean;
  words: string;
  next: { title: string; href: string };
}

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const isValid = ({ revokedAt, expiresAt }: Token, now: number): boolean =>
  revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > now);

/** @param now milliseconds since 1970 */
export const stepsOf = (known: Known, now: number): Step[] => [
  runners(known, now),
  providers(known),
  webhooks(known),
  devices(known),
  datasets(known),
  triggers(known),
];

function runners({ tokens, providers: all, hasWorked }: Known, now: number): Step {
  const common = { title: "A machine that trains", isOptional: false };
  if (tokens === undefined && !hasWorked)
    return {
      ...common,
      state: "unknown",
      words: "A token with the scope admin sees whether a runner has a token.",
      next: { title: "Tokens", href: addresses.tokens },
    };
  const valid = (tokens ?? []).filter((token) => token.scopes.includes("runner") && isValid(token, now));
  const isUsed = valid.some(({ lastUsedAt }) => lastUsedAt !== null);
  if (isUsed)
    return {
      ...common,
      state: "done",
      words: `${plural(valid.length, "token")} of runners, and work was done already.`,
      next: { title: "Tokens", href: addresses.tokens },
    };
  if (all?.some(({ isConfigured }) => isConfigured))
    return {
      ...common,
      state: "done",
      words: "Searches rent their machines, which get tokens by themselves.",
      next: { title: "Tokens", href: addresses.tokens },
    };
  if (hasWorked)
    return {
      ...common,
      state: "done",
      words: "Runners have trained already.",
      next: { title: "Tokens", href: addresses.tokens },
    };
  if (valid.length > 0)
    return {
      ...common,
      state: "open",
      words: "A runner has a token and has not come yet. On its machine: nasturtium runner",
      next: { title: "Tokens", href: addresses.tokens },
    };
  return {
    ...common,
    state: "open",
    words:
      "No runner has come yet, and without one no search begins. Make a token for your machine; beside “nasturtium dev” it needs none: nasturtium runner",
    next: { title: "Make a runner's token", href: `${addresses.tokens}?new=runner` },
  };
}

function providers({ providers: all }: Known): Step {
  const common = { title: "Machines by the hour", isOptional: true };
  const next = { title: "Providers", href: addresses.data };
  if (all === undefined) return unknown(common, next);
  const set = all.filter(({ isConfigured }) => isConfigured);
  if (set.length > 0)
    return {
      ...common,
      state: "done",
      words: `With the keys of ${set.map(({ name }) => providerRows[name].title).join(", ")}.`,
      next,
    };
  return {
    ...common,
    state: "open",
    words: "No provider's key is set, so nothing is rented: only machines of yours train.",
    next: { title: "Set a key", href: addresses.data },
  };
}

function webhooks({ webhooks: all }: Known): Step {
  const common = { title: "Word of what happens", isOptional: true };
  const next = { title: "Webhooks", href: addresses.webhooks };
  if (all === undefined) return unknown(common, next);
  const enabled = all.filter((webhook) => webhook.enabled);
  const failed = all.filter((webhook) => !webhook.enabled && webhook.disabledReason !== null);
  if (failed.length > 0)
    return {
      ...common,
      state: "attention",
      words: `Disabled because the address did not answer: ${failed.map(({ url }) => url).join(", ")}`,
      next,
    };
  if (enabled.length > 0)
    return {
      ...common,
      state: "done",
      words: `${enabled.length === 1 ? "One webhook is" : `${enabled.length} webhooks are`} told of events.`,
      next,
    };
  return {
    ...common,
    state: "open",
    words:
      "Nobody is told when a search ends or money runs out: an address of yours, Slack or Discord can be.",
    next: { title: "Make a webhook", href: `${addresses.webhooks}?new=1` },
  };
}

function devices({ devices: all }: Known): Step {
  const common = { title: "Devices that measure", isOptional: true };
  const next = { title: "Devices", href: addresses.devices };
  if (all === undefined) return unknown(common, next);
  const quarantined = all.filter(({ state }) => state === "quarantined");
  if (quarantined.length > 0)
    return {
      ...common,
      state: "attention",
      words: `${quarantined.map(({ name }) => name).join(", ")}: not believed any more. See why and release it.`,
      next,
    };
  if (all.length > 0)
    return { ...common, state: "done", words: all.map(({ name }) => name).join(", "), next };
  return {
    ...common,
    state: "open",
    words: "No device measures: connect a phone or board, and searches find what is quick there.",
    next: { title: "Connect a device", href: `${addresses.devices}?new=device` },
  };
}

function datasets({ datasets: count }: Known): Step {
  const common = { title: "Data of your own", isOptional: true };
  const next = { title: "Data", href: addresses.data };
  if (count === undefined) return unknown(common, next);
  if (count > 0)
    return { ...common, state: "done", words: `${plural(count, "data set")} of your own.`, next };
  const words = "Three data sets are built in; push a folder of images or a table of your own.";
  return { ...common, state: "open", words, next: { title: "See how", href: addresses.data } };
}

function triggers({ triggers: count }: Known): Step {
  const common = { title: "Searches that start by themselves", isOptional: true };
  const next = { title: "Triggers", href: addresses.triggers };
  if (count === undefined) return unknown(common, next);
  if (count > 0)
    return {
      ...common,
      state: "done",
      words: `${count === 1 ? "One trigger starts" : `${count} triggers start`} them.`,
      next,
    };
  const words = "At a push, a release or any signed request, within limits that you set.";
  return {
    ...common,
    state: "open",
    words,
    next: { title: "Make a template", href: `${addresses.triggers}?new=template` },
  };
}

const unknown = (common: Pick<Step, "title" | "isOptional">, next: Step["next"]): Step => ({
  ...common,
  state: "unknown",
  words: "Your token does not see this; one with the scope searches:write does.",
  next,
});
