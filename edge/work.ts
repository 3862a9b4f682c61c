/** Handing out work: which task a runner gets, under which lease, and when work that keeps failing is given up. */

import {
  type FinalTrainingTask,
  heartbeatSeconds,
  type LeasedTask,
  leaseSeconds,
  type Task,
} from "../shared/protocol.ts";
import { trainedSize } from "../shared/scaling.ts";
import { resolveReranking, type Specification } from "../shared/specification.ts";
import { isoTime } from "./app.ts";
import { completeRound, currentTask } from "./controller/controller.ts";
import { unscored } from "./controller/untrained.ts";
import { beginCandidate, closeCandidate } from "./halving.ts";
import { Problem } from "./problems.ts";
import { closeShortTraining } from "./rerank.ts";
import { guarded, statement } from "./store/database.ts";
import { appendEvents, type NewEvent } from "./store/events.ts";
import { failTraining } from "./store/reports.ts";
import {
  freeLease,
  isExhausted,
  type Lease,
  maxAttempts,
  type Offer,
  offers,
  takeLease,
  type Wanted,
} from "./store/runners.ts";
import { findController, findSearch, moveSearch } from "./store/searches.ts";
import { findTraining, type Training } from "./store/trainings.ts";

/** A task's id names what is leased: a search at a round, or a training. */
export type TaskKey =
  | { kind: "round"; searchId: string; round: number }
  | { kind: "training"; trainingId: string }
  | { kind: "measurement"; measurementId: string };

export const trainingTaskId = (trainingId: string): string => `${trainingId}-t`;

export const measureTaskId = (measurementId: string): string => `${measurementId}-m`;

export function parseTaskId(taskId: string): TaskKey {
  const match = /^([a-z2-7]+)-(?:r(\d{1,9})|t|m)$/.exec(taskId);
  if (match?.[1] === undefined) throw new Problem("not-found", `"${taskId}" is not a task.`);
  if (taskId.endsWith("-m")) return { kind: "measurement", measurementId: match[1] };
  return match[2] === undefined
    ? { kind: "training", trainingId: match[1] }
    : { kind: "round", searchId: match[1], round: Number(match[2]) };
}

export function resourceOf(key: TaskKey): string {
  if (key.kind === "measurement") return key.measurementId;
  return key.kind === "round" ? key.searchId : key.trainingId;
}

export function leased(lease: Lease, task: Task): LeasedTask {
  return {
    leaseId: lease.leaseId,
    leaseSeconds,
    heartbeatSeconds,
    leaseExpiresAt: isoTime(lease.expiresAt),
    task,
  };
}

/** Leases the first work that there is; null when there is none. Throws `unknown-runner`. */
export async function leaseWork(db: D1Database, wanted: Wanted): Promise<LeasedTask | null> {
  const now = Date.now();
  const list = await offers(db, wanted, now);
  if (list === undefined) throw new Problem("unknown-runner");
  for (const listed of list) {
    if (isExhausted(listed)) {
      await giveUp(db, listed, afterAttempts("its runners stopped without reporting"));
      continue;
    }
    const offer = listed.trains ? await beginCandidate(db, listed, wanted.runnerId, now) : listed;
    if (offer === null) continue;
    const lease = await takeLease(db, offer, wanted.runnerId, now);
    if (lease === null) continue;
    const task =
      offer.kind === "search"
        ? await beginRound(db, offer, wanted.runnerId, now)
        : await beginTraining(db, offer, wanted.runnerId, now);
    if (task !== null) return leased(lease, task);
  }
  return null;
}

/** A runner gives its task back, which is no failure; null when it did not hold it. */
export async function giveBack(db: D1Database, key: TaskKey, leaseId: string, now: number) {
  const resource = resourceOf(key);
  const freed = await freeLease(db, { resource, leaseId }, false, now);
  if (freed === null || key.kind === "measurement") return freed;
  const { searchId, runnerId } = freed;
  const training = key.kind === "training" ? { trainingId: key.trainingId } : {};
  await db.batch(appendEvents(db, searchId, [{ type: "runner.left", data: { runnerId, ...training } }], now));
  return freed;
}

export const afterAttempts = (reason: string): string => `Given up after ${maxAttempts} attempts: ${reason}`;

/** Work that failed for good is not tried again; what it reached stays. */
export async function giveUp(
  db: D1Database,
  work: Pick<Offer, "kind" | "resource" | "searchId">,
  message: string,
  { diverged = false } = {},
): Promise<void> {
  if (work.kind === "training") {
    const training = await findTraining(db, work.resource);
    if (training?.purpose === "rerank")
      await closeShortTraining(db, training, { failure: message }, Date.now());
    else if (training?.purpose === "candidate")
      await closeCandidate(db, training, { failure: message, diverged }, Date.now());
    else await failTraining(db, { id: work.resource, searchId: work.searchId }, message, Date.now());
    return;
  }
  if (await skipScoring(db, work.searchId, message, Date.now())) return;
  await moveSearch(db, work.searchId, {
    from: ["queued", "running", "paused"],
    to: "failed",
    event: { type: "search.failed", data: { message } },
    failure: message,
  });
}

