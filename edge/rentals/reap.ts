/**
 * Ending what nobody wants: machines of this deployment that no row is responsible for, such as one whose launch was
 * given up as failed and that came to be later. Machines with other names are never touched.
 */

import { newId } from "../ids.ts";
import { type Machine, type Provider, ProviderError } from "../providers/provider.ts";
import type { Instance } from "../store/instances.ts";
import { changeInstance, findInstanceNamed, insertOrphan } from "../store/instances.ts";
import { blank, type Loop } from "./changes.ts";
import { microUsd } from "./money.ts";
import { namePrefix, parseInstanceName } from "./names.ts";
import { deploymentOf } from "./setUp.ts";

const unwanted = "nobody wanted it";

export async function reap(loop: Loop): Promise<void> {
  const deployment = await deploymentOf(loop.env);
  for (const provider of loop.setUp.providers) {
    try {
      for (const machine of await provider.list(namePrefix(deployment)))
        if (parseInstanceName(machine.name)?.deployment === deployment)
          await reapOne(loop, provider, machine);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      console.error("rentals, reaping:", error.message);
    }
  }
}

async function reapOne(loop: Loop, provider: Provider, machine: Machine): Promise<void> {
  const { env, platform } = loop;
  if (machine.state === "gone") return;
  const row = await findInstanceNamed(env.DB, machine.name);
  if (row !== null && row.state === "launching") return;
  const isOurs = row !== null && row.state !== "ended" && (row.machineId ?? machine.id) === machine.id;
  if (isOurs) return;
  // Lists lag: what was ended a moment ago may still be on them.
  const now = platform.now();
  const still = await provider.get(machine.id);
  if (still === null || still.state === "gone") return;
  if (row?.state === "ended" && (row.machineId ?? machine.id) === machine.id) {
    const set: Partial<Instance> = {
      state: "terminating",
      machineId: machine.id,
      reason: unwanted,
      endedAt: null,
      settledAt: null,
      terminations: 0,
      visitAt: now,
    };
    await changeInstance(env.DB, row, { set }, now);
    return;
  }
  await insertOrphan(env.DB, orphanOf(provider, machine, row !== null, now));
}

/** A machine without a row of its own: it is accounted for from the time in its name on. */
function orphanOf(
  provider: Provider,
  machine: Machine,
  isNameTaken: boolean,
  now: number,
): Omit<Instance, "version"> {
  const named = parseInstanceName(machine.name);
  const launchedAt = Math.min(now, (named?.launchedAt ?? now / 1000) * 1000);
  return {
    ...blank,
    id: newId(),
    name: isNameTaken ? `${machine.name}-${machine.id}` : machine.name,
    searchId: named?.searchId ?? "",
    provider: provider.name,
    machineId: machine.id,
    state: "terminating",
    gpu: "",
    location: "",
    host: machine.host,
    interruptible: false,
    microUsdPerHour: microUsd(machine.priceUsdPerHour ?? 0),
    launchedAt,
    checkedAt: now,
    expiresAt: now,
    reason: unwanted,
    accruedUntil: launchedAt,
    visitAt: now,
  };
}
