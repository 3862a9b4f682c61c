/**
 * What follows when a short training ends: the next rung once all of one are closed, or the final trainings of the best.
 * It is decided from what is stored and written in the batch that closes the training, so nothing is promoted twice and
 * nothing is lost between.
 */

import { rungRecipe } from "../shared/reranking.ts";
import {
  type Reranking,
  resolveReranking,
  type Specification,
  scheduleLength,
} from "../shared/specification.ts";
import { type BudgetNews, budgetNews, type CampaignSpending, isBudgetSpent } from "./budget.ts";
import { hypervolumeShare } from "./controller/archive.ts";
import { Context } from "./controller/context.ts";
import { round4 } from "./controller/policy.ts";
import {
  agreement,
  type Judge,
  judgeOf,
  type NextStep,
  nextStep,
  type Standing,
  trainedFront,
  trainedMembers,
} from "./controller/rerank.ts";
import { untaughtEvents } from "./controller/untaught.ts";
import { Problem } from "./problems.ts";
import { isMoneySpent } from "./rentals/exhausted.ts";
import { spendingOf } from "./store/campaigns.ts";
import type { NewEvent } from "./store/events.ts";
import {
  type Conclusion,
  type Ending,
  findReranked,
  isOpen,
  type Reranked,
  type ShortTrainingRow,
  writeClosing,
} from "./store/rerank.ts";
import type { Training } from "./store/trainings.ts";

/** Others may be closed between reading and writing; each try reads again. */
const writeTries = 10;

type ShortTraining = Pick<Training, "id" | "searchId" | "rung">;

/** False when the training is closed already or its lease is lost. Throws `round-conflict`. */
export async function closeShortTraining(
  db: D1Database,
  training: ShortTraining,
  ending: Ending,
  now: number,
): Promise<boolean> {
  const { id, searchId } = training;
  const event = eventOf(training, ending);
  for (let tries = 0, seen = ""; tries < writeTries; tries++) {
    const read = await findReranked(db, searchId, now);
    const own = read?.trainings.find((row) => row.id === id);
    if (read === null || own === undefined || !isOpen(own)) return false;
    const closed = read.trainings.filter((row) => !isOpen(row)).length;
    const standing = JSON.stringify([closed, read.told]);
    // Nothing else was closed or told meanwhile, so it was the lease that the guard refused.
    if (standing === seen) return false;
    seen = standing;
    const campaign = await spendingOf(db, read.campaignId);
    const ended = withEnding(read, id, ending);
    const isPoor = await isMoneySpent(db, { searchId, ...ended, done: doneOf(ended) }, "finalTraining");
    const conclusion = conclude(ended, now, campaign, isPoor);
    const budget = newsOf(ended, now);
    if (await writeClosing(db, { training, ending, event, closed, conclusion, budget }, now)) return true;
  }
  throw new Problem("round-conflict", "Other trainings kept ending in between; send the report again.");
}

function eventOf({ id, rung }: ShortTraining, ending: Ending): NewEvent {
  const data = { trainingId: id, purpose: "rerank", rung };
  if ("failure" in ending) return { type: "training.failed", data: { ...data, message: ending.failure } };
  const { validationAccuracy, images, steps } = ending.report;
  return { type: "training.completed", data: { ...data, validationAccuracy, images, steps } };
}

function withEnding(read: Reranked, id: string, ending: Ending): Reranked {
  const end = (row: ShortTrainingRow): ShortTrainingRow =>
    "report" in ending
      ? { ...row, state: "completed", report: ending.report }
      : { ...row, state: "failed", report: null };
  return { ...read, trainings: read.trainings.map((row) => (row.id === id ? end(row) : row)) };
}

/** Runner time of the short trainings. */
const secondsOf = (trainings: readonly ShortTrainingRow[]): number =>
  trainings.reduce((sum, { report }) => sum + (report?.seconds ?? 0), 0);

const busySecondsOf = ({ busySeconds, trainings }: Reranked): number => busySeconds + secondsOf(trainings);

const newsOf = (read: Reranked, now: number): BudgetNews =>
  budgetNews(read.specification.budget, { ...read, busySeconds: busySecondsOf(read) }, read.told, now);

const doneOf = ({ specification, rounds, busySeconds }: Reranked) => ({
  rounds,
  of: scheduleLength(specification).rounds,
  busySeconds,
});

