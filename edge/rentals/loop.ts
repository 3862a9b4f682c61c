/**
 * The rental loop: machines are rented while there is work for them, and given back when there is none. It runs every
 * minute and after what changes the work, reads everything from the database and the providers, and may be cut off
 * between any two calls: the next run goes on from what is written. Two runs at once are harmless, since a machine's
 * row changes by its version.
 */

import { type BudgetTold, budgetNews } from "../budget.ts";
import type { Env } from "../env.ts";
import { type Bill, type Provider, ProviderError } from "../providers/provider.ts";
import { toldChange } from "../store/budgets.ts";
import { guarded } from "../store/database.ts";
import { appendEvents } from "../store/events.ts";
import {
  changeInstance,
  demands,
  dueInstances,
  type Instance,
  rememberFailure,
  spendingOfSearch,
  takeTurn,
  type Visited,
  workingRate,
} from "../store/instances.ts";
import { accountChange, accountsOf, isAccountDue, priceChange } from "./accounts.ts";
import { allowance } from "./caps.ts";
import { abandon, gone, isLaunched, type Loop, providerOf, told } from "./changes.ts";
import { afterCheck, type Step, stepOf } from "./decide.ts";
import { hire } from "./hire.ts";
import { limits, terminationsUntilStuck } from "./limits.ts";
import { microUsd, usd } from "./money.ts";
import { reap } from "./reap.ts";
import { type Platform, setUp } from "./setUp.ts";

/** In one run; the others come with the next. */
const visitsPerRun = 20;
const hiresPerRun = 5;

/** One run of the loop; without any provider nothing is rented, and what may still run is told. */
export async function rent(env: Env, platform: Platform): Promise<void> {
  const loop: Loop = { env, platform, setUp: setUp(env, platform) };
  const now = platform.now();
  for (const visited of await dueInstances(env.DB, now, visitsPerRun))
    await unharmed(`instance ${visited.instance.name}`, () => visit(loop, visited));
  if (loop.setUp.providers.length === 0) return;
  for (const demand of await demands(env.DB, platform.now(), hiresPerRun))
    await unharmed(`search ${demand.searchId}`, () => hire(loop, demand));
  if (await takeTurn(env.DB, "reapedAt", now, limits.reap)) await unharmed("reaping", () => reap(loop));
}

/** One machine's trouble is not another's. */
async function unharmed(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(`rentals, ${what}:`, error instanceof Error ? error.message : error);
  }
}

async function visit(loop: Loop, visited: Visited): Promise<void> {
  const { env, platform } = loop;
  const now = platform.now();
  const accounted = await account(loop, visited, now);
  if (accounted === null) return;
  const { instance, fundedUntil } = accounted;
  const isIdle = !visited.isWorking && !visited.hasFreeWork;
  const idleSince = isIdle ? (instance.idleSince ?? now) : null;
  const current = { ...instance, idleSince };
  const ceiling = visited.specification?.rental?.maxUsdPerHour ?? Number.POSITIVE_INFINITY;
  const situation = {
    ...visited,
    now,
    fundedUntil,
    ceilingMicroUsdPerHour: microUsd(ceiling),
    isOverRate: await isOverRate(loop, instance),
  };
  const later = { set: { idleSince, visitAt: now + limits.visit } };
  try {
    if (await perform(loop, current, stepOf(current, situation))) return;
  } catch (error) {
    // Others are due, too: those of a provider that fails are not to come first for ever.
    await changeInstance(env.DB, instance, later, now);
    throw error;
  }
  await changeInstance(env.DB, instance, later, now);
}

/** Whether it is the one to end, where machines came to cost more than was quoted or the cap was lowered. */
async function isOverRate({ env, setUp: { caps } }: Loop, { state, microUsdPerHour }: Instance) {
  if (state !== "launched" || caps.microUsdPerHour === Number.POSITIVE_INFINITY) return false;
  const { sum, dearest } = await workingRate(env.DB);
  return sum > caps.microUsdPerHour && microUsdPerHour >= dearest;
}

