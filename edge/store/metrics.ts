/** Counts for `/metrics`: of what is not over, so that they stay cheap however long a deployment lives. */

import { liveStates } from "../../schema/instances.ts";
import { statement } from "./database.ts";

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