function conclude(
  read: Reranked,
  now: number,
  campaign: CampaignSpending | null,
  isPoor: boolean,
): Conclusion | null {
  const { specification, trainings, members } = read;
  const reranking = resolveReranking(specification);
  const stage = members[0]?.stage;
  if (reranking === null || stage === undefined) return null;
  const busySeconds = busySecondsOf(read);
  const standing: Standing = {
    members,
    trainings: trainings.map((row) => ({
      hash: row.hash,
      rung: row.rung,
      isOpen: isOpen(row),
      accuracy: row.report?.validationAccuracy ?? null,
    })),
    rungs: reranking.rungs.length,
    isBudgetSpent:
      isPoor ||
      isBudgetSpent(specification.budget, { startedAt: read.startedAt, busySeconds }, now, campaign),
  };
  const judge = judgeOf(new Context(specification), stage);
  const step = nextStep(standing, judge);
  if (step.kind === "wait") return null;
  const front = frontOf(standing, judge, read);
  return {
    stage,
    trained: trainedRows(read, standing),
    front,
    next: nextTrainings(step, specification),
    events: [
      ...rungEvents(read, standing, step, reranking),
      ...(step.kind === "handOver"
        ? [
            rerankedEvent(read, standing, step, front),
            ...untaughtEvents(trainedRows(read, standing), specification, "reranking.rungs"),
          ]
        : []),
    ],
  };
}

function nextTrainings(
  step: Exclude<NextStep, { kind: "wait" }>,
  specification: Specification,
): Conclusion["next"] {
  if (step.kind === "train") {
    const { rung, hashes } = step;
    return { purpose: "rerank", rung, recipe: rungRecipe(specification, rung), hashes };
  }
  const { finalTraining } = specification;
  const hashes = step.order.slice(0, finalTraining.top);
  return { purpose: "final", rung: null, recipe: finalTraining, hashes };
}

function trainedRows({ trainings }: Reranked, standing: Standing): Conclusion["trained"] {
  return trainedMembers(standing).flatMap(({ hash, rung }) => {
    const report = trainings.find((row) => row.hash === hash && row.rung === rung)?.report;
    if (report == null) return [];
    const { validationAccuracy: accuracy, images, steps } = report;
    return [{ hash, accuracy, images, steps }];
  });
}

function frontOf(
  standing: Standing,
  judge: Judge,
  { specification, bounds }: Pick<Reranked, "specification" | "bounds">,
): Conclusion["front"] {
  const front = trainedFront(standing, judge);
  if (front.length === 0) return null;
  return {
    hashes: front.map(({ hash }) => hash),
    bestAccuracy: Math.max(...front.map(({ values }) => values.accuracy ?? 0)),
    hypervolume: hypervolumeShare(front, specification, bounds),
  };
}

/** Of the rung that ended, where it ended by itself. */
function rungEvents(
  { trainings }: Reranked,
  { trainings: standings }: Standing,
  step: NextStep,
  { rungs }: Reranking,
): NewEvent[] {
  if (standings.some((training) => training.isOpen)) return [];
  const rung = Math.max(...standings.map((training) => training.rung));
  const ofRung = trainings.filter((row) => row.rung === rung);
  const trained = ofRung.flatMap(({ report }) => report ?? []);
  return [
    {
      type: "rung.completed",
      data: {
        rung,
        rungs: rungs.length,
        trained: trained.length,
        failed: ofRung.length - trained.length,
        promoted: step.kind === "train" ? step.hashes.length : 0,
        bestAccuracy:
          trained.length === 0 ? null : Math.max(...trained.map((report) => report.validationAccuracy)),
        seconds: secondsOf(ofRung),
      },
    },
  ];
}

function rerankedEvent(
  { trainings }: Reranked,
  standing: Standing,
  { reason, order }: Extract<NextStep, { kind: "handOver" }>,
  front: Conclusion["front"],
): NewEvent {
  const tau = agreement(standing);
  return {
    type: "front.reranked",
    data: {
      reason,
      architectures: standing.members.length,
      trained: trainedMembers(standing).length,
      best: order[0] ?? null,
      front: front?.hashes.length ?? null,
      hypervolume: front === null ? null : round4(front.hypervolume),
      kendallTau: tau === null ? null : round4(tau),
      seconds: secondsOf(trainings),
    },
  };
}
