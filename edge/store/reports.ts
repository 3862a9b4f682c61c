/**
 * Writing what a runner reports, each in one batch that begins with a guard: an insert that fails, and so aborts all
 * of the batch, unless the lease is held and the work is still to be done.
 */

import type { SearchState, Summary } from "../../schema/searches.ts";
import type { FinalTrainingReport, RoundReport, RoundTask } from "../../shared/protocol.ts";
import { rungRecipe } from "../../shared/reranking.ts";
import type { Specification } from "../../shared/specification.ts";
import type { BudgetNews, BudgetTold } from "../budget.ts";
import type { ControllerState, RoundOutcome } from "../controller/state.ts";
import { parseState } from "../controller/upgrade.ts";
import { candidateMeasurements, finalMeasurements } from "../measuring/assign.ts";
import { type Rented, type RentedRow, rentedColumns, rentedOf } from "../rentals/exhausted.ts";
import { archiveChanges } from "./architectures.ts";
import { type ToldRow, toldChange, toldColumns, toldOf } from "./budgets.ts";
import { guarded, statement } from "./database.ts";
import { appendEvents, type NewEvent } from "./events.ts";
import { expiryFrom, type Lease, leaseHeld } from "./runners.ts";
import { isScaled, queueTrainings, settleSearch, type Training } from "./trainings.ts";

/** What a report is judged by, from one query. */
export interface RoundContext {
  searchState: SearchState;
  specification: Specification;
  startedAt: number | null;
  /** The round whose report is awaited. */
  round: number;
  controller: ControllerState;
  summary: Summary;
  busySeconds: number;
  campaignId: string | null;
  told: BudgetTold;
  rented: Rented;
  /** Null when it is not held under the report's lease. */
  lease: Lease | null;
  /** Of the reported round, when it was reported before. */
  storedDigest: string | null;
}

interface RoundContextRow extends RentedRow, ToldRow {
  state: SearchState;
  specification: string;
  started_at: number | null;
  round: number;
  controller: string;
  summary: string;
  busy_seconds: number;
  campaign_id: string | null;
  runner_id: string | null;
  expires_at: number | null;
  digest: string | null;
}

export async function roundContext(
  db: D1Database,
  key: { searchId: string; round: number; leaseId: string },
  now: number,
): Promise<RoundContext | null> {
  const row = await statement(
    db,
    `SELECT s.state, s.specification, s.started_at, c.round, c.state AS controller, c.summary, c.busy_seconds,
       s.campaign_id, ${toldColumns}, l.runner_id, l.expires_at, r.digest,
       ${rentedColumns}
     FROM searches s JOIN controller_states c ON c.search_id = s.id
     LEFT JOIN leases l ON l.resource = s.id AND l.lease_id = :leaseId AND l.expires_at > :now
     LEFT JOIN rounds r ON r.search_id = s.id AND r.round = :round
     WHERE s.id = :searchId`,
    { ...key, now },
  ).first<RoundContextRow>();
  if (row === null) return null;
  const { runner_id: runnerId, expires_at: expiresAt } = row;
  return {
    searchState: row.state,
    specification: JSON.parse(row.specification) as Specification,
    startedAt: row.started_at,
    round: row.round,
    controller: parseState(row.controller),
    summary: JSON.parse(row.summary) as Summary,
    busySeconds: row.busy_seconds,
    campaignId: row.campaign_id,
    told: toldOf(row),
    rented: rentedOf(row),
    lease:
      runnerId === null || expiresAt === null
        ? null
        : { resource: key.searchId, leaseId: key.leaseId, runnerId, expiresAt },
    storedDigest: row.digest,
  };
}

export interface RoundWrite {
  task: RoundTask;
  report: RoundReport;
  outcome: RoundOutcome;
  summary: Summary;
  specification: Specification;
  budget: BudgetNews;
}

export interface Written {
  searchState: SearchState;
  rowsWritten: number;
}

