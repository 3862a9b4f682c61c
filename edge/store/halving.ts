/** Searches by training: writing that a training begins or has ended, each at once with what follows from it. */

import type { Summary } from "../../schema/searches.ts";
import type { ShortTrainingReport, TrainedRound } from "../../shared/protocol.ts";
import type { FinalTraining, Specification } from "../../shared/specification.ts";
import type { BudgetNews } from "../budget.ts";
import { Context } from "../controller/context.ts";
import { type Chosen, type Ended, type HalvingEnd, halvingOf } from "../controller/halving.ts";
import type { ControllerState } from "../controller/state.ts";
import { toldChange } from "./budgets.ts";
import { guarded, statement } from "./database.ts";
import { appendEvents, type NewEvent } from "./events.ts";
import { trainingsToFollow } from "./reports.ts";
import { expiryFrom, leaseHeld, onLeavingMachine } from "./runners.ts";
import type { Training } from "./trainings.ts";

/** SQL that is true while nobody has changed the state since it was read with `:changes`. */
const unchanged = `EXISTS (SELECT 1 FROM controller_states c JOIN searches s ON s.id = c.search_id
  WHERE c.search_id = :searchId AND s.searching = 1 AND c.state ->> '$.halving.changes' = :changes)`;

export interface Beginning {
  searchId: string;
  specification: Specification;
  /** As read. */
  before: ControllerState;
  after: ControllerState;
  /** Null where nothing begins. */
  begun: { trainingId: string; runnerId: string; chosen: Chosen; recipe: FinalTraining } | null;
  end: HalvingEnd | null;
}

/** Writes that a training begins, leased to its runner, or what follows where none does; false when others changed the state. */
export const writeBeginning = async (db: D1Database, beginning: Beginning, now: number): Promise<boolean> =>
  (await guarded(db, beginningOf(db, beginning, now))) !== null;

function beginningOf(db: D1Database, beginning: Beginning, now: number): D1PreparedStatement[] {
  const { searchId, specification, before, after, begun, end } = beginning;
  const isFirst = before.round === 0 && halvingOf(before).candidates.length === 0;
  const events: NewEvent[] = [
    ...(isFirst && begun !== null ? [{ type: "search.started", data: { seed: after.seed } }] : []),
    ...(begun === null ? [] : begunEvents(begun)),
  ];
  return [
    stateChange(db, beginning),
    ...(begun === null ? [] : insertions(db, searchId, begun, new Context(specification), now)),
    statement(
      db,
      `UPDATE searches SET state = iif(state = 'queued', 'running', state), started_at = coalesce(started_at, :now),
         version = version + 1 WHERE id = :searchId`,
      { searchId, now },
    ),
    ...appendEvents(db, searchId, events, now),
    ...(end === null ? [] : ended(db, { searchId, specification, state: after, end }, now)),
  ];
}

/** The round is null, which the column refuses, when others changed the state or the search is not to go on. */
function stateChange(
  db: D1Database,
  { searchId, before, after }: Pick<Beginning, "searchId" | "before" | "after">,
): D1PreparedStatement {
  return statement(
    db,
    `UPDATE controller_states SET state = :state, round = CASE WHEN ${unchanged}
       AND EXISTS (SELECT 1 FROM searches WHERE id = :searchId AND state IN ('queued', 'running')) THEN round END
     WHERE search_id = :searchId`,
    { searchId, changes: halvingOf(before).changes, state: JSON.stringify(after) },
  );
}

function begunEvents({ trainingId, chosen }: NonNullable<Beginning["begun"]>): NewEvent[] {
  const { selection: _, ...recorded } = chosen;
  return [
    { type: "candidate.chosen", data: { trainingId, ...recorded } },
    { type: "training.started", data: { trainingId, purpose: "candidate" } },
  ];
}

