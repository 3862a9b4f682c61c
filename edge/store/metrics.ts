/** Counts for `/metrics`: of what is not over, so that they stay cheap however long a deployment lives. */

import { liveStates } from "../../schema/instances.ts";
import type { Summary } from "../../schema/searches.ts";
import { statement } from "./database.ts";
import { spentByNow } from "./instances.ts";

export interface States {
  searches: Record<string, number>;
  trainings: Record<string, number>;
  instances: Record<string, number>;
  leases: number;
  deliveries: number;
}

const open = {
  searches: ["queued", "running", "paused"],
  trainings: ["queued", "running"],
  instances: liveStates,
};

export async function statesOf(db: D1Database, now: number): Promise<States> {
  const counts = Object.entries(open).flatMap(([table, states]) =>
    states.map((state) => `(SELECT count(*) FROM ${table} WHERE state = '${state}') AS ${table}_${state}`),
  );
  const row = await statement(
    db,
    `SELECT ${counts.join(", ")},
       (SELECT count(*) FROM leases l WHERE l.expires_at > :now
         AND l.search_id IN (SELECT id FROM searches WHERE state IN ('queued', 'running', 'paused'))) AS leases,
       (SELECT count(*) FROM webhook_deliveries WHERE next_attempt_at <= :now) AS deliveries`,
    { now },
  ).first<Record<string, number>>();
  const of = (table: keyof typeof open) =>
    Object.fromEntries(open[table].map((state) => [state, row?.[`${table}_${state}`] ?? 0]));
  return {
    searches: of("searches"),
    trainings: of("trainings"),
    instances: of("instances"),
    leases: row?.leases ?? 0,
    deliveries: row?.deliveries ?? 0,
  };
}

export interface Rented {
  id: string;
  /** In millionths of a dollar, until now. */
  spent: number;
  summary: Summary;
}

/** So many searches at most are in the metrics. */
const mostRented = 100;

/** Searches that rent and are not over. */
export async function rentedNow(db: D1Database, now: number): Promise<Rented[]> {
  const { results } = await statement(
    db,
    `SELECT s.id, c.summary, (SELECT ${spentByNow} FROM instances WHERE search_id = s.id) AS spent
     FROM searches s JOIN controller_states c ON c.search_id = s.id
     WHERE s.rents = 1 AND s.state IN ('queued', 'running', 'paused') LIMIT :limit`,
    { now, limit: mostRented },
  ).all<{ id: string; spent: number; summary: string }>();
  return results.map((row) => ({ ...row, summary: JSON.parse(row.summary) as Summary }));
}
