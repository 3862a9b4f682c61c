/** Short trainings that order the archive: what decides their next step, and writing it at once with what led to it. */

import type { TrainingState } from "../../schema/trainings.ts";
import type { ShortTrainingReport } from "../../shared/protocol.ts";
import type { Selection } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import type { BudgetNews, BudgetTold } from "../budget.ts";
import type { Bounds } from "../controller/archive.ts";
import type { Values } from "../controller/reward.ts";
import { type Rented, type RentedRow, rentedColumns, rentedOf } from "../rentals/exhausted.ts";
import { type ToldRow, toldChange, toldColumns, toldOf } from "./budgets.ts";
import { guarded, statement } from "./database.ts";
import { appendEvents, type NewEvent } from "./events.ts";
import { leaseHeld } from "./runners.ts";
import { type Queued, queueTrainings, settleSearch, type Training } from "./trainings.ts";

export interface ShortTrainingRow {
  id: string;
  hash: string;
  rung: number;
  state: TrainingState;
  report: ShortTrainingReport | null;
}

export interface MemberRow {
  hash: string;
  stage: number;
  /** As shared weights had it. */
  values: Values;
  feasible: boolean;
  selection: Selection;
}

export interface Reranked {
  specification: Specification;
  startedAt: number | null;
  /** Of the rounds. */
  busySeconds: number;
  campaignId: string | null;
  told: BudgetTold;
  rented: Rented;
  rounds: number;
  /** Of the objectives, for the hypervolume. */
  bounds: Bounds;
  /** In the order in which they were queued. */
  trainings: ShortTrainingRow[];
  members: MemberRow[];
}

export const isOpen = ({ state }: Pick<Training, "state">): boolean =>
  state === "queued" || state === "running";

/** Everything that decides what the short trainings of a search lead to; null where the search is gone. */
export async function findReranked(db: D1Database, searchId: string, now: number): Promise<Reranked | null> {
  const values = { searchId };
  const [searches, trainings, members] = await db.batch<Record<string, string | number | null>>([
    statement(
      db,
      `SELECT s.specification, s.started_at, s.campaign_id, ${toldColumns}, c.busy_seconds, c.round,
         json_extract(c.state, '$.bounds') AS bounds,
         ${rentedColumns} FROM searches s
       JOIN controller_states c ON c.search_id = s.id WHERE s.id = :searchId`,
      { ...values, now },
    ),
    statement(
      db,
      `SELECT id, hash, rung, state, report FROM trainings
       WHERE search_id = :searchId AND purpose = 'rerank' ORDER BY rung, created_at`,
      values,
    ),
    statement(
      db,
      `SELECT hash, stage, feasible, selection, CASE WHEN training_steps IS NULL THEN "values"
         ELSE json_set("values", '$.accuracy', shared_weights_accuracy) END AS shared
       FROM architectures WHERE search_id = :searchId
         AND stage = (SELECT max(stage) FROM architectures WHERE search_id = :searchId)
         AND hash IN (SELECT hash FROM trainings WHERE search_id = :searchId AND purpose = 'rerank')`,
      values,
    ),
  ]);
  const [search] = searches?.results ?? [];
  if (search === undefined) return null;
  const list = (trainings?.results ?? []).map(
    (row): ShortTrainingRow => ({
      id: String(row.id),
      hash: String(row.hash),
      rung: Number(row.rung),
      state: row.state as TrainingState,
      report: row.report == null ? null : (JSON.parse(String(row.report)) as ShortTrainingReport),
    }),
  );
  const place = new Map(list.map(({ hash, rung }, index) => [hash, rung === 0 ? index : 0]));
  return {
    specification: JSON.parse(String(search.specification)) as Specification,
    startedAt: search.started_at == null ? null : Number(search.started_at),
    busySeconds: Number(search.busy_seconds),
    campaignId: search.campaign_id == null ? null : String(search.campaign_id),
    told: toldOf(search as unknown as ToldRow),
    rented: rentedOf(search as unknown as RentedRow),
    rounds: Number(search.round),
    bounds: JSON.parse(String(search.bounds)) as Bounds,
    trainings: list,
    members: (members?.results ?? [])
      .map((row) => ({
        hash: String(row.hash),
        stage: Number(row.stage),
        values: JSON.parse(String(row.shared)) as Values,
        feasible: row.feasible === 1,
        selection: JSON.parse(String(row.selection)) as Selection,
      }))
      .sort((a, b) => (place.get(a.hash) ?? 0) - (place.get(b.hash) ?? 0)),
  };
}

/** How one short training ended. */
export type Ending = { report: ShortTrainingReport } | { failure: string };

/** A member's trained accuracy with what it rests on. */
export interface TrainedRow {
  hash: string;
  accuracy: number;
  images: number;
  steps: number;
}

/** What follows when nothing is awaited any more. */
export interface Conclusion {
  stage: number;
  trained: TrainedRow[];
  /** Null where nothing was trained and the front stays as it was. */
  front: { hashes: string[]; bestAccuracy: number; hypervolume: number } | null;
  next: Omit<Queued, "searchId" | "stage">;
  events: NewEvent[];
}