/** Writes a round; null when a guard refused it and nothing was written. */
export async function writeRound(db: D1Database, write: RoundWrite, now: number): Promise<Written | null> {
  const { task, outcome } = write;
  const { searchId } = task;
  const statements = [
    guardedRound(db, write, now),
    statement(
      db,
      `UPDATE controller_states SET round = :round, state = :state, summary = :summary,
         busy_seconds = busy_seconds + :seconds WHERE search_id = :searchId`,
      {
        searchId,
        round: task.round + 1,
        state: JSON.stringify(outcome.state),
        summary: JSON.stringify(write.summary),
        seconds: secondsOf(write.report),
      },
    ),
    ...archiveChanges(db, searchId, outcome.archive),
    ...candidateMeasurements(db, write.specification, outcome, now),
    ...toldChange(db, searchId, write.budget),
    ...appendEvents(db, searchId, [...outcome.events, ...write.budget.events], now),
    ...(outcome.done
      ? endOfRounds(db, write, now)
      : [leaseOfNext(db, { searchId, hasTask: outcome.state.task !== null }, now)]),
    statement(db, "SELECT state FROM searches WHERE id = :searchId", { searchId }),
  ];
  const results = await guarded(db, statements);
  if (results === null) return null;
  const last = results.at(-1)?.results[0] as { state: SearchState } | undefined;
  return {
    searchState: last?.state ?? "cancelled",
    rowsWritten: results.reduce((sum, { meta }) => sum + meta.rows_written, 0),
  };
}

/** The lease goes on with the next round, or ends where there is none. */
const leaseOfNext = (
  db: D1Database,
  { searchId, hasTask }: { searchId: string; hasTask: boolean },
  now: number,
): D1PreparedStatement =>
  hasTask
    ? statement(
        db,
        "UPDATE leases SET expires_at = :expiresAt, attempts = 1, heard = 0 WHERE resource = :searchId",
        { searchId, expiresAt: expiryFrom(now) },
      )
    : statement(db, "DELETE FROM leases WHERE resource = :searchId", { searchId });

/** Runner time that a round took. */
export const secondsOf = ({ seconds }: RoundReport): number =>
  seconds.train + seconds.evaluate + seconds.idle;

/**
 * The number of the round is null, which the column refuses, unless it is this round's turn under a held lease and no
 * late measurement changed the state since it was read.
 */
function guardedRound(
  db: D1Database,
  { task, report, outcome }: RoundWrite,
  now: number,
): D1PreparedStatement {
  const { record } = outcome;
  return statement(
    db,
    `INSERT INTO rounds (search_id, round, stage, phase, task, candidates, train_loss, hypervolume, pruned, digest,
       seconds, created_at)
     VALUES (:resource,
       (SELECT round FROM controller_states WHERE search_id = :resource AND round = :round
          AND json_extract(state, '$.amendments') = :amendments AND ${leaseHeld}),
       :stage, :phase, :task, :candidates, :trainLoss, :hypervolume, :pruned, :digest, :seconds, :now)`,
    {
      resource: task.searchId,
      leaseId: report.leaseId,
      round: task.round,
      amendments: outcome.state.amendments,
      stage: record.stage,
      phase: record.phase,
      // What a replay needs, which is the batch that was trained rather than the one that was asked for.
      task: JSON.stringify(
        report.kind === "trainRound" && report.halvedFrom !== undefined
          ? { ...task, halvedFrom: report.halvedFrom }
          : task,
      ),
      candidates: JSON.stringify(record.candidates),
      trainLoss: record.trainLoss,
      hypervolume: record.hypervolume,
      pruned: JSON.stringify(record.pruned),
      digest: report.digest,
      seconds: JSON.stringify(report.seconds),
      now,
    },
  );
}

/** After the last round: the front is measured on devices, or what follows then. */
function endOfRounds(
  db: D1Database,
  { task, outcome, specification }: RoundWrite,
  now: number,
): D1PreparedStatement[] {
  const { searchId } = task;
  const over = statement(db, "DELETE FROM leases WHERE resource = :searchId", { searchId });
  if (outcome.unmeasured.length === 0)
    return [over, ...trainingsToFollow(db, { ...outcome, searchId, specification }, now)];
  return [
    over,
    statement(db, "UPDATE searches SET searching = 0, version = version + 1 WHERE id = :searchId", {
      searchId,
    }),
    ...finalMeasurements(db, specification, outcome, now),
  ];
}

/** The short or final trainings, or the end of the search where there are none. */
export function trainingsToFollow(
  db: D1Database,
  {
    searchId,
    specification,
    rerank,
    best,
    state: { stage },
  }: Pick<RoundOutcome, "rerank" | "best" | "state"> & { searchId: string; specification: Specification },
  now: number,
): D1PreparedStatement[] {
  const list = rerank.length > 0 ? rerank : best;
  const kind =
    rerank.length > 0
      ? { purpose: "rerank" as const, rung: 0, recipe: rungRecipe(specification, 0) }
      : { purpose: "final" as const, rung: null, recipe: specification.finalTraining };
  const event: NewEvent = { type: "search.completed", data: {} };
  return [
    ...queueTrainings(db, { ...kind, searchId, stage, hashes: list }, now),
    statement(
      db,
      `UPDATE searches SET searching = 0, version = version + 1,
         state = CASE WHEN state = 'cancelled' OR :open > 0 THEN state ELSE 'completed' END,
         finished_at = CASE WHEN :open > 0 THEN finished_at ELSE coalesce(finished_at, :now) END
       WHERE id = :searchId`,
      { searchId, open: list.length, now },
    ),
    ...(list.length === 0 ? appendEvents(db, searchId, [event], now) : []),
  ];
}

