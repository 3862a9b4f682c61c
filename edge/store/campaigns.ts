/** Campaigns and the searches of each. */

import { asc, desc, eq, sql } from "drizzle-orm";
import { campaigns } from "../../schema/campaigns.ts";
import { controllerStates, finishedStates, searches } from "../../schema/searches.ts";
import type { CampaignSpending } from "../budget.ts";
import { type CreatedKey, database, isAfterPage, statement } from "./database.ts";
import type { Search } from "./searches.ts";

export type Campaign = typeof campaigns.$inferSelect;

export const campaignInsertion = (db: D1Database, campaign: Campaign): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO campaigns (id, name, visibility, specification, created_at)
     VALUES (:id, :name, :visibility, :specification, :createdAt)`,
    { ...campaign, specification: JSON.stringify(campaign.specification) },
  );

export async function findCampaign(db: D1Database, id: string): Promise<Campaign | null> {
  const [row] = await database(db).select().from(campaigns).where(eq(campaigns.id, id));
  return row ?? null;
}

/** Newest first; `before` is the key of the last campaign of the page before. */
export const listCampaigns = (
  db: D1Database,
  { before, limit }: { before: CreatedKey | null; limit: number },
): Promise<Campaign[]> =>
  database(db)
    .select()
    .from(campaigns)
    .where(isAfterPage(campaigns.createdAt, campaigns.id, before))
    .orderBy(desc(campaigns.createdAt), desc(campaigns.id))
    .limit(limit);

/** Runner time of a search: of its rounds and of its short trainings. */
const busySeconds = sql<number>`controller_states.busy_seconds + coalesce((SELECT sum(json_extract(t.report, '$.seconds'))
  FROM trainings t WHERE t.search_id = searches.id AND t.purpose = 'rerank' AND t.report IS NOT NULL), 0)`;

/** The searches of a campaign with what each has used, in the order of its grid. */
export async function searchesOf(
  db: D1Database,
  campaignId: string,
): Promise<(Search & { busySeconds: number })[]> {
  const rows = await database(db)
    .select({
      search: searches,
      round: controllerStates.round,
      summary: controllerStates.summary,
      busySeconds,
    })
    .from(searches)
    .innerJoin(controllerStates, eq(controllerStates.searchId, searches.id))
    .where(eq(searches.campaignId, campaignId))
    .orderBy(asc(searches.createdAt));
  return rows.map(({ search, ...rest }) => ({ ...search, ...rest }));
}

/** What a campaign has used of its budget; null for a search of none. */
export async function spendingOf(
  db: D1Database,
  campaignId: string | null,
): Promise<CampaignSpending | null> {
  if (campaignId === null) return null;
  const campaign = await findCampaign(db, campaignId);
  if (campaign === null) return null;
  const { budget } = campaign.specification;
  if (Object.keys(budget).length === 0) return null;
  const rows = await database(db)
    .select({ state: searches.state, startedAt: searches.startedAt, busySeconds })
    .from(searches)
    .innerJoin(controllerStates, eq(controllerStates.searchId, searches.id))
    .where(eq(searches.campaignId, campaignId));
  return {
    budget,
    searches: rows.map(({ state, ...spent }) => ({ ...spent, isOver: finishedStates.includes(state) })),
  };
}

/** Cancels the searches that are not over, with the event of each. */
export async function cancelSearches(db: D1Database, campaignId: string): Promise<void> {
  const now = Date.now();
  const open =
    "SELECT id FROM searches WHERE campaign_id = :campaignId AND state IN ('queued', 'running', 'paused')";
  const values = { campaignId, now };
  await db.batch([
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT s.id, (SELECT coalesce(max(e.sequence), 0) + 1 FROM events e WHERE e.search_id = s.id),
         'search.cancelled', json_object('campaignId', :campaignId), :now
       FROM searches s WHERE s.id IN (${open})`,
      values,
    ),
    statement(
      db,
      `UPDATE trainings SET state = 'cancelled', finished_at = :now
       WHERE search_id IN (${open}) AND state IN ('queued', 'running')`,
      values,
    ),
    statement(
      db,
      `UPDATE searches SET state = 'cancelled', version = version + 1, finished_at = :now WHERE id IN (${open})`,
      values,
    ),
  ]);
}
