/** Reported rounds. */

import { and, asc, eq, gt, gte } from "drizzle-orm";
import { rounds } from "../../schema/rounds.ts";
import { controllerStates, searches } from "../../schema/searches.ts";
import type { Amendment } from "../controller/amend.ts";
import type { ControllerState } from "../controller/state.ts";
import { parseState } from "../controller/upgrade.ts";
import { archiveChanges } from "./architectures.ts";
import { database, guarded, statement } from "./database.ts";

const after = (searchId: string, round: number) =>
  and(eq(rounds.searchId, searchId), gt(rounds.round, round));

/** What became of rounds, without tasks and candidates. */
export const roundsAfter = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({
      round: rounds.round,
      stage: rounds.stage,
      phase: rounds.phase,
      trainLoss: rounds.trainLoss,
      hypervolume: rounds.hypervolume,
      pruned: rounds.pruned,
      digest: rounds.digest,
      seconds: rounds.seconds,
      createdAt: rounds.createdAt,
    })
    .from(rounds)
    .where(after(searchId, round))
    .orderBy(asc(rounds.round))
    .limit(limit);

export const candidatesAfter = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({ round: rounds.round, stage: rounds.stage, phase: rounds.phase, candidates: rounds.candidates })
    .from(rounds)
    .where(after(searchId, round))
    .orderBy(asc(rounds.round))
    .limit(limit);

/** Tasks of reported rounds from one on, for a runner that resumes. */
export const replayFrom = (db: D1Database, searchId: string, round: number, limit: number) =>
  database(db)
    .select({ round: rounds.round, task: rounds.task, digest: rounds.digest })
    .from(rounds)
    .where(and(eq(rounds.searchId, searchId), gte(rounds.round, round)))
    .orderBy(asc(rounds.round))
    .limit(limit);

/** A round with all that a late measurement is judged by; undefined where it was not reported. */
export async function recordedRound(db: D1Database, searchId: string, round: number) {
  const [row] = await database(db)
    .select({
      specification: searches.specification,
      state: controllerStates.state,
      stage: rounds.stage,
      phase: rounds.phase,
      task: rounds.task,
      candidates: rounds.candidates,
    })
    .from(rounds)
    .innerJoin(searches, eq(searches.id, rounds.searchId))
    .innerJoin(controllerStates, eq(controllerStates.searchId, rounds.searchId))
    .where(and(eq(rounds.searchId, searchId), eq(rounds.round, round)));
  return row === undefined ? undefined : { ...row, state: parseState(row.state) };
}

/** Writes a late measurement; false when a report or another measurement came between, and nothing was written. */
export async function writeAmendment(
  db: D1Database,
  key: { searchId: string; round: number },
  read: ControllerState,
  amendment: Amendment,
): Promise<boolean> {
  return (await guarded(db, amendmentOf(db, key, read, amendment))) !== null;
}

/**
 * Statements of what comes late. The first is a guard: its round is null, which the column refuses, unless the state is
 * the one that was read.
 *
 * @param key of which round the candidates are; null where none change
 */
export const amendmentOf = (
  db: D1Database,
  { searchId, round }: { searchId: string; round: number | null },
  read: ControllerState,
  {
    state,
    candidates,
    archive,
  }: Omit<Amendment, "candidates"> & { candidates: Amendment["candidates"] | null },
): D1PreparedStatement[] => [
  statement(
    db,
    `UPDATE controller_states SET state = :state, round =
       CASE WHEN round = :awaited AND json_extract(state, '$.amendments') = :seen THEN round END
     WHERE search_id = :searchId`,
    { searchId, awaited: read.round, seen: read.amendments, state: JSON.stringify(state) },
  ),
  ...(candidates === null || round === null
    ? []
    : [
        statement(
          db,
          "UPDATE rounds SET candidates = :candidates WHERE search_id = :searchId AND round = :round",
          { searchId, round, candidates: JSON.stringify(candidates) },
        ),
      ]),
  ...archiveChanges(db, searchId, archive, { isLate: true }),
];
