/** What somebody who pays for machines should see: searches that wait for one, and events that tell of trouble. */

import { isAlert } from "../../schema/events.ts";
import { statement } from "./database.ts";

export interface Waiting {
  searchId: string;
  name: string;
  problem: string;
  detail: string;
  failures: number;
  since: number;
  tryAt: number;
}

export interface Alert {
  searchId: string;
  /** Null once the search is deleted. */
  name: string | null;
  sequence: number;
  type: string;
  data: Record<string, unknown>;
  createdAt: number;
}

const mostWaiting = 200;

/** Searches that want a machine now and got none. */
export async function listWaiting(db: D1Database): Promise<Waiting[]> {
  const { results } = await statement(
    db,
    `SELECT h.search_id AS searchId, s.name, h.problem, h.detail, h.failures, h.since, h.try_at AS tryAt
     FROM hires h JOIN searches s ON s.id = h.search_id
     WHERE s.state IN ('queued', 'running')
     ORDER BY h.search_id LIMIT ${mostWaiting}`,
  ).all<Waiting>();
  return results.sort((a, b) => b.since - a.since);
}

/** Events, the newest first. */
export async function listAlerts(db: D1Database, limit: number): Promise<Alert[]> {
  const { results } = await statement(
    db,
    `SELECT search_id AS searchId, (SELECT name FROM searches WHERE id = search_id) AS name, sequence, type, data,
       created_at AS createdAt
     FROM events WHERE ${isAlert} ORDER BY created_at DESC LIMIT :limit`,
    { limit },
  ).all<Omit<Alert, "data"> & { data: string }>();
  return results.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
}
