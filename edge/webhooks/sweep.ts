/** What is done every minute: looks whether anything is due, in one query, and mostly ends there. */

import type { Env } from "../env.ts";
import { askEndpoints } from "../measuring/endpoint.ts";
import { devicePatience, settleOverdue } from "../measuring/overdue.ts";
import { rent } from "../rentals/loop.ts";
import { removeAbandonedImports, removeOld } from "../retention.ts";
import { lookAround, tellBudgets, tellStalled } from "../store/watch.ts";
import { deliverDue, type Platform, perSweep } from "./deliver.ts";

export async function sweep(env: Env, platform: Platform): Promise<void> {
  const now = platform.now();
  const due = await lookAround(env.DB, now, devicePatience(env));
  if (due.stalled) await tellStalled(env.DB, now);
  if (due.budgets) await tellBudgets(env.DB, now);
  if (due.imports) await removeAbandonedImports(env, now);
  await removeOld(env, now);
  if (due.rentals) await rent(env, platform);
  if (due.endpoints) await askEndpoints(env, platform);
  if (due.measurements) await settleOverdue(env, now);
  if (due.deliveries || due.stalled || due.budgets || due.rentals || due.endpoints || due.measurements)
    await deliverDue(env, platform, perSweep);
}
