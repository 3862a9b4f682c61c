/**
 * Searches by training: what a runner that asks trains next, and what follows when a training ends. Both are decided
 * from the stored state and written in one batch that is refused where somebody else changed it in between, so no
 * training is begun twice and none is lost.
 */

import { candidateRecipe } from "../shared/candidateTrainings.ts";
import { type Specification, scheduleLength } from "../shared/specification.ts";
import { budgetNews, isBudgetSpent } from "./budget.ts";
import { beginTraining, endTraining, halvingOf, type TrainingResult } from "./controller/halving.ts";
import type { ControllerState } from "./controller/state.ts";
import { newId } from "./ids.ts";
import { Problem } from "./problems.ts";
import { isMoneySpent } from "./rentals/exhausted.ts";
import { spendingOf } from "./store/campaigns.ts";
import { type Beginning, type CandidateEnding, writeBeginning, writeCandidate } from "./store/halving.ts";
import { type RoundContext, roundContext } from "./store/reports.ts";
import type { Offer } from "./store/runners.ts";
import type { Training } from "./store/trainings.ts";
import { summarize } from "./summary.ts";

/** As many runners may change the state between reading and writing; each try reads again. */
const writeTries = 60;
const longestPauseMs = 200;

/** A new training, leased to this runner; null where none is to be begun now. */
export async function beginCandidate(
  db: D1Database,
  { searchId }: Pick<Offer, "searchId">,
  runnerId: string,
  now: number,
): Promise<Offer | null> {
  for (let tries = 0; tries < writeTries; tries++) {
    const read = await stateOf(db, searchId, now);
    if (read === null || !["queued", "running"].includes(read.searchState)) return null;
    const { specification, controller: before } = read;
    const isBudgetSpent = await isOver(db, searchId, read, read.busySeconds, now);
    const beginning = beginningFrom(before, { searchId, specification, runnerId, isBudgetSpent });
    if (beginning === null) return null;
    if (!(await writeBeginning(db, beginning, now))) {
      await pause();
      continue;
    }
    if (beginning.begun === null) return null;
    return {
      resource: beginning.begun.trainingId,
      searchId,
      kind: "training",
      // It has begun with the lease on it.
      attempts: 1,
      abandonedBy: null,
      mine: true,
      isRepeated: true,
    };
  }
  return null;
}

/** What there is to write of a training that begins, or of the end; null where nothing changes. */
function beginningFrom(
  before: ControllerState,
  {
    searchId,
    specification,
    runnerId,
    isBudgetSpent: isSpent = false,
  }: { searchId: string; specification: Specification; runnerId: string; isBudgetSpent?: boolean },
): Beginning | null {
  const { evaluation } = specification;
  if (evaluation.kind !== "training") return null;
  const { state: after, chosen, end } = beginTraining(before, specification, { isBudgetSpent: isSpent });
  if (after === before && end === null) return null;
  const begun =
    chosen === null
      ? null
      : {
          trainingId: newId(),
          runnerId,
          chosen,
          recipe: candidateRecipe(specification, evaluation, chosen.rung),
        };
  return { searchId, specification, before, after, begun, end };
}

/**
 * False when the training is closed already or its lease is lost. Throws `round-conflict`.
 *
 * @param runnerId that gets the next training in the same breath, if there is one
 */
export async function closeCandidate(
  db: D1Database,
  training: Pick<Training, "id" | "searchId" | "hash" | "rung">,
  ending: CandidateEnding,
  now: number,
  runnerId: string | null = null,
): Promise<boolean> {
  const { searchId, hash } = training;
  for (let tries = 0, seen = ""; tries < writeTries; tries++) {
    const read = await stateOf(db, searchId, now);
    if (read === null || !isOpenIn(read, training)) return false;
    const { specification, controller: before, told } = read;
    const standing = JSON.stringify([halvingOf(before).changes, told]);
    // Nobody changed anything meanwhile, so it was the lease that the guard refused.
    if (standing === seen) return false;
    seen = standing;
    const seconds = "report" in ending ? ending.report.seconds : 0;
    const busySeconds = read.busySeconds + seconds;
    const isSpent = await isOver(db, searchId, read, busySeconds, now);
    const after = endTraining(
      before,
      specification,
      { hash, result: resultOf(ending) },
      { isBudgetSpent: isSpent },
    );
    const summary = summarize(after.state, specification, read.summary, {
      train: seconds,
      evaluate: 0,
      idle: 0,
    });
    const budget = budgetNews(specification.budget, { ...read, busySeconds }, told, now);
    const goesOn = runnerId !== null && after.end === null && read.searchState === "running";
    const next = goesOn ? beginningFrom(after.state, { searchId, specification, runnerId }) : null;
    const closing = { training, ending, specification, before, after, summary, budget, next };
    if (await writeCandidate(db, closing, now)) return true;
    await pause();
  }
  throw new Problem(
    "round-conflict",
    "Other trainings kept beginning and ending in between; send the report again.",
  );
}

/** Those who were refused at once are not to come again at once; the same for all, so that nobody waits longest who waited before. */
const pause = (): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.random() * longestPauseMs));

/** Without a lease: a search by training has none. */
const stateOf = (db: D1Database, searchId: string, now: number): Promise<RoundContext | null> =>
  roundContext(db, { searchId, round: -1, leaseId: "" }, now);

const isOpenIn = ({ controller }: RoundContext, { hash, rung }: Pick<Training, "hash" | "rung">): boolean =>
  halvingOf(controller).candidates.some(
    (candidate) => candidate.hash === hash && candidate.rung === rung && candidate.state === "open",
  );

/** Whether a budget in hours or money is spent; that in evaluations is the controller's. */
async function isOver(
  db: D1Database,
  searchId: string,
  read: RoundContext,
  busySeconds: number,
  now: number,
): Promise<boolean> {
  const { specification, startedAt, round } = read;
  const campaign = await spendingOf(db, read.campaignId);
  const done = { rounds: round, of: scheduleLength(specification).rounds, busySeconds };
  return (
    isBudgetSpent(specification.budget, { startedAt, busySeconds }, now, campaign) ||
    (await isMoneySpent(db, { ...read, searchId, done }, "finalTraining"))
  );
}

function resultOf(ending: CandidateEnding): TrainingResult {
  if ("failure" in ending) return ending;
  const { validationAccuracy: accuracy, validationLoss: loss, images, trainLoss, steps } = ending.report;
  return { accuracy, images, loss, trainLoss, steps };
}
