/** What happens to a rented machine, each one change of its row with the money and the events of it. */

import type { Env } from "../env.ts";
import type { NewEvent } from "../store/events.ts";
import { changeInstance, type Instance } from "../store/instances.ts";
import { revokeToken } from "../store/tokens.ts";
import { limits } from "./limits.ts";
import { costOf, usd } from "./money.ts";
import type { Platform, SetUp } from "./setUp.ts";

export interface Loop {
  env: Env;
  platform: Platform;
  setUp: SetUp;
}

export const providerOf = ({ setUp: { providers } }: Loop, { provider }: Pick<Instance, "provider">) =>
  providers.find(({ name }) => name === provider);

/** A machine of which nothing has happened yet. */
export const blank = {
  machineId: null,
  tokenId: null,
  registeredAt: null,
  lastSeenAt: null,
  checkedAt: null,
  idleSince: null,
  drainUntil: null,
  endedAt: null,
  settledAt: null,
  reason: null,
  failure: null,
  terminations: 0,
  reservedMicroUsd: 0,
  accruedMicroUsd: 0,
  settledMicroUsd: 0,
} satisfies Partial<Instance>;

/** What events tell of an instance. */
export const told = ({ id, provider, gpu, location, microUsdPerHour }: Instance) => ({
  instanceId: id,
  provider,
  gpu,
  location,
  priceUsdPerHour: usd(microUsdPerHour),
});

/** The provider has it. */
export async function isLaunched(
  { env, platform }: Loop,
  instance: Instance,
  machineId: string,
): Promise<boolean> {
  const now = platform.now();
  const set = { state: "launched" as const, machineId, visitAt: now + limits.visit };
  const events = [{ type: "instance.launched", data: told(instance) }];
  await changeInstance(env.DB, instance, { set, events }, now);
  return true;
}

/** There is no machine, and none was billed. */
export async function abandon(
  { env, platform }: Loop,
  instance: Instance,
  reason: string,
  events: readonly NewEvent[] = [],
): Promise<void> {
  const now = platform.now();
  await changeInstance(
    env.DB,
    instance,
    {
      set: {
        state: "ended",
        reason,
        endedAt: now,
        settledAt: now,
        visitAt: null,
        reservedMicroUsd: 0,
        accruedMicroUsd: 0,
        accruedUntil: instance.launchedAt,
      },
      entries: [
        { kind: "reserved", microUsd: -instance.reservedMicroUsd },
        { kind: "accrued", microUsd: -instance.accruedMicroUsd },
      ],
      events,
    },
    now,
  );
  if (instance.tokenId !== null) await revokeToken(env.DB, instance.tokenId, now);
}

/** It costs nothing any more: what is set aside is free again, and the account is closed but for the provider's own. */
export async function gone(loop: Loop, instance: Instance): Promise<boolean> {
  const { env, platform } = loop;
  const now = platform.now();
  const accrued = costOf(instance.microUsdPerHour, now - instance.accruedUntil);
  const total = instance.accruedMicroUsd + accrued;
  const tellsBills = providerOf(loop, instance)?.billed !== undefined;
  const events = [
    {
      type: "instance.terminated",
      data: { ...told(instance), reason: instance.reason, costUsd: usd(total) },
    },
  ];
  const set = {
    state: "ended" as const,
    machineId: instance.machineId,
    endedAt: now,
    settledAt: tellsBills ? null : now,
    visitAt: tellsBills ? now + limits.settle : null,
    reservedMicroUsd: 0,
    accruedMicroUsd: total,
    accruedUntil: now,
  };
  const entries = [
    { kind: "accrued" as const, microUsd: accrued },
    { kind: "reserved" as const, microUsd: -instance.reservedMicroUsd },
  ];
  await changeInstance(env.DB, instance, { set, entries, events }, now);
  if (instance.tokenId !== null) await revokeToken(env.DB, instance.tokenId, now);
  return true;
}
