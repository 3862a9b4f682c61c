/** From reported measurements to candidates, and from candidates to the archive. */

import type { RoundReport, RoundTask } from "../../shared/protocol.ts";
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
  const byIndex = new Map(report.measurements.map((measurement) => [measurement.candidate, measurement]));
  for (const index of byIndex.keys())
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
      feasible: context.isFeasible(selection, values),
      version: 1,
    };
  });
}

/**
 * Of a supernet the runner measures accuracy, and what it is asked to beside it; devices measure later, and all else is
 * computed. In a table everything is looked up.
 */
function valuesOf(measured: Values, hash: string, selection: Selection, context: Context): Values {
  if (!context.isTabular)
    return {
      accuracy: measured.accuracy ?? null,
      ...Object.fromEntries(context.runnerObjectives.map((id) => [id, positiveOrNull(measured[id])])),
      ...context.cheap(selection),
      ...context.onDevices(hash, selection),
    };
  return Object.fromEntries(context.objectives.map(objectiveId).map((id) => [id, measured[id] ?? null]));
}

const positiveOrNull = (value: number | null | undefined): number | null =>
  typeof value === "number" && value > 0 ? value : null;

/** Several measurements of one architecture in a stage count by their images; confirmation replaces what was seen before. */
function merged(
  known: Archived | undefined,
  { hash, selection, values }: CandidateRecord,
  {
    confirming,
    round,
    images,
    context,
  }: { confirming: boolean; round: number; images: number; context: Context },
): Archived {
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
    images: total,
    round: known?.round ?? round,
    confirmed: confirming || (known?.confirmed ?? false),
    version: (known?.version ?? 0) + 1,
  };
}

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

/** Files measured candidates, all with an accuracy, in the stage's archive. */
export function mergeArchive(
  state: Pick<ControllerState, "archive" | "stage" | "phase">,
  measured: readonly CandidateRecord[],
  task: MeasuredTask,
  context: Context,
): Merged {
  const byHash = new Map(state.archive.map((entry) => [entry.hash, entry]));
  const confirming = state.phase === "confirm";
  const circumstances = { confirming, round: task.round, images: task.evaluation?.images ?? 0, context };
  for (const candidate of measured)
    byHash.set(candidate.hash, merged(byHash.get(candidate.hash), candidate, circumstances));
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
