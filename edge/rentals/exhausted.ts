/** Whether the money that is left is needed for what comes after: ordering the archive, and the final training. */

import type { Specification } from "../../shared/specification.ts";
import { type Done, secondsAfterwards } from "../../shared/trainingCost.ts";
import { spentByNow } from "../store/instances.ts";
import { searchCap } from "./caps.ts";
import { limits } from "./limits.ts";
import { costOf } from "./money.ts";

/** What a search has spent on machines, and what those that it has cost. */
export interface Rented {
  microUsd: number;
  /** Of the dearest machine; null where it has none now. */
  microUsdPerHour: number | null;
}

/** SQL: columns of it, for a search `s` at `:now`. */
export const rentedColumns = `(SELECT ${spentByNow} FROM instances WHERE search_id = s.id) AS rented_micro_usd,
  (SELECT max(micro_usd_per_hour) FROM instances i WHERE i.search_id = s.id AND i.state <> 'ended') AS rented_price`;

export interface RentedRow {
  rented_micro_usd: number;
  rented_price: number | null;
}

export const rentedOf = (row: RentedRow): Rented => ({
  microUsd: row.rented_micro_usd,
  microUsdPerHour: row.rented_price,
});

/** @param comes what would have to be given up if nothing was left for it */
export async function isMoneySpent(
  db: D1Database,
  search: {
    searchId: string;
    specification: Specification;
    campaignId: string | null;
    rented: Rented;
    done: Done;
  },
  comes: "allTrainings" | "finalTraining",
): Promise<boolean> {
  const { specification, rented, done } = search;
  const price = rented.microUsdPerHour;
  if (specification.rental === undefined || price === null) return false;
  const { reranking, finalTraining } = secondsAfterwards(specification, done);
  const seconds = finalTraining + (comes === "allTrainings" ? reranking : 0);
  const kept = costOf(price, 1000 * seconds + limits.shutdown);
  return rented.microUsd + kept >= (await searchCap(db, search));
}
