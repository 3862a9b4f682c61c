/** Follows a search and its final trainings until they end. */

import { setTimeout as sleep } from "node:timers/promises";
import { scoredFirst } from "../shared/specification.ts";
import {
  finishedStates,
  isByTraining,
  isTabular,
  listTrainings,
  readSearch,
  readTraining,
  type Search,
  type Training,
} from "./api.ts";
import type { EdgeClient } from "./client.ts";
import type { Context } from "./command.ts";
import { CliError } from "./errors.ts";
import { duration } from "./progress.ts";

const POLL_MS = 1500;
const TRAININGS_EVERY = 8;
const IDLE_TOLD = 0.01;
/** Of a table's rewards, whatever their size. */
const TABLE_DIGITS = 5;

export interface Followed {
  search: Search;
  trainings: Training[];
  /** Seconds of the search's rounds, of short trainings and of the final ones. */
  seconds: { search: number; shortTrainings: number; finalTraining: number };
}

export interface FollowOptions {
  /** Called at every poll; what it throws ends the following, e.g. when the runner has ended. */
  check?: () => void;
}

/**
 * Shows a bar for the rounds, one for short trainings where there are any, and one for the final trainings.
 *
 * @throws CliError when the search fails or is cancelled
 */
export async function followSearch(
  ctx: Context,
  client: EdgeClient,
  id: string,
  options: FollowOptions = {},
): Promise<Followed> {
  const startMs = Date.now();
  const first = await readSearch(client, id);
  const step = ctx.progress("Search", first.progress.rounds);
  let since = { round: first.progress.round, ms: startMs };
  let search = first;
  for (let polls = 1; ; polls++) {
    const { progress } = search;
    // Scoring takes longer than other rounds: from it nothing follows for them.
    if (isScoring(search)) since = { round: 1, ms: Date.now() };
    step.update(progress.round, searchNote(search, since), progress.rounds);
    if (finishedStates.includes(search.state)) break;
    if (progress.round >= progress.rounds && !isByTraining(search)) break;
    // A search whose budget is used up goes on to its final trainings early.
    if (polls % TRAININGS_EVERY === 0) {
      const trainings = await listTrainings(client, id);
      if (trainings.some(({ purpose }) => purpose !== "candidate")) break;
    }
    await pause(ctx, options);
    search = await readSearch(client, id);
  }
  throwIfFailed(search);
  step.finish(`${frontNote(search)}${idleNote(search)}`);
  const searchEndMs = Date.now();
  const { trainings, finalStartMs } = await followTrainings(ctx, client, id, options);
  search = await readSearch(client, id);
  throwIfFailed(search);
  return {
    search,
    trainings,
    seconds: {
      search: (searchEndMs - startMs) / 1000,
      shortTrainings: (finalStartMs - searchEndMs) / 1000,
      finalTraining: (Date.now() - finalStartMs) / 1000,
    },
  };
}

/** The bar of the short trainings; it ends when others are there. */
class ShortTrainings {
  readonly #ctx: Context;
  #step: ReturnType<Context["progress"]> | undefined;
  #isFinished = false;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  show(short: readonly Training[], isOver: boolean): void {
    if (short.length === 0 || this.#isFinished) return;
    const closed = short.filter(({ state }) => finishedStates.includes(state)).length;
    this.#step ??= this.#ctx.progress("Short trainings", short.length);
    this.#step.update(
      closed,
      `of ${new Set(short.map(({ hash }) => hash)).size} architectures`,
      short.length,
    );
    if (!isOver) return;
    const accuracies = short.flatMap(({ validation }) => validation?.validationAccuracy ?? []);
    const best =
      accuracies.length === 0 ? "" : `, best trained accuracy ${Math.max(...accuracies).toFixed(1)} %`;
    this.#step.finish(`${short.filter(({ state }) => state === "completed").length} completed${best}`);
    this.#isFinished = true;
  }
}

