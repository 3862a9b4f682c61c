/**
 * What happens to a report, apart from HTTP. A round is accepted once: a repeated report gets the current task again,
 * and anything that comes without the lease is refused before and, by the batch's guard, while it is written.
 */

import type {
  FailureCause,
  FailureReport,
  FinalTrainingReport,
  LeasedTask,
  RoundReport,
  RoundTask,
  ShortTrainingReport,
} from "../shared/protocol.ts";
import { deviceObjectivesOf, scheduleLength } from "../shared/specification.ts";
import { keptForReranking } from "../shared/trainingCost.ts";
import { budgetNews, type CampaignSpending, isBudgetSpent } from "./budget.ts";
import { amendCandidate } from "./controller/amend.ts";
import { completeRound, currentTask } from "./controller/controller.ts";
import { divergenceOf } from "./controller/merge.ts";
import { unscored } from "./controller/untrained.ts";
import type { Env } from "./env.ts";
import { closeCandidate } from "./halving.ts";
import { conclude } from "./measuring/conclude.ts";
import { Problem } from "./problems.ts";
import { isMoneySpent } from "./rentals/exhausted.ts";
import { closeShortTraining } from "./rerank.ts";
import { keepExports } from "./store/blobs.ts";
import { spendingOf } from "./store/campaigns.ts";
import { appendEvents } from "./store/events.ts";
import {
  type HeldTraining,
  heldTraining,
  type RoundContext,
  roundContext,
  secondsOf,
  writeRound,
  writeTraining,
} from "./store/reports.ts";
import { recordedRound, writeAmendment } from "./store/rounds.ts";
import { expiryFrom, freeLease, type Lease, maxAttempts, renewLease } from "./store/runners.ts";
import { findTraining } from "./store/trainings.ts";
import { summarize } from "./summary.ts";
import { afterAttempts, giveUp, leased, leaseWork, resourceOf, type TaskKey } from "./work.ts";

/** Something else may be written between reading and writing; each try reads again. */
const writeTries = 5;
/** Causes that another runner would meet, too. */
const hopeless: readonly FailureCause["kind"][] = ["diverged", "table"];

/**
 * The next task under the runner's lease, or null when there is none now. Throws `lease-lost`, `round-conflict`.
 *
 * @param options.onMeasurements told where devices may have got something to do
 */
export async function reportRound(
  env: Env,
  key: { searchId: string; round: number },
  report: RoundReport,
  { onMeasurements = () => {}, tries = writeTries }: { onMeasurements?: () => void; tries?: number } = {},
): Promise<LeasedTask | null> {
  const { DB: db } = env;
  const now = Date.now();
  const context = await roundContext(db, { ...key, leaseId: report.leaseId }, now);
  if (context?.lease == null) throw new Problem("lease-lost");
  const { lease } = context;
  if (context.storedDigest !== null) return repeated(db, context, lease, report, key.round);
  const task = currentTask(context.controller);
  if (task === null || task.round !== key.round)
    throw new Problem("round-conflict", `Round ${context.round} is awaited, not ${key.round}.`);
  const divergence = divergenceOf(task, report);
  if (divergence !== null) {
    const cause = {
      kind: "diverged" as const,
      step: task.kind === "trainRound" ? task.firstStep + task.steps : 0,
    };
    const failure = { kind: "failure" as const, leaseId: report.leaseId, message: divergence, cause };
    await reportFailure(db, { kind: "round", ...key }, failure);
    return null;
  }
  const { specification } = context;
  const isPoor = await isMoneySpent(db, { ...key, ...context, done: doneOf(context) }, "allTrainings");
  const outcome = completed(context, report, now, await spendingOf(db, context.campaignId), isPoor);
  const summary = summarize(outcome.state, specification, context.summary, report.seconds);
  const spent = { ...context, busySeconds: context.busySeconds + secondsOf(report) };
  const budget = budgetNews(specification.budget, spent, context.told, now);
  const write = { task, report, outcome, summary, specification, budget };
  const written = await writeRound(db, write, now);
  if (written === null) return refused(env, key, report, { onMeasurements, tries: tries - 1 });
  if (deviceObjectivesOf(specification).length > 0) onMeasurements();
  if (outcome.unmeasured.length > 0) await conclude(db, key.searchId);
  if (outcome.done) return leaseWork(db, { runnerId: lease.runnerId, searchId: key.searchId });
  if (written.searchState !== "running") {
    await freeLease(db, lease, false, now);
    return null;
  }
  const following = currentTask(outcome.state);
  // A search by training has no rounds after the one that scored, nor a lease: whoever asks is given a training.
  if (following === null) return leaseWork(db, { runnerId: lease.runnerId, searchId: key.searchId });
  return next(following, { ...lease, expiresAt: expiryFrom(now) });
}

/** What comes after a round that an older runner cannot do: the search starts from nothing that was scored. */
export async function withoutScores(env: Env, { leaseId, task }: LeasedTask): Promise<LeasedTask | null> {
  if (task.kind !== "score") throw new RangeError(`a ${task.kind} task scores nothing`);
  const { searchId, round } = task;
  return reportRound(env, { searchId, round }, unscored(task, leaseId));
}

const doneOf = ({ specification, round, busySeconds }: RoundContext) => ({
  rounds: round,
  of: scheduleLength(specification).rounds,
  busySeconds,
});

const next = (task: RoundTask | null, lease: Lease): LeasedTask | null =>
  task === null ? null : leased(lease, task);

