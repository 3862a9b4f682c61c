/** Renting a machine for a search: live quotes, the best offer first, and a reason where there is none. */

import type { ProviderName } from "../../shared/specification.ts";
import { newToken } from "../auth.ts";
import { newId } from "../ids.ts";
import { gpuName, nearestGpus, wantsGpu } from "../providers/gpus.ts";
import { variablesOf } from "../providers/index.ts";
import { type Offer, type Provider, ProviderError, type QuoteFilter } from "../providers/provider.ts";
import {
  avoid,
  badHostsNow,
  bar,
  barredProviders,
  changeInstance,
  type Demand,
  type Instance,
  insertInstance,
  machineFailed,
  rememberWaiting,
  retryAt,
  takeTurn,
  totals,
} from "../store/instances.ts";
import { giveUp } from "../work.ts";
import { allowance } from "./caps.ts";
import { abandon, blank, isLaunched, type Loop, providerOf } from "./changes.ts";
import { limits, offersTried } from "./limits.ts";
import { costOf, lastsMs, microUsd, usd } from "./money.ts";
import { instanceName } from "./names.ts";
import { runnerEnv } from "./runnerEnv.ts";
import { addressOf, deploymentOf, unreadableCaps } from "./setUp.ts";
import { speedOf } from "./speed.ts";

/** For the image, the data and the checkpoints. */
const diskGb = 40;

const pinned = /@sha256:[0-9a-f]{64}$/;

/** Why a search has no machine. */
interface Trouble {
  problem: string;
  detail: string;
  /** As its provider asks. */
  retryAfterSeconds?: number | null;
}

const noneFree: Trouble = { problem: "capacity", detail: "no provider has a machine that suits now" };

export async function hire(loop: Loop, demand: Demand): Promise<void> {
  const { env, platform } = loop;
  // Another one may come again; what is missing is one that starts.
  const failsToStart = demand.problem === machineFailed && isOutOfPatience(demand, platform.now());
  const trouble = failsToStart
    ? { problem: machineFailed, detail: "machines came and did not start" }
    : await tryToHire(loop, demand);
  // What there was before is forgotten once the machine's runner registers.
  if (trouble === null) return;
  const now = platform.now();
  if (isOutOfPatience(demand, now)) {
    await giveUp(
      env.DB,
      { kind: "search", resource: demand.searchId, searchId: demand.searchId },
      outOfPatience(trouble),
    );
    return;
  }
  const { problem, detail, retryAfterSeconds } = trouble;
  const failures = demand.failures + 1;
  const asked = Math.min(limits.longestRetry, 1000 * (retryAfterSeconds ?? 0));
  const tryAt = Math.max(retryAt(failures, now), now + asked);
  await rememberWaiting(env.DB, demand, { failures, tryAt, problem, detail }, now);
}

const troubleOf = ({ fault, message, retryAfterSeconds }: ProviderError): Trouble => ({
  problem: fault,
  detail: message,
  retryAfterSeconds,
});

const hourMs = 3_600_000;

const isOutOfPatience = ({ specification: { rental }, waitsSince }: Demand, now: number): boolean =>
  rental?.patienceHours !== undefined &&
  waitsSince !== null &&
  now - waitsSince >= rental.patienceHours * hourMs;

const outOfPatience = ({ problem, detail }: Trouble): string =>
  `No machine came within rental.patienceHours (${problem}: ${detail}).`;

