/** What was spent, by day. */

import { statement } from "./database.ts";

export const dayMs = 86_400_000;

export interface DaySpending {
  /** Since 1970, in UTC. */
  day: number;
  searchId: string;
  name: string | null;
  microUsd: number;
}

/** By search, from a day on, the oldest first. What is only set aside is not spent. */
export async function spentByDay(db: D1Database, firstDay: number): Promise<DaySpending[]> {
  const { results } = await statement(
    db,
    `SELECT at / ${dayMs} AS day, search_id AS searchId, (SELECT name FROM searches WHERE id = search_id) AS name,
       sum(micro_usd) AS microUsd
     FROM ledger WHERE at >= :first AND kind <> 'reserved' GROUP BY day, searchId ORDER BY day, searchId`,
    { first: firstDay * dayMs },
  ).all<DaySpending>();
  return results;
}
