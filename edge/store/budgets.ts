/** What was told of a search's budget. */

import type { BudgetNews, BudgetTold } from "../budget.ts";
import { statement } from "./database.ts";

/** SQL: columns of what was told of a search `s`. */
export const toldColumns = "s.gpu_hours_told, s.wall_clock_hours_told, s.usd_told";

export interface ToldRow {
  gpu_hours_told: number;
  wall_clock_hours_told: number;
  usd_told: number;
}

export const toldOf = (row: ToldRow): BudgetTold => ({
  gpuHours: row.gpu_hours_told,
  wallClockHours: row.wall_clock_hours_told,
  usd: row.usd_told,
});

/**
 * Remembers what is told; nothing where there are no news. Its version is null, which the column refuses, where something
 * else was told since it was read: the batch of it aborts, so nothing is told twice.
 */
export function toldChange(
  db: D1Database,
  searchId: string,
  { before, after, events }: BudgetNews,
): D1PreparedStatement[] {
  if (events.length === 0) return [];
  return [
    statement(
      db,
      `UPDATE searches SET gpu_hours_told = :gpuHours, wall_clock_hours_told = :wallClockHours, usd_told = :usd,
         version = CASE WHEN gpu_hours_told = :gpuHoursBefore AND wall_clock_hours_told = :wallClockHoursBefore
           AND usd_told = :usdBefore THEN version END
       WHERE id = :searchId`,
      {
        searchId,
        ...after,
        gpuHoursBefore: before.gpuHours,
        wallClockHoursBefore: before.wallClockHours,
        usdBefore: before.usd,
      },
    ),
  ];
}
