/** The end of a search whose last front was measured on devices: only then is it chosen what to train. */

import { scheduleLength } from "../../shared/specification.ts";
import { isBudgetSpent } from "../budget.ts";
import { afterMeasuring, alsoToMeasure } from "../controller/controller.ts";
import { Problem } from "../problems.ts";
import { isMoneySpent } from "../rentals/exhausted.ts";
import { spendingOf } from "../store/campaigns.ts";
import { concludeSearch, findAwaiting, measureMore } from "../store/conclusions.ts";
import { finalMeasurements } from "./assign.ts";

/** Something else may be written between reading and writing, or no device may be there for what is asked. */
const writeTries = 8;

/** Does nothing while something is still to be measured, or where it is done already. */
export async function conclude(db: D1Database, searchId: string): Promise<void> {
  for (let tries = 0; tries < writeTries; tries++) {
    const now = Date.now();
    const read = await findAwaiting(db, searchId, now);
    if (read === null) return;
    const { specification, state } = read;
    const unmeasured = alsoToMeasure(state, specification);
    if (unmeasured.length > 0) {
      const asked = { ...state, askedOfDevices: [...(state.askedOfDevices ?? []), ...unmeasured] };
      const measurements = finalMeasurements(db, specification, { state, unmeasured }, now);
      await measureMore(db, searchId, { state: asked, measurements });
      continue;
    }
    const done = {
      rounds: state.round,
      of: scheduleLength(specification).rounds,
      busySeconds: read.busySeconds,
    };
    const isPoor = await isMoneySpent(db, { searchId, ...read, done }, "allTrainings");
    const campaign = await spendingOf(db, read.campaignId);
    const isSpent = isPoor || isBudgetSpent(specification.budget, read, now, campaign);
    const outcome = afterMeasuring(state, specification, isSpent);
    if (await concludeSearch(db, searchId, { state, specification, ...outcome }, now)) return;
  }
  throw new Problem("round-conflict", "Other measurements kept coming in between; send the report again.");
}