/** Writes what a machine has cost and sets aside more; null when its row was changed meanwhile. */
async function account(
  loop: Loop,
  { instance, specification, campaignId, committedMicroUsd, told: shares }: Visited,
  now: number,
): Promise<{ instance: Instance; fundedUntil: number } | null> {
  if (instance.state === "ended") return { instance, fundedUntil: now };
  const { env } = loop;
  const search = { searchId: instance.searchId, specification, campaignId, committedMicroUsd };
  const { caps, free } = await allowance(loop, search, now);
  const accounts = accountsOf(instance, now, instance.state === "launched" ? free : 0);
  if (!isAccountDue(instance, accounts, now)) return { instance, fundedUntil: accounts.fundedUntil };
  const reserve = { microUsd: accounts.extend, caps };
  const changed = await changeInstance(
    env.DB,
    instance,
    { ...accountChange(instance, accounts, now), reserve },
    now,
  );
  await tell(env.DB, instance.searchId, { cap: caps.search, told: shares }, now);
  return changed === null ? null : { instance: changed, fundedUntil: accounts.fundedUntil };
}

/** Tells of the share of its budget that a search has spent, when it has passed another. */
async function tell(
  db: D1Database,
  searchId: string,
  { cap, told: shares }: { cap: number; told: BudgetTold | null },
  now: number,
): Promise<void> {
  if (shares === null || cap <= 0) return;
  const { spent } = await spendingOfSearch(db, searchId, now);
  const news = budgetNews(
    { usd: usd(cap) },
    { startedAt: null, busySeconds: 0, usd: usd(spent) },
    shares,
    now,
  );
  if (news.events.length === 0) return;
  // Where it was told meanwhile, the guard refuses and nothing is left to tell.
  await guarded(db, [...toldChange(db, searchId, news), ...appendEvents(db, searchId, news.events, now)]);
}

/** @returns whether the instance's row was written, with the time of the next visit */
async function perform(loop: Loop, instance: Instance, step: Step): Promise<boolean> {
  const provider = providerOf(loop, instance);
  switch (step.kind) {
    case "wait":
      return false;
    case "drain":
      return drain(loop, instance, step.reason);
    case "terminate":
      return terminate(loop, instance, step);
    case "check":
      return provider === undefined ? false : check(loop, instance, provider);
    case "lookUp":
      return provider === undefined ? giveUpLooking(loop, instance) : lookUp(loop, instance, provider);
    case "end":
      return end(loop, instance, provider);
    case "settle":
      return settle(loop, instance, provider);
  }
}

async function drain({ env, platform }: Loop, instance: Instance, reason: string): Promise<boolean> {
  const now = platform.now();
  const set = {
    state: "draining" as const,
    reason,
    drainUntil: now + limits.drain,
    visitAt: now + limits.visit,
  };
  await changeInstance(env.DB, instance, { set }, now);
  return true;
}

async function terminate(
  loop: Loop,
  instance: Instance,
  step: Extract<Step, { kind: "terminate" }>,
): Promise<boolean> {
  const { env, platform } = loop;
  const { isLost = false, hostFailed = false, ifIdle = false } = step;
  const provider = providerOf(loop, instance);
  const why = hostFailed ? await whyWaiting(provider, instance) : null;
  const reason = why === null ? step.reason : `${step.reason} (${why})`;
  const now = platform.now();
  const set = { state: "terminating" as const, reason, visitAt: now };
  const events = isLost ? [{ type: "instance.lost", data: { ...told(instance), reason } }] : [];
  const changed = await changeInstance(env.DB, instance, { set, events, ifIdle, endsLeases: !ifIdle }, now);
  if (changed === null) return false;
  if (hostFailed) await rememberFailure(env.DB, instance, reason, now);
  await end(loop, changed, provider);
  return true;
}

const mostWhyCharacters = 300;

/** What the provider says of a machine that did not start; null where it says nothing, or may not be asked. */
async function whyWaiting(provider: Provider | undefined, { machineId }: Instance): Promise<string | null> {
  if (machineId === null) return null;
  try {
    return (await provider?.whyWaiting?.(machineId))?.slice(0, mostWhyCharacters) ?? null;
  } catch (error) {
    if (error instanceof ProviderError) return null;
    throw error;
  }
}

async function check(loop: Loop, instance: Instance, provider: Provider): Promise<boolean> {
  const { env, platform } = loop;
  if (instance.machineId === null) return false;
  const machine = await provider.get(instance.machineId);
  const now = platform.now();
  const step = afterCheck(instance, machine, now);
  if (step.kind !== "wait") return perform(loop, instance, step);
  const set = {
    checkedAt: now,
    idleSince: instance.idleSince,
    visitAt: now + limits.visit,
    ...(machine?.host == null ? {} : { host: machine.host }),
  };
  const { set: repriced = {}, entries = [] } = priceChange(instance, machine?.priceUsdPerHour ?? 0, now);
  await changeInstance(env.DB, instance, { set: { ...set, ...repriced }, entries }, now);
  return true;
}