/** A training under a held lease. */
export interface HeldTraining extends Pick<Training, "id" | "searchId" | "hash" | "purpose" | "rung"> {
  runnerId: string;
}

/** Null when it is not held under this lease. */
export const heldTraining = (
  db: D1Database,
  lease: { resource: string; leaseId: string },
  now: number,
): Promise<HeldTraining | null> =>
  statement(
    db,
    `SELECT t.id, t.search_id AS searchId, t.hash, t.purpose, t.rung, l.runner_id AS runnerId
     FROM leases l JOIN trainings t ON t.id = l.resource
     WHERE l.resource = :resource AND l.lease_id = :leaseId AND l.expires_at > :now`,
    { ...lease, now },
  ).first<HeldTraining>();

/**
 * Writes the report of a final training; false when a guard refused it. The archive, whose costs are those of the
 * search's own size, learns only of networks of that size.
 */
export async function writeTraining(
  db: D1Database,
  { id: trainingId, searchId }: HeldTraining,
  report: FinalTrainingReport,
  now: number,
): Promise<boolean> {
  const values = { resource: trainingId, leaseId: report.leaseId, now, report: JSON.stringify(report) };
  const { testAccuracy, parameters } = report;
  const results = await guarded(db, [
    guardedTrainingEvent(
      db,
      { ...values, searchId },
      { type: "training.completed", data: { trainingId, testAccuracy, parameters } },
    ),
    statement(
      db,
      `UPDATE trainings SET state = 'completed', report = :report, finished_at = :now WHERE id = :resource`,
      values,
    ),
    statement(db, "DELETE FROM leases WHERE resource = :resource", values),
    statement(
      db,
      `UPDATE architectures SET evidence = 'full-training', test_accuracy = :testAccuracy
       WHERE search_id = :searchId
         AND hash = (SELECT hash FROM trainings WHERE id = :resource AND NOT (${isScaled})) AND stage =
         (SELECT max(a.stage) FROM architectures a WHERE a.search_id = :searchId AND a.hash = architectures.hash)`,
      { ...values, searchId, testAccuracy },
    ),
    statement(
      db,
      `UPDATE controller_states SET summary = json_set(summary, '$.bestTrainedAccuracy',
         max(coalesce(json_extract(summary, '$.bestTrainedAccuracy'), 0), :testAccuracy))
       WHERE search_id = :searchId
         AND EXISTS (SELECT 1 FROM trainings WHERE id = :resource AND NOT (${isScaled}))`,
      { ...values, searchId, testAccuracy },
    ),
    ...settleSearch(db, searchId, now),
  ]);
  return results !== null;
}

/** The event's search is null, which the column refuses, unless the training is open and its lease held. */
function guardedTrainingEvent(
  db: D1Database,
  values: { resource: string; leaseId: string; searchId: string; now: number },
  event: NewEvent,
): D1PreparedStatement {
  return statement(
    db,
    `INSERT INTO events (search_id, sequence, type, data, created_at) VALUES (
       (SELECT search_id FROM trainings WHERE id = :resource AND state = 'running' AND ${leaseHeld}),
       (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE search_id = :searchId), :type, :data, :now)`,
    { ...values, type: event.type, data: JSON.stringify(event.data) },
  );
}

/** Ends a training that failed too often, and its search when that was the last one. */
export async function failTraining(
  db: D1Database,
  training: { id: string; searchId: string },
  message: string,
  now: number,
): Promise<void> {
  const values = { ...training, message, now };
  await db.batch([
    statement(
      db,
      `UPDATE trainings SET state = 'failed', failure = :message, finished_at = :now
       WHERE id = :id AND state IN ('queued', 'running')`,
      values,
    ),
    statement(db, "DELETE FROM leases WHERE resource = :id", values),
    ...appendEvents(
      db,
      training.searchId,
      [{ type: "training.failed", data: { trainingId: training.id, message } }],
      now,
    ),
    // The search's UPDATE must come directly before the event that asks for changes().
    ...settleSearch(db, training.searchId, now),
  ]);
}
