/** Counting requests, exactly: the database decides. */

import { statement } from "./database.ts";

export interface RateCount {
  /** With this request; stops at one beyond the limit, so that a flood costs no more writes. */
  count: number;
  windowEnd: number;
}

/** Counts a request in the principal's window, which begins with its first request. */
export async function countRequest(
  db: D1Database,
  { principal, limit, windowMs, now }: { principal: string; limit: number; windowMs: number; now: number },
): Promise<RateCount> {
  const [, , counted] = await db.batch<RateCount>([
    statement(db, "DELETE FROM rate_counts WHERE window_end <= :now", { now }),
    statement(
      db,
      `INSERT INTO rate_counts (principal, count, window_end) VALUES (:principal, 1, :windowEnd)
       ON CONFLICT (principal) DO UPDATE SET count = count + 1 WHERE count <= :limit`,
      { principal, limit, windowEnd: now + windowMs },
    ),
    statement(db, "SELECT count, window_end AS windowEnd FROM rate_counts WHERE principal = :principal", {
      principal,
    }),
  ]);
  const row = counted?.results[0];
  if (row === undefined) throw new Error("a request was not counted");
  return row;
}
