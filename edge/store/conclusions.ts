/** Searches whose rounds are over and whose last front is being measured: what they are judged by, and their end. */

import type { Specification } from "../../shared/specification.ts";
import type { ControllerState, RoundOutcome } from "../controller/state.ts";
import { parseState } from "../controller/upgrade.ts";
import { type Rented, type RentedRow, rentedColumns, rentedOf } from "../rentals/exhausted.ts";
import { archiveChanges } from "./architectures.ts";
import { guarded, statement } from "./database.ts";
import { appendEvents } from "./events.ts";
import { withdrawMeasurements } from "./measurements.ts";
import { trainingsToFollow } from "./reports.ts";

export interface Awaiting {
  specification: Specification;
  state: ControllerState;
  startedAt: number | null;
  busySeconds: number;
  campaignId: string | null;
  rented: Rented;
}

interface AwaitingRow extends RentedRow {
  specification: string;
  state: string;
  started_at: number | null;
  busy_seconds: number;
  campaign_id: string | null;
}

/** SQL that is true of a search `s` with its state `c` once devices have nothing left to do for its end. */
const isMeasured = `s.searching = 0 AND s.state IN ('running', 'paused')
  AND json_extract(c.state, '$.askedOfDevices') IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM measurements m
    WHERE m.search_id = s.id AND m.state = 'queued' AND m.purpose = 'final')`;

/** Null where something is still to be measured, or the search has gone on. */
export async function findAwaiting(db: D1Database, searchId: string, now: number): Promise<Awaiting | null> {
  const row = await statement(
    db,
    `SELECT s.specification, c.state, s.started_at, c.busy_seconds, s.campaign_id, ${rentedColumns}
     FROM searches s JOIN controller_states c ON c.search_id = s.id
     WHERE s.id = :searchId AND ${isMeasured}`,
    { searchId, now },
  ).first<AwaitingRow>();
  if (row === null) return null;
  return {
    specification: JSON.parse(row.specification) as Specification,
    state: parseState(row.state),
    startedAt: row.started_at,
    busySeconds: row.busy_seconds,
    campaignId: row.campaign_id,
    rented: rentedOf(row),
  };
}

/** Fails where the search has gone on, or other measurements came in, since the state was read. */
const stateAfter = (db: D1Database, searchId: string, state: ControllerState): D1PreparedStatement =>
  statement(
    db,
    `UPDATE controller_states SET state = :state, round = CASE WHEN EXISTS (
       SELECT 1 FROM searches s JOIN controller_states c ON c.search_id = s.id
       WHERE s.id = :searchId AND ${isMeasured} AND json_extract(c.state, '$.amendments') = :seen) THEN round END
     WHERE search_id = :searchId`,
    {
      searchId,
      seen: state.amendments,
      state: JSON.stringify({ ...state, amendments: state.amendments + 1 }),
    },
  );

/** Has devices measure more before the end; false where the search has changed since it was read. */
export const measureMore = async (
  db: D1Database,
  searchId: string,
  { state, measurements }: { state: ControllerState; measurements: D1PreparedStatement[] },
): Promise<boolean> => (await guarded(db, [stateAfter(db, searchId, state), ...measurements])) !== null;

/** What follows the rounds; false where the search has changed since it was read. */
export async function concludeSearch(
  db: D1Database,
  searchId: string,
  {
    state,
    specification,
    archive,
    events,
    ...chosen
  }: Pick<RoundOutcome, "state" | "archive" | "events" | "best" | "rerank"> & {
    specification: Specification;
  },
  now: number,
): Promise<boolean> {
  const { askedOfDevices: _, ...ended } = state;
  const results = await guarded(db, [
    stateAfter(db, searchId, ended),
    ...archiveChanges(db, searchId, archive, { isLate: true }),
    ...appendEvents(db, searchId, events, now),
    // Candidates that wait would change the front after it was chosen from.
    withdrawMeasurements(db, searchId, "its search chose what to train", now),
    ...trainingsToFollow(db, { searchId, specification, state, ...chosen }, now),
  ]);
  return results !== null;
}

/** SQL: whether a search's end was cut off. */
export const conclusionsDue = `EXISTS (SELECT 1 FROM searches s JOIN controller_states c ON c.search_id = s.id WHERE ${isMeasured})`;

export async function awaitingSearches(db: D1Database): Promise<string[]> {
  const { results } = await statement(
    db,
    `SELECT s.id FROM searches s JOIN controller_states c ON c.search_id = s.id WHERE ${isMeasured} LIMIT 10`,
  ).all<{ id: string }>();
  return results.map(({ id }) => id);
}
