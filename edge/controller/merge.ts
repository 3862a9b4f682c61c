/** From reported measurements to candidates, and from candidates to the archive. */

import type { Measurement, RoundReport, RoundTask } from "../../shared/protocol.ts";
import type { Stage } from "../../shared/schedule.ts";
import type { Selection } from "../../shared/space.ts";
import { objectiveId } from "../../shared/specification.ts";
import { type Archived, paretoEntries, truncate } from "./archive.ts";
import type { Context } from "./context.ts";
import { reward, type Values } from "./reward.ts";
import type { ArchiveEntry, CandidateRecord, ControllerState } from "./state.ts";

export const isMeasured = (accuracy: number | null | undefined): boolean =>
  typeof accuracy === "number" && Number.isFinite(accuracy);

export function candidatesOf(
  task: RoundTask,
  report: RoundReport,
  context: Context,
  stage: Stage,
): CandidateRecord[] {
  const diverged = divergedIn(report);
  const measurements = report.measurements.filter(({ candidate }) => !diverged.has(candidate));
  const byIndex = new Map(measurements.map((measurement) => [measurement.candidate, measurement]));
  for (const index of [...byIndex.keys(), ...diverged])
    if (index >= task.candidates.length)
      throw new RangeError(`round ${task.round} has no candidate ${index}`);
  return task.candidates.map(({ selection }, index) => {
    const measurement = byIndex.get(index);
    const hash = context.hash(selection);
    const values = valuesOf(measurement?.values ?? {}, hash, selection, context);
    return {
      hash,
      selection,
      values,
      loss: measurement?.loss ?? null,
      reward: reward(values, context.specification, context.schedule, stage),
      feasible: !diverged.has(index) && context.isFeasible(selection, values),
      version: 1,
      ...(isMeasured(values.accuracy) ? imagesOf(task, measurement) : {}),
      ...(diverged.has(index) ? { failure: "diverged" as const } : {}),
    };
  });
}

/** Candidates of a supernet whose loss is no number. Runners of before these were told give them an accuracy all the same. */
function divergedIn(report: RoundReport): Set<number> {
  if (report.kind !== "trainRound") return new Set();
  const withoutLoss = report.measurements.filter(({ loss }) => loss === null || !Number.isFinite(loss));
  return new Set([...(report.diverged ?? []), ...withoutLoss.map(({ candidate }) => candidate)]);
}

/** Why a round cannot be gone on from: weights that give no numbers give none in the next round either; null where it can. */
export function divergenceOf(task: RoundTask, report: RoundReport): string | null {
  if (task.kind !== "trainRound" || report.kind !== "trainRound") return null;
  const remedy = "Lower the learning rate.";
  if (task.steps > 0 && (report.trainLoss === null || !Number.isFinite(report.trainLoss)))
    return `Training diverged: the loss of round ${task.round} is no number. ${remedy}`;
  const diverged = divergedIn(report);
  const isLost = diverged.size > 0 && task.candidates.every((_, index) => diverged.has(index));
  return isLost
    ? `Training diverged: none of ${task.candidates.length} candidates of round ${task.round} has a loss that is a number. ${remedy}`
    : null;
}

/** How many images an accuracy was measured on. Throws RangeError for more than were asked for, and for what is no share of them. */
function imagesOf(task: RoundTask, measurement: Measurement | undefined): { images?: number } {
  if (task.kind !== "trainRound" || measurement === undefined) return {};
  const { candidate, images, values } = measurement;
  const asked = task.evaluation.images;
  const accuracy = values.accuracy ?? Number.NaN;
  if (!(Number.isInteger(images) && images >= 1 && images <= asked))
    throw new RangeError(`candidate ${candidate} was measured on ${images} images; it must be 1 to ${asked}`);
  if (!(accuracy >= 0 && accuracy <= 100))
    throw new RangeError(`the accuracy of candidate ${candidate} is ${accuracy}; it must be 0 to 100`);
  return { images };
}

/**
 * Of a supernet the runner measures accuracy, and what it is asked to beside it; devices measure later, and all else is
 * computed. In a table everything is looked up.
 */
function valuesOf(measured: Values, hash: string, selection: Selection, context: Context): Values {
  if (!context.isTabular)
    return {
      accuracy: isMeasured(measured.accuracy) ? (measured.accuracy ?? null) : null,
      ...Object.fromEntries(context.runnerObjectives.map((id) => [id, positiveOrNull(measured[id])])),
      ...context.cheap(selection),
      ...context.onDevices(hash, selection),
    };
  return Object.fromEntries(context.objectives.map(objectiveId).map((id) => [id, measured[id] ?? null]));
}

const positiveOrNull = (value: number | null | undefined): number | null =>
  typeof value === "number" && value > 0 ? value : null;

