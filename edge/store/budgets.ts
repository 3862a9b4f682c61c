/** What was told of a search's budget. */

import type { BudgetNews } from "../budget.ts";
import { statement } from "./database.ts";

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
      `UPDATE searches SET gpu_hours_told = :gpuHours, wall_clock_hours_told = :wallClockHours, version = CASE
         WHEN gpu_hours_told = :gpuHoursBefore AND wall_clock_hours_told = :wallClockHoursBefore THEN version END
       WHERE id = :searchId`,
      {
        searchId,
        ...after,
        gpuHoursBefore: before.gpuHours,
        wallClockHoursBefore: before.wallClockHours,
      },
    ),
  ];
}