/** @returns the final trainings, and when the first of them was seen */
async function followTrainings(
  ctx: Context,
  client: EdgeClient,
  id: string,
  options: FollowOptions,
): Promise<{ trainings: Training[]; finalStartMs: number }> {
  const shortTrainings = new ShortTrainings(ctx);
  let finalStartMs = Date.now();
  let step: ReturnType<Context["progress"]> | undefined;
  for (;;) {
    const [all, search] = await Promise.all([listTrainings(client, id), readSearch(client, id)]);
    const trainings = all.filter(({ purpose }) => purpose === "final");
    const isOver = trainings.length > 0 || finishedStates.includes(search.state);
    shortTrainings.show(
      all.filter(({ purpose }) => purpose === "rerank"),
      isOver,
    );
    if (step === undefined) finalStartMs = Date.now();
    if (trainings.length > 0) {
      step ??= ctx.progress("Final training", 1);
      const done = trainings.reduce((sum, { progress }) => sum + (progress?.done ?? 0), 0);
      const total = trainings.reduce((sum, { progress }) => sum + (progress?.total ?? 0), 0);
      const loss = trainings.findLast(({ progress }) => progress?.trainLoss != null)?.progress?.trainLoss;
      step.update(done, lossNote(loss), Math.max(1, total));
    }
    if (finishedStates.includes(search.state) && all.every(({ state }) => finishedStates.includes(state))) {
      const accuracies = trainings.flatMap(({ report }) => (report ? [report.testAccuracy] : []));
      const isFailed = trainings.every(({ state }) => state === "failed");
      const end = isFailed ? "failed" : "";
      step?.finish(accuracies.length > 0 ? `test accuracy ${Math.max(...accuracies).toFixed(2)} %` : end);
      return { trainings, finalStartMs };
    }
    await pause(ctx, options);
  }
}

/** Follows one training; the note tells its loss. */
export async function followTraining(ctx: Context, client: EdgeClient, id: string): Promise<Training> {
  const step = ctx.progress("Final training", 1);
  for (;;) {
    const training = await readTraining(client, id);
    const { progress } = training;
    if (progress) {
      step.update(progress.done, lossNote(progress.trainLoss), progress.total);
    }
    if (finishedStates.includes(training.state)) {
      if (training.state !== "completed") {
        throw new CliError(
          `Training ${training.id} is ${training.state}${training.failure ? `: ${training.failure}` : ""}.`,
          "See the runner's log.",
        );
      }
      step.finish(training.report ? `test accuracy ${training.report.testAccuracy.toFixed(2)} %` : "");
      return training;
    }
    await pause(ctx, {});
  }
}

/** Whether the first of its rounds is under way, which scores architectures. */
const isScoring = ({ progress, specification }: Search): boolean =>
  progress.round === 0 && scoredFirst(specification) > 0;

/** @param since the round, and when, from which the time that is left is told */
function searchNote(search: Search, since: { round: number; ms: number }): string {
  const { round, rounds } = search.progress;
  if (search.state === "queued") return "waits for a runner: `nasturtium runner`";
  if (search.state === "paused") return "paused";
  if (isScoring(search)) return `scores ${scoredFirst(search.specification)} architectures without training`;
  const passed = round - since.round;
  const perRound = (Date.now() - since.ms) / 1000 / Math.max(1, passed);
  const estimate = passed > 1 ? `, about ${duration(perRound * (rounds - round))} left` : "";
  return `${frontNote(search)}${idleNote(search)}${estimate}`;
}

/** Worth telling where a runner waits more than it should; looking up takes no time beside the waiting. */
function idleNote(search: Search): string {
  const share = search.progress.idleShare ?? 0;
  return share >= IDLE_TOLD && !isTabular(search) ? `, runner idle ${Math.round(100 * share)} %` : "";
}

/** What no network was trained to is told as what it is: it orders architectures. */
function frontNote(search: Search): string {
  const { frontSize, bestAccuracy, bestTrainedAccuracy } = search.progress;
  if (bestTrainedAccuracy != null)
    return `front ${frontSize}, best trained accuracy ${accuracyText(search, bestTrainedAccuracy)}`;
  if (bestAccuracy === null) return `front ${frontSize}`;
  const best = accuracyText(search, bestAccuracy);
  return `front ${frontSize}, ${isTabular(search) ? `best accuracy ${best}` : `${best} by shared weights`}`;
}

const accuracyText = (search: Search, value: number): string =>
  isTabular(search) ? String(Number(value.toPrecision(TABLE_DIGITS))) : `${value.toFixed(1)} %`;

const lossNote = (loss: number | null | undefined): string => (loss == null ? "" : `loss ${loss.toFixed(3)}`);

function throwIfFailed(search: Search): void {
  if (search.state === "failed") {
    throw new CliError(
      `Search ${search.id} failed: ${(search.failure ?? "no reason given").replace(/\.$/, "")}.`,
      "See the runner's log.",
    );
  }
  if (search.state === "cancelled") {
    throw new CliError(
      `Search ${search.id} was cancelled.`,
      `Its results stay: nasturtium front ${search.id}`,
    );
  }
}

async function pause(ctx: Context, options: FollowOptions): Promise<void> {
  ctx.signal.throwIfAborted();
  options.check?.();
  await sleep(POLL_MS, undefined, { signal: ctx.signal }).catch(() => {});
  ctx.signal.throwIfAborted();
}