interface Circumstances {
  confirming: boolean;
  task: MeasuredTask;
  context: Context;
}

/**
 * Several measurements of one architecture in a stage count by their images, of which there are no more than half B has;
 * confirmation replaces what was seen before.
 */
function merged(
  known: Archived | undefined,
  { hash, selection, values, ...candidate }: CandidateRecord,
  { confirming, task, context }: Circumstances,
): Archived {
  const { round } = task;
  const images = candidate.images ?? task.evaluation?.images ?? 0;
  const accuracy = values.accuracy as number;
  const isAveraged = known !== undefined && known.images > 0 && !(confirming && !known.confirmed);
  const total = isAveraged ? known.images + images : images;
  const mean = isAveraged
    ? ((known.values.accuracy ?? 0) * known.images + accuracy * images) / total
    : accuracy;
  const complete: Values = { ...values, accuracy: mean };
  return {
    hash,
    selection: known?.selection ?? selection,
    values: complete,
    feasible: context.isFeasible(selection, complete),
    images: Math.min(total, context.judgingImages),
    round: known?.round ?? round,
    confirmed: confirming || (known?.confirmed ?? false),
    version: (known?.version ?? 0) + 1,
  };
}

/** The same with values that came late; its accuracy is what it was. */
function completed(known: Archived, { selection, values }: CandidateRecord, context: Context): Archived {
  const complete: Values = { ...values, accuracy: known.values.accuracy ?? null };
  const feasible = isMeasured(complete.accuracy) && context.isFeasible(selection, complete);
  return { ...known, values: complete, feasible, version: known.version + 1 };
}

/** An entry whose network gives no numbers any more: what it once had says nothing of it now. */
const withoutAccuracy = (known: Archived): Archived => ({
  ...known,
  values: { ...known.values, accuracy: null },
  feasible: false,
  images: 0,
  version: known.version + 1,
});

/** Of a round's task, what its measurements are filed with; a table has no images. */
export interface MeasuredTask {
  round: number;
  evaluation?: { images: number };
}

export interface Merged {
  archive: Archived[];
  front: Archived[];
  /** Rows to write: front members that are new or changed, and those that left the front. */
  changed: ArchiveEntry[];
}

/**
 * Files candidates in the stage's archive: those with an accuracy. Those that diverged lose the one that they had there.
 *
 * @param isLate whether they were filed before and have only more values now, but no other accuracy
 */
export function mergeArchive(
  state: Pick<ControllerState, "archive" | "stage" | "phase">,
  candidates: readonly CandidateRecord[],
  task: MeasuredTask,
  context: Context,
  isLate = false,
): Merged {
  const byHash = new Map(state.archive.map((entry) => [entry.hash, entry]));
  const circumstances = { confirming: state.phase === "confirm", task, context };
  for (const candidate of candidates) {
    const { hash } = candidate;
    const known = byHash.get(hash);
    if (candidate.failure !== undefined) {
      if (known !== undefined) byHash.set(hash, withoutAccuracy(known));
    } else if (isLate && known !== undefined) byHash.set(hash, completed(known, candidate, context));
    else if (isMeasured(candidate.values.accuracy)) byHash.set(hash, merged(known, candidate, circumstances));
  }
  return changesTo(state, [...byHash.values()], context);
}

/** The archive of these entries, with the rows that differ from what was stored. */
export function changesTo(
  state: Pick<ControllerState, "archive" | "stage">,
  entries: readonly Archived[],
  context: Context,
): Merged {
  const { objectives } = context.specification;
  const archive = truncate(entries, objectives);
  const front = paretoEntries(archive, objectives);
  const before = new Map(state.archive.map((entry) => [entry.hash, entry]));
  const byHash = new Map(entries.map((entry) => [entry.hash, entry]));
  const now = new Set(front.map(({ hash }) => hash));
  const then = new Set(paretoEntries(state.archive, objectives).map(({ hash }) => hash));
  const came = front.filter(({ hash, version }) => !then.has(hash) || before.get(hash)?.version !== version);
  const left = [...then].filter((hash) => !now.has(hash)).flatMap((hash) => byHash.get(hash) ?? []);
  const changed = [...came, ...left].map((entry) =>
    rowOf(entry, { stage: state.stage, onFront: now.has(entry.hash) }, context),
  );
  return { archive, front, changed };
}

/** An entry of the archive as it is stored. */
export const rowOf = (
  { confirmed: _, ...entry }: Archived,
  place: { stage: number; onFront: boolean },
  context: Context,
): ArchiveEntry => ({
  ...entry,
  ...place,
  genotype: context.genotype(entry.selection),
  evidence: context.isTabular ? "table" : "shared-weights",
  predicted: listOrNull(context.predictedOf(entry.hash, entry.values)),
});

const listOrNull = (list: string[]): string[] | null => (list.length > 0 ? list : null);
