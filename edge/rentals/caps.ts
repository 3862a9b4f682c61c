/** What a search may cost in all: its own budget, or its share of its campaign's. */

import { finishedStates, type SearchState } from "../../schema/searches.ts";
import type { Campaign } from "../../shared/campaign.ts";
import type { Specification } from "../../shared/specification.ts";
import { statement } from "../store/database.ts";
import { type Caps, committedTo, totals } from "../store/instances.ts";
import type { Loop } from "./changes.ts";
import { microUsd } from "./money.ts";

interface Sharer {
  budget: string;
  id: string;
  state: SearchState;
  committed: number;
}

/** In millionths of a dollar; nothing for a search that was deleted. */
export async function searchCap(
  db: D1Database,
  {
    searchId,
    specification,
    campaignId,
  }: { searchId: string; specification: Specification | null; campaignId: string | null },
): Promise<number> {
  if (specification === null) return 0;
  const own = microUsd(specification.budget.usd ?? 0);
  return campaignId === null ? own : Math.min(own, await share(db, campaignId, searchId));
}

/** What may still be committed to a search now, and the caps that say so. */
export async function allowance(
  { env, setUp }: Loop,
  search: Parameters<typeof searchCap>[1] & { committedMicroUsd: number },
  now: number,
): Promise<{ caps: Caps; free: number }> {
  const caps = { search: await searchCap(env.DB, search), month: setUp.caps.microUsdPerMonth };
  const { monthMicroUsd } = await totals(env.DB, now);
  return { caps, free: Math.min(caps.search - search.committedMicroUsd, caps.month - monthMicroUsd) };
}

/** Searches that are not over share evenly what those that are left; infinite where the campaign sets nothing. */
async function share(db: D1Database, campaignId: string, searchId: string): Promise<number> {
  const { results } = await statement(
    db,
    `SELECT json_extract(c.specification, '$.budget') AS budget, s.id, s.state,
       ${committedTo("s.id")} AS committed
     FROM campaigns c JOIN searches s ON s.campaign_id = c.id WHERE c.id = :campaignId`,
    { campaignId },
  ).all<Sharer>();
  const [first] = results;
  const { usd } = first === undefined ? {} : (JSON.parse(first.budget) as Campaign["budget"]);
  if (usd === undefined) return Number.POSITIVE_INFINITY;
  const isOver = ({ state }: Sharer) => finishedStates.includes(state);
  const over = results.filter((row) => isOver(row) && row.id !== searchId);
  const used = over.reduce((sum, { committed }) => sum + committed, 0);
  return Math.floor((microUsd(usd) - used) / Math.max(1, results.length - over.length));
}