export interface Closing {
  training: Pick<Training, "id" | "searchId">;
  ending: Ending;
  event: NewEvent;
  /** How many short trainings of the search were closed when it was decided. */
  closed: number;
  /** Null while others are awaited. */
  conclusion: Conclusion | null;
  budget: BudgetNews;
}

/** Closes a short training with what follows from it; false when a guard refused it and nothing was written. */
export async function writeClosing(db: D1Database, closing: Closing, now: number): Promise<boolean> {
  const { training, ending, conclusion, budget } = closing;
  const { searchId } = training;
  const isTrained = "report" in ending;
  const values = { id: training.id, searchId, now };
  const results = await guarded(db, [
    guardedEvent(db, closing, now),
    statement(
      db,
      `UPDATE trainings SET state = :state, report = :report, failure = :failure, finished_at = :now WHERE id = :id`,
      {
        ...values,
        state: isTrained ? "completed" : "failed",
        report: isTrained ? JSON.stringify(ending.report) : null,
        failure: isTrained ? null : ending.failure,
      },
    ),
    statement(db, "DELETE FROM leases WHERE resource = :id", values),
    ...toldChange(db, searchId, budget),
    ...appendEvents(db, searchId, budget.events, now),
    ...(conclusion === null ? [] : concluded(db, searchId, conclusion, now)),
  ]);
  return results !== null;
}

/**
 * The event's search is null, which the column refuses, unless the training is open, its lease held where it comes from
 * a runner, and what was read to decide what follows is still so: of two reports at once only one ends a rung.
 */
function guardedEvent(
  db: D1Database,
  { training, ending, event, closed, conclusion }: Closing,
  now: number,
): D1PreparedStatement {
  const others = "SELECT 1 FROM trainings o WHERE o.search_id = :searchId AND o.purpose = 'rerank'";
  const asRead =
    conclusion === null
      ? `EXISTS (${others} AND o.id <> :resource AND o.state IN ('queued', 'running'))`
      : `(SELECT count(*) FROM (${others} AND o.state NOT IN ('queued', 'running'))) = :closed`;
  const open = "report" in ending ? `state = 'running' AND ${leaseHeld}` : "state IN ('queued', 'running')";
  return statement(
    db,
    `INSERT INTO events (search_id, sequence, type, data, created_at) VALUES (
       (SELECT search_id FROM trainings WHERE id = :resource AND ${open} AND ${asRead}),
       (SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE search_id = :searchId), :type, :data, :now)`,
    {
      resource: training.id,
      searchId: training.searchId,
      leaseId: "report" in ending ? ending.report.leaseId : null,
      closed,
      type: event.type,
      data: JSON.stringify(event.data),
      now,
    },
  );
}

function concluded(
  db: D1Database,
  searchId: string,
  { stage, trained, front, next, events }: Conclusion,
  now: number,
): D1PreparedStatement[] {
  return [
    statement(
      db,
      `UPDATE architectures SET
         shared_weights_accuracy = CASE WHEN training_steps IS NULL THEN json_extract("values", '$.accuracy')
           ELSE shared_weights_accuracy END,
         "values" = json_set("values", '$.accuracy', t.accuracy), images = t.images, training_steps = t.steps,
         evidence = CASE evidence WHEN 'full-training' THEN evidence ELSE 'short-training' END, version = version + 1
       FROM (SELECT json_extract(value, '$.hash') AS trained, json_extract(value, '$.accuracy') AS accuracy,
           json_extract(value, '$.images') AS images, json_extract(value, '$.steps') AS steps
         FROM json_each(:trained)) t
       WHERE search_id = :searchId AND stage = :stage AND hash = t.trained`,
      { searchId, stage, trained: JSON.stringify(trained) },
    ),
    ...(front === null ? [] : frontChanges(db, searchId, stage, front)),
    // Where the budget is spent, what is still awaited is not waited for.
    statement(
      db,
      `UPDATE trainings SET state = 'cancelled', finished_at = :now
       WHERE search_id = :searchId AND purpose = 'rerank' AND state IN ('queued', 'running')`,
      { searchId, now },
    ),
    ...queueTrainings(db, { ...next, searchId, stage }, now),
    statement(db, "UPDATE searches SET version = version + 1 WHERE id = :searchId", { searchId }),
    ...appendEvents(db, searchId, events, now),
    ...settleSearch(db, searchId, now),
  ];
}

const frontChanges = (
  db: D1Database,
  searchId: string,
  stage: number,
  { hashes, bestAccuracy, hypervolume }: NonNullable<Conclusion["front"]>,
): D1PreparedStatement[] => [
  statement(
    db,
    `UPDATE architectures SET on_front = hash IN (SELECT value FROM json_each(:hashes))
     WHERE search_id = :searchId AND stage = :stage`,
    { searchId, stage, hashes: JSON.stringify(hashes) },
  ),
  statement(
    db,
    `UPDATE controller_states SET summary = json_set(summary, '$.frontSize', :size, '$.bestAccuracy', :bestAccuracy,
       '$.bestTrainedAccuracy', :bestAccuracy, '$.hypervolume', :hypervolume) WHERE search_id = :searchId`,
    { searchId, size: hashes.length, bestAccuracy, hypervolume },
  ),
];