/** A search goes on without scores where nobody can make them; false where it has something else to do. */
async function skipScoring(db: D1Database, searchId: string, reason: string, now: number): Promise<boolean> {
  const [before, search] = await Promise.all([findController(db, searchId), findSearch(db, searchId)]);
  const task = before === null ? null : currentTask(before);
  if (before === null || search === null || task?.kind !== "score") return false;
  const { state, events } = completeRound(before, search.specification, unscored(task, ""));
  const skipped = { type: "scoring.skipped", data: { reason } };
  const values = { searchId, awaited: before.round, next: state.round, state: JSON.stringify(state) };
  const written = await guarded(db, [
    // Null, which the column refuses, where a report came in between.
    statement(
      db,
      `UPDATE controller_states SET state = :state, round = CASE WHEN round = :awaited THEN :next END
       WHERE search_id = :searchId`,
      values,
    ),
    statement(db, "DELETE FROM leases WHERE resource = :searchId", { searchId }),
    ...appendEvents(db, searchId, [...events, skipped], now),
  ]);
  return written !== null;
}

/** Of work that changes hands, not of each round: a runner keeps its lease from one to the next. */
const joinedRunner = ({ mine, resource, searchId }: Offer, runnerId: string): NewEvent[] =>
  mine
    ? []
    : [
        {
          type: "runner.joined",
          data: { runnerId, ...(resource === searchId ? {} : { trainingId: resource }) },
        },
      ];

const lostRunner = ({ abandonedBy, resource, searchId }: Offer): NewEvent[] =>
  abandonedBy === null
    ? []
    : [
        {
          type: "runner.lost",
          data: { runnerId: abandonedBy, ...(resource === searchId ? {} : { trainingId: resource }) },
        },
      ];

async function beginRound(db: D1Database, offer: Offer, runnerId: string, now: number): Promise<Task | null> {
  const { searchId } = offer;
  await db.batch([
    statement(
      db,
      `UPDATE searches SET state = 'running', started_at = coalesce(started_at, :now), version = version + 1
       WHERE id = :searchId AND state = 'queued'`,
      { searchId, now },
    ),
    ...appendEvents(db, searchId, [...lostRunner(offer), ...joinedRunner(offer, runnerId)], now),
  ]);
  const controller = await findController(db, searchId);
  return controller === null ? null : currentTask(controller);
}

async function beginTraining(
  db: D1Database,
  offer: Offer,
  runnerId: string,
  now: number,
): Promise<Task | null> {
  const { resource: id, searchId } = offer;
  const started: NewEvent[] =
    offer.attempts === 0 ? [{ type: "training.started", data: { trainingId: id } }] : [];
  await db.batch([
    statement(
      db,
      `UPDATE trainings SET state = 'running', started_at = coalesce(started_at, :now)
       WHERE id = :id AND state = 'queued'`,
      { id, now },
    ),
    ...appendEvents(db, searchId, [...lostRunner(offer), ...joinedRunner(offer, runnerId), ...started], now),
  ]);
  const training = await findTraining(db, id);
  return training === null ? null : trainingTask(db, training);
}

/** The network a recipe trains: its own size, else the derived network of the specification. */
async function trainingTask(db: D1Database, training: Training): Promise<FinalTrainingTask | null> {
  const search = await findSearch(db, training.searchId);
  if (search === null || search.specification.evaluation.kind === "tabular") return null;
  const { specification } = search;
  const { network } = search.specification.evaluation;
  const { recipe } = training;
  const fraction = heldOut(training, specification);
  return {
    kind: "finalTraining",
    taskId: trainingTaskId(training.id),
    searchId: training.searchId,
    trainingId: training.id,
    genotype: training.genotype,
    hash: training.hash,
    dataset: specification.dataset.name,
    stem: network.stem,
    ...trainedSize(specification, recipe),
    recipe,
    seed: recipe.seed ?? specification.seed,
    ...(fraction === null ? {} : { validation: { fraction } }),
  };
}

/** Share of the training images that measures a short training; null for a final one, which the test images measure. */
function heldOut({ purpose }: Pick<Training, "purpose">, specification: Specification): number | null {
  const { evaluation } = specification;
  if (purpose === "candidate") return evaluation.kind === "training" ? evaluation.validationFraction : null;
  return purpose === "rerank" ? (resolveReranking(specification)?.validationFraction ?? null) : null;
}