function completed(
  context: RoundContext,
  report: RoundReport,
  now: number,
  campaign: CampaignSpending | null,
  isPoor: boolean,
) {
  const { specification } = context;
  const isSpent = (share: number) => isBudgetSpent(specification.budget, context, now, campaign, share);
  const budgetExhausted = isPoor || isSpent(1);
  const roundsExhausted = budgetExhausted || isSpent(1 - keptForReranking(specification));
  return asValidation("/measurements", () =>
    completeRound(context.controller, specification, report, { budgetExhausted, roundsExhausted }),
  );
}

/** The same report again: its answer was lost on the way, so give the task that is current now. */
async function repeated(
  db: D1Database,
  context: RoundContext,
  lease: Lease,
  report: RoundReport,
  round: number,
): Promise<LeasedTask | null> {
  if (context.storedDigest !== report.digest)
    throw new Problem("round-conflict", `Round ${round} was reported before with another digest.`);
  if (context.searchState !== "running") return null;
  const now = Date.now();
  if (!(await renewLease(db, lease, undefined, now))) throw new Problem("lease-lost");
  return next(currentTask(context.controller), { ...lease, expiresAt: expiryFrom(now) });
}

/** The batch's guard refused: another report won, the lease went, or a late measurement came between (then again). */
async function refused(
  env: Env,
  key: { searchId: string; round: number },
  report: RoundReport,
  options: { onMeasurements: () => void; tries: number },
): Promise<LeasedTask | null> {
  const context = await roundContext(env.DB, { ...key, leaseId: report.leaseId }, Date.now());
  if (context?.lease == null) throw new Problem("lease-lost");
  if (context.storedDigest !== null) return repeated(env.DB, context, context.lease, report, key.round);
  if (options.tries > 0) return reportRound(env, key, report, options);
  throw new Problem("round-conflict", "Late measurements kept coming in between; send the report again.");
}

/** Adds what was measured after its round was reported. Throws `not-found`, `validation`, `round-conflict`. */
export async function amendRound(
  { DB: db }: Env,
  key: { searchId: string; round: number },
  { candidate, values }: { candidate: number; values: Record<string, number> },
): Promise<number> {
  for (let tries = 0; tries < writeTries; tries++) {
    const recorded = await recordedRound(db, key.searchId, key.round);
    if (recorded === undefined) throw new Problem("not-found", `Round ${key.round} was not reported yet.`);
    const { state, specification } = recorded;
    const amendment = asValidation("/values", () =>
      amendCandidate(state, specification, recorded, candidate, values),
    );
    if (await writeAmendment(db, key, state, amendment)) return amendment.candidates[candidate]?.version ?? 1;
  }
  throw new Problem("round-conflict", "Other measurements kept coming in between; send this one again.");
}

/** A RangeError of the controller is something wrong with what was sent. */
function asValidation<T>(pointer: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError)
      throw new Problem("validation", error.message, [{ pointer, detail: error.message }]);
    throw error;
  }
}

/** Accepts the result of a training and gives the runner the next one of the same search, if any. */
export async function reportTraining(
  env: Env,
  trainingId: string,
  report: FinalTrainingReport | ShortTrainingReport,
): Promise<LeasedTask | null> {
  const now = Date.now();
  const held = await heldTraining(env.DB, { resource: trainingId, leaseId: report.leaseId }, now);
  if (held === null || !(await writtenTraining(env.DB, held, report, now))) {
    const training = await findTraining(env.DB, trainingId);
    if (training?.report?.leaseId !== report.leaseId) throw new Problem("lease-lost");
    return null;
  }
  await keepExports(env, trainingId, report.kind === "finalTraining" ? Object.values(report.exports) : []);
  return leaseWork(env.DB, { runnerId: held.runnerId, searchId: held.searchId });
}

/** False when a guard refused it. Throws `validation` for the report of another kind of training. */
async function writtenTraining(
  db: D1Database,
  held: HeldTraining,
  report: FinalTrainingReport | ShortTrainingReport,
  now: number,
): Promise<boolean> {
  if (report.kind === "finalTraining" && held.purpose === "final")
    return writeTraining(db, held, report, now);
  if (report.kind === "shortTraining" && held.purpose === "rerank")
    return closeShortTraining(db, held, { report }, now);
  if (report.kind === "shortTraining" && held.purpose === "candidate")
    return closeCandidate(db, held, { report }, now, held.runnerId);
  throw new Problem("validation", `A ${report.kind} report is not for this training.`, [
    { pointer: "/kind", detail: "report the kind of the task" },
  ]);
}

/** A runner could not do the task: another may try, but not for ever, and not where it would end the same way. */
export async function reportFailure(
  db: D1Database,
  key: Exclude<TaskKey, { kind: "measurement" }>,
  { leaseId, message, cause }: FailureReport,
): Promise<void> {
  const now = Date.now();
  const resource = resourceOf(key);
  const freed = await freeLease(db, { resource, leaseId }, true, now);
  if (freed === null) throw new Problem("lease-lost");
  const { searchId, attempts } = freed;
  const what = key.kind === "round" ? { round: key.round } : { trainingId: key.trainingId };
  const event = { type: "task.failed", data: { ...what, attempt: attempts, message, ...cause } };
  await db.batch(appendEvents(db, searchId, [event], now));
  const work = {
    kind: key.kind === "round" ? ("search" as const) : ("training" as const),
    resource,
    searchId,
  };
  if (cause !== undefined && hopeless.includes(cause.kind))
    await giveUp(db, work, message, { diverged: cause.kind === "diverged" });
  else if (attempts >= maxAttempts) await giveUp(db, work, afterAttempts(message));
}