/** @returns null where a machine was rented, or may have been, or where its turn comes with the next run */
async function tryToHire(loop: Loop, demand: Demand): Promise<Trouble | null> {
  const { env, platform, setUp } = loop;
  const { rental } = demand.specification;
  if (rental === undefined) return null;
  const unreadable = unreadableCaps(env);
  if (unreadable.length > 0)
    return { problem: "no-cap", detail: `${unreadable.join(", ")}: set a number, such as 50` };
  const image = rental.image ?? env.NASTURTIUM_IMAGE;
  if (!image)
    return {
      problem: "no-image",
      detail: "name the runner's image in rental.image, or for all searches in NASTURTIUM_IMAGE",
    };
  if (!pinned.test(image))
    return { problem: "no-image", detail: `${image} may change: name it by its digest, @sha256:...` };
  const address = await addressOf(env);
  if (address === "")
    return { problem: "no-address", detail: "set NASTURTIUM_URL to the address of this deployment" };
  const providers = rental.providers.flatMap(
    (name) => setUp.providers.find((one) => one.name === name) ?? [],
  );
  if (providers.length === 0)
    return {
      problem: "no-provider",
      detail: `none of ${rental.providers.join(", ")} has its key here; set ${rental.providers.map((name) => variablesOf(name).join(" and ")).join(", or ")}`,
    };
  const request = `${demand.searchId} ${image}`;
  const barred = await barredProviders(env.DB, request, platform.now());
  const open = providers.filter(({ name }) => !barred.has(name));
  if (open.length === 0) return { problem: "invalid", detail: [...barred.values()].join("; ") };
  const quoted = await quotes(loop, demand, open);
  if (quoted.offers.length === 0) return quoted.trouble ?? (await whyNone(demand, open));
  const refusals: Refusal[] = [];
  const trouble = await launchFirst(loop, demand, quoted.offers, { image, address }, refusals);
  const wrong = refusedForGood(refusals);
  for (const [provider, detail] of wrong)
    await bar(env.DB, provider, request, detail, platform.now() + limits.barred);
  const [detail] = wrong.values();
  return trouble !== null && detail !== undefined ? { problem: "invalid", detail } : trouble;
}

/** What all of them offer; the trouble of one is not another's. */
async function quotedBy(
  providers: readonly Provider[],
  filter: QuoteFilter,
): Promise<{ offers: Offer[]; trouble: Trouble | null }> {
  const offers: Offer[] = [];
  let trouble: Trouble | null = null;
  for (const provider of providers) {
    try {
      offers.push(...(await provider.quote(filter)));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      trouble = troubleOf(error);
    }
  }
  return { offers, trouble };
}

async function quotes(
  { env, platform }: Loop,
  { specification: { rental } }: Demand,
  providers: readonly Provider[],
): Promise<{ offers: Offer[]; trouble: Trouble | null }> {
  const filter = {
    gpus: rental?.gpus,
    maxUsdPerHour: rental?.maxUsdPerHour ?? 0,
    interruptible: rental?.interruptible ?? false,
    diskGb,
  };
  const firm = await quotedBy(providers, { ...filter, interruptible: false });
  const bids = filter.interruptible ? await quotedBy(providers, filter) : null;
  const offers = [...firm.offers, ...(bids?.offers ?? [])];
  const trouble = firm.trouble ?? bids?.trouble ?? null;
  const bad = await badHostsNow(env.DB, platform.now());
  const good = offers.filter(
    ({ provider, id, host, priceUsdPerHour }) =>
      priceUsdPerHour <= filter.maxUsdPerHour &&
      ![id, host].some((avoided) => bad.has(`${provider} ${avoided}`)),
  );
  const pricePerRound = ({ priceUsdPerHour, gpu }: Offer) => priceUsdPerHour / speedOf(gpu);
  return { offers: good.sort((a, b) => pricePerRound(a) - pricePerRound(b)), trouble };
}

/** What would have to change for an offer to suit. */
async function whyNone(
  { specification: { rental } }: Demand,
  providers: readonly Provider[],
): Promise<Trouble> {
  const { offers: all, trouble } = await quotedBy(providers, { maxUsdPerHour: 1000, interruptible: false });
  const names = [...new Set(all.map(({ gpu }) => gpu))];
  const unknown = (rental?.gpus ?? []).filter((gpu) => !names.includes(gpuName(gpu)));
  const suiting = all.filter(({ gpu }) => wantsGpu(rental?.gpus, gpu));
  const [cheapest] = suiting.sort((a, b) => a.priceUsdPerHour - b.priceUsdPerHour);
  if (cheapest !== undefined && cheapest.priceUsdPerHour > (rental?.maxUsdPerHour ?? 0))
    return {
      problem: "over-ceiling",
      detail: `the cheapest that suits is ${cheapest.gpu} at ${cheapest.priceUsdPerHour} USD an hour (${cheapest.provider}); rental.maxUsdPerHour is ${rental?.maxUsdPerHour}`,
    };
  if (unknown.length > 0 && names.length > 0 && suiting.length === 0)
    return {
      problem: "unknown-gpu",
      detail: `nobody offers ${unknown.join(", ")} now; offered are ${offered(unknown[0] ?? "", names)}`,
    };
  return trouble ?? noneFree;
}