/** The provider's machine of an instance whose id is not known. */
const named = async (provider: Provider, { name: own }: Instance) =>
  (await provider.list(own)).find(({ name }) => name === own);

/** A creation that got no answer: it is there, or it is given up when it had time to be listed. */
async function lookUp(loop: Loop, instance: Instance, provider: Provider): Promise<boolean> {
  const { env, platform } = loop;
  const found = await named(provider, instance);
  const now = platform.now();
  if (found !== undefined) return isLaunched(loop, instance, found.id);
  if (now - instance.launchedAt < limits.lookUp) {
    await changeInstance(env.DB, instance, { set: { visitAt: now + limits.visit } }, now);
    return true;
  }
  const reason = "its launch got no answer, and it is not there";
  await abandon(loop, instance, reason, [{ type: "instance.lost", data: { ...told(instance), reason } }]);
  // Its host may not have heard of it.
  await rememberFailure(env.DB, { ...instance, host: null }, reason, now);
  return true;
}

/** Nobody can tell whether it is there: it is as one that does not end. */
async function giveUpLooking(loop: Loop, instance: Instance): Promise<boolean> {
  if (loop.platform.now() - instance.launchedAt < limits.lookUp) return false;
  const reason = "its launch got no answer, and its provider's key is not set here any more";
  return terminate(loop, instance, { kind: "terminate", reason, isLost: true });
}

/** Has it ended, until the provider says that it is gone. */
async function end(loop: Loop, instance: Instance, provider: Provider | undefined): Promise<boolean> {
  const { env, platform } = loop;
  const { machineId, problem } = await ending(instance, provider);
  if (problem === null) return gone(loop, { ...instance, machineId });
  const now = platform.now();
  const terminations = instance.terminations + 1;
  const isStuck = terminations === terminationsUntilStuck;
  if (isStuck) console.error(`rentals, ALERT: ${instance.name} does not end: ${problem}`);
  const events = isStuck ? [{ type: "instance.stuck", data: { ...told(instance), problem } }] : [];
  const set = { machineId, terminations, visitAt: now + limits.visit };
  await changeInstance(env.DB, instance, { set, events }, now);
  return true;
}

/** Tells the provider to end it. @returns a problem unless it is gone, and its id where it is known */
async function ending(
  instance: Instance,
  provider: Provider | undefined,
): Promise<{ machineId: string | null; problem: string | null }> {
  let { machineId } = instance;
  if (provider === undefined)
    return { machineId, problem: `${instance.provider}: its key is not set here any more` };
  try {
    machineId ??= (await named(provider, instance))?.id ?? null;
    if (machineId === null) return { machineId, problem: null };
    await provider.terminate(machineId);
    const machine = await provider.get(machineId);
    const isGone = machine === null || machine.state === "gone";
    return { machineId, problem: isGone ? null : "it was told to end, and is still there" };
  } catch (error) {
    if (error instanceof ProviderError) return { machineId, problem: error.message };
    throw error;
  }
}

/** The provider's account of a machine that ended takes the place of ours. */
async function settle(
  { env, platform }: Loop,
  instance: Instance,
  provider: Provider | undefined,
): Promise<boolean> {
  const now = platform.now();
  const { machineId, launchedAt, endedAt } = instance;
  const until = endedAt ?? now;
  const bill = machineId === null ? null : await billedBy(provider, machineId, launchedAt, until);
  const isWhole = bill?.isWhole === true;
  if (!isWhole && now - until < limits.settleAtLast) {
    await changeInstance(env.DB, instance, { set: { visitAt: now + limits.settle } }, now);
    return true;
  }
  const billedMore = bill === null ? 0 : microUsd(bill.usd) - instance.accruedMicroUsd;
  // What is billed for a part of the time takes nothing from what is known to have been used.
  const difference = isWhole ? billedMore : Math.max(0, billedMore);
  const set = { settledAt: now, settledMicroUsd: difference, visitAt: null };
  await changeInstance(env.DB, instance, { set, entries: [{ kind: "settled", microUsd: difference }] }, now);
  return true;
}

/** Null where the provider cannot tell, or fails to. */
async function billedBy(
  provider: Provider | undefined,
  machineId: string,
  from: number,
  to: number,
): Promise<Bill | null> {
  try {
    return (await provider?.billed?.(machineId, from, to)) ?? null;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    console.error("rentals, settling:", error.message);
    return null;
  }
}