/** The training, and the lease on it: nobody else is offered it. */
function insertions(
  db: D1Database,
  searchId: string,
  { trainingId, runnerId, chosen, recipe }: NonNullable<Beginning["begun"]>,
  context: Context,
  now: number,
): D1PreparedStatement[] {
  return [
    statement(
      db,
      `INSERT INTO trainings (id, search_id, hash, purpose, rung, genotype, recipe, state, created_at, started_at)
       VALUES (:trainingId, :searchId, :hash, 'candidate', :rung, :genotype, :recipe, 'running', :now, :now)`,
      {
        trainingId,
        searchId,
        hash: chosen.hash,
        rung: chosen.rung,
        genotype: JSON.stringify(context.genotype(chosen.selection)),
        recipe: JSON.stringify(recipe),
        now,
      },
    ),
    statement(
      db,
      `INSERT INTO leases (resource, search_id, lease_id, runner_id, expires_at, attempts)
       SELECT :trainingId, :searchId, :trainingId, :runnerId, :expiresAt, 1
       WHERE NOT EXISTS (SELECT 1 FROM runners r WHERE r.id = :runnerId AND ${onLeavingMachine})`,
      { trainingId, searchId, runnerId, expiresAt: expiryFrom(now) },
    ),
  ];
}

/** How a training of a candidate ended. */
export type CandidateEnding = { report: ShortTrainingReport } | { failure: string; diverged: boolean };

export interface CandidateClosing {
  training: Pick<Training, "id" | "searchId" | "hash" | "rung">;
  ending: CandidateEnding;
  specification: Specification;
  /** As read. */
  before: ControllerState;
  after: Ended;
  summary: Summary;
  budget: BudgetNews;
  /** What the same runner trains next; null where it is to ask. */
  next: Beginning | null;
}

/** Closes a training with what follows from it; false when a guard refused it and nothing was written. */
export async function writeCandidate(
  db: D1Database,
  closing: CandidateClosing,
  now: number,
): Promise<boolean> {
  const { training, ending, specification, after, budget, next } = closing;
  const { searchId } = training;
  const report = "report" in ending ? ending.report : null;
  const values = { id: training.id, searchId, now };
  const results = await guarded(db, [
    guardedRow(db, closing, now),
    statement(
      db,
      `UPDATE trainings SET state = :state, report = :report, failure = :failure, finished_at = :now WHERE id = :id`,
      {
        ...values,
        state: report === null ? "failed" : "completed",
        report: report === null ? null : JSON.stringify(report),
        failure: "failure" in ending ? ending.failure : null,
      },
    ),
    statement(db, "DELETE FROM leases WHERE resource = :id", values),
    statement(
      db,
      `UPDATE controller_states SET state = :state, round = :round, summary = :summary,
         busy_seconds = busy_seconds + :seconds WHERE search_id = :searchId`,
      {
        searchId,
        state: JSON.stringify(after.state),
        round: after.state.round,
        summary: JSON.stringify(closing.summary),
        seconds: report?.seconds ?? 0,
      },
    ),
    statement(db, "UPDATE searches SET version = version + 1 WHERE id = :searchId", values),
    ...archived(db, searchId, after, new Context(specification)),
    ...toldChange(db, searchId, budget),
    ...appendEvents(db, searchId, [endingEvent(training, ending), ...after.events, ...budget.events], now),
    ...(after.end === null
      ? []
      : ended(db, { searchId, specification, state: after.state, end: after.end }, now)),
    ...(next === null ? [] : beginningOf(db, next, now)),
  ]);
  return results !== null;
}

/**
 * The number of the round is null, which the column refuses, unless the training is open, its lease held where it comes
 * from a runner, and the state is the one that was read.
 */
