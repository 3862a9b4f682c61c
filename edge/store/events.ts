/** The event log of a search: numbered from 1, written in the batch of what it tells of. */

import { and, asc, eq, gt } from "drizzle-orm";
import { events } from "../../schema/events.ts";
import { database, statement } from "./database.ts";

export interface NewEvent {
  type: string;
  data: Record<string, unknown>;
}

export type EventRow = typeof events.$inferSelect;

/** Appends events; nothing for an empty list, or where the search was deleted. */
export function appendEvents(
  db: D1Database,
  searchId: string,
  list: readonly NewEvent[],
  now: number,
): D1PreparedStatement[] {
  if (list.length === 0) return [];
  return [
    statement(
      db,
      `INSERT INTO events (search_id, sequence, type, data, created_at)
       SELECT :searchId, (SELECT coalesce(max(sequence), 0) FROM events WHERE search_id = :searchId) + key + 1,
         json_extract(value, '$.type'), json_extract(value, '$.data'), :now
       FROM json_each(:list) WHERE EXISTS (SELECT 1 FROM searches WHERE id = :searchId)`,
      { searchId, list: JSON.stringify(list), now },
    ),
  ];
}

/** Whether a statement may write events: all that do begin so. */
export const writesEvents = (sql: string): boolean => /^\s*INSERT INTO events\b/.test(sql);

export const eventsAfter = (
  db: D1Database,
  searchId: string,
  sequence: number,
  limit: number,
): Promise<EventRow[]> =>
  database(db)
    .select()
    .from(events)
    .where(and(eq(events.searchId, searchId), gt(events.sequence, sequence)))
    .orderBy(asc(events.sequence))
    .limit(limit);
