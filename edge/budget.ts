/** Whether a search may go on spending, and what is told of how much it has spent. Pure. */

import type { Campaign } from "../shared/campaign.ts";
import type { Specification } from "../shared/specification.ts";
import type { NewEvent } from "./store/events.ts";

const hourMs = 3_600_000;
const hourSeconds = 3600;

/** What a search has used of its budget. */
export interface Spent {
  startedAt: number | null;
  busySeconds: number;
  /** On rented machines; 0 without, and where another tells of it. */
  usd?: number;
}

/** Shares of a budget that are told when they are reached, in percent. */
export const budgetThresholds = [50, 80, 100] as const;

/** The highest share of each budget that was told, in percent. */
export interface BudgetTold {
  gpuHours: number;
  wallClockHours: number;
  usd: number;
}

/** What there is to tell of a budget, and what was told then. */
export interface BudgetNews {
  before: BudgetTold;
  after: BudgetTold;
  /** None where nothing was reached since. */
  events: NewEvent[];
}

export function budgetNews(
  budget: Specification["budget"],
  { startedAt, busySeconds, usd = 0 }: Spent,
  told: BudgetTold,
  now: number,
): BudgetNews {
  const used: BudgetTold = {
    gpuHours: busySeconds / hourSeconds,
    wallClockHours: startedAt === null ? 0 : (now - startedAt) / hourMs,
    usd,
  };
  const news: BudgetNews = { before: told, after: { ...told }, events: [] };
  for (const name of ["gpuHours", "wallClockHours", "usd"] as const) {
    const limit = budget[name];
    if (limit === undefined) continue;
    for (const percent of budgetThresholds) {
      if (percent <= told[name] || (100 * used[name]) / limit < percent) continue;
      news.after[name] = percent;
      news.events.push({
        type: "budget.threshold",
        data: { budget: name, percent, used: used[name], limit },
      });
    }
  }
  return news;
}

/** What all searches of a campaign have used of theirs. */
export interface CampaignSpending {
  budget: Campaign["budget"];
  searches: (Spent & { isOver: boolean })[];
}

/**
 * @param campaign that the search is of, if any
 * @param share of the search's hours that may be spent
 */
export function isBudgetSpent(
  budget: Specification["budget"],
  spent: Spent,
  now: number,
  campaign: CampaignSpending | null = null,
  share = 1,
): boolean {
  return isOver(budget, spent, now, share) || (campaign !== null && isShareSpent(campaign, spent, now));
}

function isOver(
  { wallClockHours = Number.POSITIVE_INFINITY, gpuHours = Number.POSITIVE_INFINITY }: Campaign["budget"],
  { startedAt, busySeconds }: Spent,
  now: number,
  share = 1,
): boolean {
  const hours = startedAt === null ? 0 : (now - startedAt) / hourMs;
  return hours >= share * wallClockHours || busySeconds / hourSeconds >= share * gpuHours;
}

/** Searches that are not over share evenly what those that are left of the runners' time; the clock is everybody's. */
function isShareSpent({ budget, searches }: CampaignSpending, { busySeconds }: Spent, now: number): boolean {
  const over = searches.filter((search) => search.isOver);
  const used = over.reduce((sum, search) => sum + search.busySeconds, 0) / hourSeconds;
  const sharers = Math.max(1, searches.length - over.length);
  const gpuHours = budget.gpuHours === undefined ? undefined : (budget.gpuHours - used) / sharers;
  const starts = searches.flatMap(({ startedAt }) => startedAt ?? []);
  const startedAt = starts.length === 0 ? null : Math.min(...starts);
  return isOver({ ...budget, gpuHours }, { startedAt, busySeconds }, now);
}