function guardedRow(
  db: D1Database,
  { training, ending, before, after }: CandidateClosing,
  now: number,
): D1PreparedStatement {
  const { record } = after;
  const report = "report" in ending ? ending.report : null;
  const open = report === null ? "state IN ('queued', 'running')" : `state = 'running' AND ${leaseHeld}`;
  const task: TrainedRound = {
    kind: "training",
    taskId: `${training.searchId}-r${record.round}`,
    searchId: training.searchId,
    trainingId: training.id,
    round: record.round,
    rung: training.rung ?? 0,
    hash: training.hash,
  };
  return statement(
    db,
    `INSERT INTO rounds (search_id, round, stage, phase, task, candidates, train_loss, hypervolume, pruned, digest,
       seconds, created_at)
     VALUES (:searchId,
       (SELECT :round FROM trainings WHERE id = :resource AND ${open} AND ${unchanged}),
       0, 'search', :task, :candidates, :trainLoss, :hypervolume, '[]', :digest, :seconds, :now)`,
    {
      searchId: training.searchId,
      resource: training.id,
      leaseId: report?.leaseId ?? null,
      changes: halvingOf(before).changes,
      round: record.round,
      task: JSON.stringify(task),
      candidates: JSON.stringify(record.candidates),
      trainLoss: record.trainLoss,
      hypervolume: record.hypervolume,
      digest: training.id,
      seconds: JSON.stringify({ train: report?.seconds ?? 0, evaluate: 0, idle: 0 }),
      now,
    },
  );
}

function endingEvent({ id, hash, rung }: CandidateClosing["training"], ending: CandidateEnding): NewEvent {
  const data = { trainingId: id, purpose: "candidate", hash, rung };
  if ("failure" in ending) return { type: "training.failed", data: { ...data, message: ending.failure } };
  const { validationAccuracy, images, steps } = ending.report;
  return { type: "training.completed", data: { ...data, validationAccuracy, images, steps } };
}

/** The row of what was trained, at its longest rung, and who is on the front now. */
function archived(
  db: D1Database,
  searchId: string,
  { trained, front }: Ended,
  context: Context,
): D1PreparedStatement[] {
  const row =
    trained === null
      ? []
      : [
          statement(
            db,
            `INSERT INTO architectures (search_id, stage, hash, genotype, selection, "values", feasible, on_front, round,
               images, version, evidence, training_steps)
             VALUES (:searchId, 0, :hash, :genotype, :selection, :values, :feasible, 0, :round, :images, :version,
               'short-training', :steps)
             ON CONFLICT (search_id, hash, stage) DO UPDATE SET "values" = excluded."values",
               feasible = excluded.feasible, images = excluded.images, version = excluded.version,
               training_steps = excluded.training_steps`,
            {
              searchId,
              hash: trained.hash,
              genotype: JSON.stringify(context.genotype(trained.selection)),
              selection: JSON.stringify(trained.selection),
              values: JSON.stringify(trained.values),
              feasible: trained.feasible ? 1 : 0,
              round: trained.round,
              images: trained.images,
              version: trained.version,
              steps: trained.steps,
            },
          ),
        ];
  return [
    ...row,
    statement(
      db,
      `UPDATE architectures SET on_front = NOT on_front
       WHERE search_id = :searchId AND stage = 0 AND on_front <> (hash IN (SELECT value FROM json_each(:front)))`,
      { searchId, front: JSON.stringify(front) },
    ),
  ];
}

/** The final trainings, or the end of the search. Where the budget is spent, what is still open is not waited for. */
function ended(
  db: D1Database,
  {
    searchId,
    specification,
    state,
    end,
  }: { searchId: string; specification: Specification; state: ControllerState; end: HalvingEnd },
  now: number,
): D1PreparedStatement[] {
  const cancelled = statement(
    db,
    `UPDATE trainings SET state = 'cancelled', finished_at = :now
     WHERE search_id = :searchId AND purpose = 'candidate' AND state IN ('queued', 'running')`,
    { searchId, now },
  );
  const events = appendEvents(db, searchId, end.events, now);
  if (end.failure === null)
    return [
      cancelled,
      ...events,
      ...trainingsToFollow(db, { searchId, specification, rerank: [], best: end.best, state }, now),
    ];
  return [
    cancelled,
    ...events,
    statement(
      db,
      `UPDATE searches SET searching = 0, state = iif(state = 'cancelled', state, 'failed'), failure = :failure,
         finished_at = coalesce(finished_at, :now), version = version + 1 WHERE id = :searchId`,
      { searchId, failure: end.failure, now },
    ),
    ...appendEvents(db, searchId, [{ type: "search.failed", data: { message: end.failure } }], now),
  ];
}
