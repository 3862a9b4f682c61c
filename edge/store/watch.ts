/** What nobody reports and time alone brings about: searches that stall, hours of a budget that pass. */

import type { Specification } from "../../shared/specification.ts";
import { budgetNews, budgetThresholds } from "../budget.ts";
import { type ToldRow, toldChange, toldColumns, toldOf } from "./budgets.ts";
import { conclusionsDue } from "./conclusions.ts";
import { guarded, statement } from "./database.ts";
import { hasWork } from "./devices.ts";
import { appendEvents } from "./events.ts";
import { isAbandoned } from "./imports.ts";
import { rentalsDue } from "./instances.ts";
import { measurementsDue } from "./measurements.ts";

const stallMs = 15 * 60_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** So many budgets are told of in one sweep; the others come with the next. */
const budgetsPerSweep = 5;

/** SQL: when a search `s` showed a sign of life for the last time, its runner's lease counted to its end. */
const lastLife = `max(coalesce(s.started_at, 0),
  coalesce((SELECT max(expires_at) FROM leases WHERE search_id = s.id), 0),
  coalesce((SELECT created_at FROM rounds WHERE search_id = s.id ORDER BY round DESC LIMIT 1), 0),
  coalesce((SELECT created_at FROM events WHERE search_id = s.id ORDER BY sequence DESC LIMIT 1), 0))`;

/** SQL that is true of a running search `s` that stalled and was not told of since; the event is a sign of life, too. */
const isStalled = `s.state = 'running' AND ${lastLife} <= :now - ${stallMs}
  AND (s.stalled_at IS NULL OR s.stalled_at < ${lastLife})`;

/** SQL that is true of a running search `s` of which another share of its wall-clock time has passed. */
const isHoursDue = `s.state = 'running'
  AND 100 * (:now - s.started_at) / ${hourMs}.0 / json_extract(s.specification, '$.budget.wallClockHours')
    >= CASE ${budgetThresholds.map((percent) => `WHEN s.wall_clock_hours_told < ${percent} THEN ${percent}`).join(" ")} END`;

export interface Due {
  deliveries: boolean;
  stalled: boolean;
  budgets: boolean;
  imports: boolean;
  rentals: boolean;
  /** Something waits for an endpoint that measures. */
  endpoints: boolean;
  /** Devices left something undone. */
  measurements: boolean;
}

/**
 * Whether there is anything to do: one query, of which each part has its index.
 *
 * @param patience with a device that is away, in milliseconds
 */
export async function lookAround(db: D1Database, now: number, patience: number): Promise<Due> {
  const row = await statement(
    db,
    `SELECT EXISTS (SELECT 1 FROM webhook_deliveries WHERE next_attempt_at <= :now) AS deliveries,
       EXISTS (SELECT 1 FROM searches s WHERE ${isStalled}) AS stalled,
       EXISTS (SELECT 1 FROM searches s WHERE ${isHoursDue}) AS budgets,
       EXISTS (SELECT 1 FROM blobs WHERE ${isAbandoned}) AS imports,
       (${rentalsDue}) AS rentals,
       EXISTS (SELECT 1 FROM devices d WHERE ${hasWork}) AS endpoints,
       (${measurementsDue} OR ${conclusionsDue}) AS measurements`,
    { now, patience },
  ).first<Record<keyof Due, number>>();
  const is = (part: keyof Due): boolean => row?.[part] === 1;
  return {
    deliveries: is("deliveries"),
    stalled: is("stalled"),
    budgets: is("budgets"),
    imports: is("imports"),
    rentals: is("rentals"),
    endpoints: is("endpoints"),
    measurements: is("measurements"),
  };
}

/** Tells of every search that stalled, once. */
export async function tellStalled(db: D1Database, now: number): Promise<void> {
  await db.batch([
    statement(db, `UPDATE searches AS s SET stalled_at = :now WHERE ${isStalled}`, { now }),
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT s.id, (SELECT coalesce(max(e.sequence), 0) + 1 FROM events e WHERE e.search_id = s.id), 'search.stalled',
         json_object('idleMinutes', (:now - ${lastLife}) / ${minuteMs}), :now
       FROM searches s WHERE s.state = 'running' AND s.stalled_at = :now AND changes() > 0`,
      { now },
    ),
  ]);
}

interface HoursRow extends ToldRow {
  id: string;
  specification: string;
  started_at: number;
}

/** Tells of hours that have passed; those of runners are told of with their reports. */
export async function tellBudgets(db: D1Database, now: number): Promise<void> {
  const { results } = await statement(
    db,
    `SELECT s.id, s.specification, s.started_at, ${toldColumns} FROM searches s
     WHERE ${isHoursDue} LIMIT ${budgetsPerSweep}`,
    { now },
  ).all<HoursRow>();
  for (const row of results) {
    const { budget } = JSON.parse(row.specification) as Specification;
    const news = budgetNews(budget, { startedAt: row.started_at, busySeconds: 0 }, toldOf(row), now);
    // Where a report has told of it meanwhile, the guard refuses and nothing is left to tell.
    await guarded(db, [...toldChange(db, row.id, news), ...appendEvents(db, row.id, news.events, now)]);
  }
}
