/** What devices left undone: a search does not wait for a device that went away, nor for an end that was cut off. */

import type { Env } from "../env.ts";
import { awaitingSearches } from "../store/conclusions.ts";
import { measuredCalibrations, overdueMeasurements } from "../store/measurements.ts";
import { calibrationMeasured } from "./calibrate.ts";
import { conclude } from "./conclude.ts";
import { abandon } from "./report.ts";

const defaultMinutes = 10;

/** How long the end of a search waits for a device that is away, in milliseconds. */
export function devicePatience({ NASTURTIUM_DEVICE_PATIENCE_MINUTES: text }: Env): number {
  const minutes = Number(text ?? defaultMinutes);
  return 60_000 * (Number.isFinite(minutes) && minutes > 0 ? minutes : defaultMinutes);
}

export async function settleOverdue(env: Env, now: number): Promise<void> {
  const patience = devicePatience(env);
  for (const ids of await overdueMeasurements(env.DB, { now, patience }))
    await abandon(env, ids, "the device is away and measured nothing");
  for (const id of await measuredCalibrations(env.DB)) await calibrationMeasured(env.DB, id);
  for (const id of await awaitingSearches(env.DB)) await conclude(env.DB, id);
}