/** The nearest names first; where none is near, all. */
function offered(name: string, names: readonly string[]): string {
  const nearest = nearestGpus(name, names);
  return (nearest.length > 0 ? nearest : names).join(", ");
}

/** Of a launch, by its provider. */
interface Refusal {
  provider: ProviderName;
  trouble: Trouble;
}

/** Providers to which the request itself is wrong, and how they say so: it is not to be repeated. */
function refusedForGood(refusals: readonly Refusal[]): Map<ProviderName, string> {
  const wrong = new Map<ProviderName, string>();
  for (const { provider, trouble } of refusals) {
    const own = refusals.filter((one) => one.provider === provider);
    const isUnclear = own.every((one) => one.trouble.problem === "unclear");
    if (trouble.problem === "invalid" || isUnclear) wrong.set(provider, trouble.detail);
  }
  return wrong;
}

async function launchFirst(
  loop: Loop,
  demand: Demand,
  offers: readonly Offer[],
  start: { image: string; address: string },
  refusals: Refusal[],
): Promise<Trouble | null> {
  let trouble: Trouble | null = null;
  let isEarly = false;
  const refused = new Set<string>();
  let attempts = demand.attempts;
  for (const offer of offers.slice(0, offersTried)) {
    if (refused.has(offer.provider)) continue;
    if (!(await isTurn(loop, offer))) {
      isEarly = true;
      refused.add(offer.provider);
      continue;
    }
    const outcome = await launch(loop, { ...demand, attempts }, offer, start);
    if (outcome === null) return null;
    trouble = outcome;
    // One that costs less an hour, though more a round, may still be paid for.
    if (outcome.problem === "budget") continue;
    attempts++;
    refusals.push({ provider: offer.provider, trouble: outcome });
    if (outcome.problem === "capacity") await passOver(loop, offer, outcome.detail);
    if (["auth", "balance", "invalid", "rate"].includes(outcome.problem)) refused.add(offer.provider);
  }
  // Some were refused so, and others for want of capacity.
  if (trouble?.problem === "unclear") return { ...trouble, problem: "capacity" };
  return trouble ?? (isEarly ? null : noneFree);
}

/** Whether its provider takes another launch now. */
async function isTurn(loop: Loop, offer: Offer): Promise<boolean> {
  const pauseMs = providerOf(loop, offer)?.launchPauseMs;
  if (pauseMs === undefined) return true;
  return takeTurn(loop.env.DB, `launchedAt ${offer.provider}`, loop.platform.now(), pauseMs);
}

/** Where launches are far between, the next one is not to meet the same refusal. */
async function passOver(loop: Loop, offer: Offer, reason: string): Promise<void> {
  if (providerOf(loop, offer)?.launchPauseMs === undefined) return;
  const until = loop.platform.now() + limits.passedOver;
  await avoid(loop.env.DB, { provider: offer.provider, host: offer.id }, reason, until).run();
}

