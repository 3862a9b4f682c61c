/** From reported measurements to candidates, and from candidates to the archive. */

import type { TrainRoundReport, TrainRoundTask } from "../../shared/protocol.ts";
import type { Stage } from "../../shared/schedule.ts";
import { type Archived, paretoEntries, truncate } from "./archive.ts";
import type { Context } from "./context.ts";
import { isFeasible, reward, type Values } from "./reward.ts";
import type { ArchiveEntry, CandidateRecord, ControllerState } from "./state.ts";

export const isMeasured = (accuracy: number | null | undefined): boolean =>
  typeof accuracy === "number" && Number.isFinite(accuracy);

export function candidatesOf(
  task: TrainRoundTask,
  report: TrainRoundReport,
  context: Context,
  stage: Stage,
): CandidateRecord[] {
  const byIndex = new Map(report.measurements.map((measurement) => [measurement.candidate, measurement]));
  for (const index of byIndex.keys())
    if (index >= task.candidates.length)
      throw new RangeError(`round ${task.round} has no candidate ${index}`);
  return task.candidates.map(({ selection }, index) => {
    const measurement = byIndex.get(index);
    const values: Values = { accuracy: measurement?.values.accuracy ?? null, ...context.cheap(selection) };
    return {
      hash: context.hash(selection),
      selection,
      values,
      loss: measurement?.loss ?? null,
      reward: reward(values, context.specification, context.schedule, stage),
      feasible: isFeasible(values, context.specification),
      version: 1,
    };
  });
}

/** Several measurements of one architecture in a stage count by their images; confirmation replaces what was seen before. */
export function mergeArchive(
  state: ControllerState,
  measured: readonly CandidateRecord[],
  task: Pick<TrainRoundTask, "round" | "evaluation">,
  context: Context,
) {
  const byHash = new Map(state.archive.map((entry) => [entry.hash, entry]));
  const before = new Map(byHash);
  const confirming = state.phase === "confirm";
  const images = task.evaluation.images;
  for (const { hash, selection, values } of measured) {
    const known = byHash.get(hash);
    const averaging = known !== undefined && !(confirming && !known.confirmed);
    const total = averaging ? known.images + images : images;
    const accuracy = averaging
      ? ((known.values.accuracy ?? 0) * known.images + (values.accuracy as number) * images) / total
      : (values.accuracy as number);
    const merged: Values = { ...values, accuracy };
    byHash.set(hash, {
      hash,
      selection: known?.selection ?? selection,
      values: merged,
      feasible: isFeasible(merged, context.specification),
      images: total,
      round: known?.round ?? task.round,
      confirmed: confirming || (known?.confirmed ?? false),
      version: (known?.version ?? 0) + 1,
    });
  }
  const archive = truncate([...byHash.values()], context.specification.objectives);
  const frontBefore = new Set(
    paretoEntries(state.archive, context.specification.objectives).map(({ hash }) => hash),
  );
  return {
    archive,
    /** Rows to write: front members that are new or changed, and those that left the front. */
    changed(front: readonly Archived[], current: Context, stage: number): ArchiveEntry[] {
      const frontHashes = new Set(front.map(({ hash }) => hash));
      const rows = front.filter(
        (entry) => !frontBefore.has(entry.hash) || before.get(entry.hash)?.version !== entry.version,
      );
      const left = [...frontBefore]
        .filter((hash) => !frontHashes.has(hash))
        .flatMap((hash) => byHash.get(hash) ?? []);
      return [...rows, ...left].map((entry) => ({
        hash: entry.hash,
        stage,
        genotype: current.genotype(entry.selection),
        selection: entry.selection,
        values: entry.values,
        feasible: entry.feasible,
        onFront: frontHashes.has(entry.hash),
        round: entry.round,
        images: entry.images,
        version: entry.version,
      }));
    },
  };
}
