/** What is to be done about a rented machine, from what is known of it and its search. Pure. */

import type { SearchState } from "../../schema/searches.ts";
import { finishedStates } from "../../schema/searches.ts";
import type { Machine } from "../providers/provider.ts";
import type { Instance } from "../store/instances.ts";
import { limits } from "./limits.ts";

/** What matters to an instance besides its own row. */
export interface Situation {
  now: number;
  /** Null when the search was deleted. */
  searchState: SearchState | null;
  /** Its runner holds a lease. */
  isWorking: boolean;
  /** Its search has work that nobody does. */
  hasFreeWork: boolean;
  /** Until when the money that is set aside lasts. */
  fundedUntil: number;
  /** What the search pays at most. */
  ceilingMicroUsdPerHour: number;
  /** All machines together cost more an hour than they may, and none of them more than this one. */
  isOverRate: boolean;
}

export type Step =
  | { kind: "wait" }
  /** Asks the provider about it. */
  | { kind: "check" }
  /** Its creation got no answer: is it there? */
  | { kind: "lookUp" }
  | { kind: "drain"; reason: string }
  | {
      kind: "terminate";
      reason: string;
      /** The search lost it, against its will. */
      isLost?: boolean;
      /** Lost before it was of use: its host is to be avoided. */
      hostFailed?: boolean;
      ifIdle?: boolean;
    }
  /** Tells the provider to end it, and looks whether it is gone. */
  | { kind: "end" }
  /** Takes the provider's account of it. */
  | { kind: "settle" };

const wait: Step = { kind: "wait" };
const check: Step = { kind: "check" };

export function stepOf(instance: Instance, situation: Situation): Step {
  switch (instance.state) {
    case "launching":
      return { kind: "lookUp" };
    case "launched":
      return ofLaunched(instance, situation);
    case "draining": {
      const isDue = !situation.isWorking || situation.now >= (instance.drainUntil ?? 0);
      return isDue ? { kind: "terminate", reason: instance.reason ?? "" } : wait;
    }
    case "terminating":
      return { kind: "end" };
    case "ended":
      return { kind: "settle" };
  }
}

function ofLaunched(instance: Instance, situation: Situation): Step {
  const { now, isWorking, hasFreeWork } = situation;
  const unwanted = whyUnwanted(instance, situation);
  if (unwanted !== null)
    return isWorking ? { kind: "drain", reason: unwanted } : { kind: "terminate", reason: unwanted };
  const { launchedAt, registeredAt, lastSeenAt, checkedAt, idleSince } = instance;
  if (registeredAt === null) {
    if (now - launchedAt <= limits.boot) return check;
    const reason = `its runner did not register within ${limits.boot / 60_000} minutes`;
    return { kind: "terminate", reason, isLost: true, hostFailed: true };
  }
  const quietMs = now - Math.max(registeredAt, lastSeenAt ?? 0);
  if (quietMs > limits.silent)
    return {
      kind: "terminate",
      reason: `its runner was silent for ${Math.round(quietMs / 60_000)} minutes`,
      isLost: true,
    };
  if (!isWorking && !hasFreeWork && idleSince !== null && now - idleSince >= limits.idle)
    return { kind: "terminate", reason: "there was no work for it", ifIdle: true };
  if (quietMs > limits.quiet || now - (checkedAt ?? launchedAt) >= limits.check) return check;
  return wait;
}

/** Why a machine that may be well is not to go on; null when it is. */
function whyUnwanted(
  { expiresAt, microUsdPerHour }: Instance,
  { now, searchState, isWorking, hasFreeWork, fundedUntil, ceilingMicroUsdPerHour, isOverRate }: Situation,
): string | null {
  if (searchState === null) return "its search was deleted";
  if (searchState === "paused") return "its search is paused";
  // Trainings go on after a search has completed.
  if (finishedStates.includes(searchState) && !isWorking && !hasFreeWork) return "its search is over";
  if (searchState === "cancelled" || searchState === "failed") return "its search is over";
  if (microUsdPerHour > ceilingMicroUsdPerHour) return "it costs more than rental.maxUsdPerHour";
  if (isOverRate) return "machines cost more than NASTURTIUM_USD_PER_HOUR";
  if (now >= expiresAt - limits.shutdown) return "its longest time is over";
  if (fundedUntil - now < limits.shutdown) return "the budget allows no more";
  return null;
}

/** What the provider's answer about a launched machine means. */
export function afterCheck(
  { launchedAt, registeredAt }: Instance,
  machine: Machine | null,
  now: number,
): Step {
  const lost = { kind: "terminate" as const, isLost: true, hostFailed: registeredAt === null };
  if (machine === null || machine.state === "gone")
    return now - launchedAt < limits.appear ? wait : { ...lost, reason: "the provider knows it no more" };
  if (machine.state === "stopped") return { ...lost, reason: "the provider stopped it" };
  if (machine.state === "failed") return { ...lost, reason: "it failed", hostFailed: true };
  return wait;
}