async function launch(
  loop: Loop,
  demand: Demand,
  offer: Offer,
  { image, address }: { image: string; address: string },
): Promise<Trouble | null> {
  const { env, platform } = loop;
  const provider = providerOf(loop, offer);
  if (provider === undefined) return noneFree;
  const now = platform.now();
  const intent = await intentOf(loop, demand, offer, now);
  if (intent.problem !== undefined) return intent;
  const { token, lifetimeMs, row } = intent;
  const instance = await insertInstance(env.DB, row, now);
  if (instance === null) return capTrouble(loop, demand);
  const lifetimeSeconds = Math.floor(lifetimeMs / 1000);
  const { name, searchId } = instance;
  const request = {
    name,
    image,
    env: runnerEnv({ edge: address, token, name, searchId, lifetimeSeconds }),
    diskGb,
    lifetimeSeconds,
  };
  try {
    await isLaunched(loop, instance, await provider.launch(offer, request));
    return null;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return afterFailure(loop, instance, error);
  }
}

/** @returns null where the machine may be there: it is looked for */
async function afterFailure(loop: Loop, instance: Instance, error: ProviderError): Promise<Trouble | null> {
  const { env, platform } = loop;
  const now = platform.now();
  if (error.machineId !== null) {
    const set = {
      state: "terminating" as const,
      machineId: error.machineId,
      reason: error.message,
      visitAt: now,
    };
    await changeInstance(env.DB, instance, { set }, now);
    // A bid that failed: what was sent was understood.
    if (error.fault === "invalid") return { ...troubleOf(error), problem: "capacity" };
  } else if (error.fault === "transient") {
    return null;
  } else {
    await abandon(loop, instance, error.message);
  }
  return troubleOf(error);
}

async function intentOf(loop: Loop, demand: Demand, offer: Offer, now: number) {
  const { env, setUp } = loop;
  const { searchId, specification, attempts } = demand;
  const price = microUsd(offer.priceUsdPerHour);
  const { caps, free } = await allowance(loop, demand, now);
  const least = costOf(price, limits.boot + limits.leastWork + limits.shutdown);
  if (free < least)
    return {
      problem: "budget",
      detail: `${usd(Math.max(0, free)).toFixed(2)} USD are left, and the least for a machine at ${offer.priceUsdPerHour} USD an hour is ${usd(least).toFixed(2)}`,
    };
  const { token, hash } = await newToken();
  const lifetimeMs = Math.min(limits.life, lastsMs(free, price));
  const expiresAt = now + lifetimeMs;
  const deployment = await deploymentOf(env);
  const name = instanceName({
    deployment,
    searchId,
    attempt: attempts + 1,
    launchedAt: Math.floor(now / 1000),
  });
  const { provider, gpu, location, host, interruptible } = offer;
  const instance: Omit<Instance, "version"> = {
    ...blank,
    id: newId(),
    name,
    searchId,
    provider,
    state: "launching",
    gpu,
    location,
    host,
    interruptible,
    microUsdPerHour: price,
    tokenId: newId(),
    launchedAt: now,
    expiresAt,
    reservedMicroUsd: Math.min(free, Math.max(least, costOf(price, limits.reserve))),
    accruedUntil: now,
    visitAt: now + limits.visit,
  };
  const row = {
    instance,
    token: { id: instance.tokenId ?? "", hash, expiresAt: expiresAt + limits.shutdown },
    caps,
    microUsdPerHourCap: setUp.caps.microUsdPerHour,
    instancesCap: setUp.caps.instances,
    maxInstances: specification.rental?.maxInstances ?? 1,
  };
  return { token, lifetimeMs, row };
}

/** Which of the deployment's caps refused. */
async function capTrouble(
  { env, platform, setUp: { caps } }: Loop,
  { specification }: Demand,
): Promise<Trouble> {
  const now = await totals(env.DB, platform.now());
  if (now.instances >= caps.instances)
    return {
      problem: "instances",
      detail: `${now.instances} machines run; NASTURTIUM_INSTANCES is ${caps.instances}`,
    };
  const price = microUsd(specification.rental?.maxUsdPerHour ?? 0);
  if (now.microUsdPerHour + price > caps.microUsdPerHour)
    return {
      problem: "rate",
      detail: `machines cost ${usd(now.microUsdPerHour)} USD an hour; NASTURTIUM_USD_PER_HOUR is ${usd(caps.microUsdPerHour)}`,
    };
  return { problem: "budget", detail: "the budget was taken meanwhile" };
}
