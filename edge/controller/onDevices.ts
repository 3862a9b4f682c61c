/** What devices measured of a search's architectures, and what is predicted from it, in the controller's state. Pure. */

import { codeOf, textOf } from "../../shared/code.ts";
import type { Predictor } from "../../shared/predictor.ts";
import type { Selection } from "../../shared/space.ts";
import { objectiveId, type Specification } from "../../shared/specification.ts";
import { type Archived, type Bounds, hypervolumeShare } from "./archive.ts";
import { Context } from "./context.ts";
import { changesTo, isMeasured } from "./merge.ts";
import { reward, type Values } from "./reward.ts";
import { standIn } from "./standIn.ts";
import type { CandidateRecord, ControllerState, Prediction, RoundOutcome } from "./state.ts";

/** Architectures whose measurements are kept: the state stays small, and older ones are in the archive. */
const kept = 192;

export interface DeviceResult {
  hash: string;
  selection: Selection;
  /** By objective id. */
  values: Record<string, number>;
}

export interface Updated {
  state: ControllerState;
  /** Rows of the archive that are new or changed. */
  archive: RoundOutcome["archive"];
}

/** Takes what devices measured: of these architectures it is known from now on, of others it is predicted the better. */
export function withMeasured(
  state: ControllerState,
  specification: Specification,
  results: readonly DeviceResult[],
): Updated {
  const context = new Context(specification);
  const all = { ...state.measured };
  for (const { hash, selection, values } of results) {
    const code = textOf(codeOf(context.positions, selection));
    const known = all[hash]?.values;
    delete all[hash];
    all[hash] = { code, values: { ...known, ...values } };
  }
  const measured = Object.fromEntries(Object.entries(all).slice(-kept));
  const predictors: Record<string, Prediction> = { ...state.predictors };
  for (const objective of context.deviceObjectives) {
    const id = objectiveId(objective);
    if (predictors[id]?.source === "calibration") continue;
    const seen = Object.values(measured).flatMap(({ code, values }) =>
      values[id] === undefined ? [] : [{ code, value: values[id] }],
    );
    const predictor = standIn(context.positions, seen);
    if (predictor !== null) predictors[id] = { predictor, source: "search" };
  }
  return refreshed({ ...state, measured, predictors }, specification);
}

/** Takes calibrations of devices, by objective id. */
export function withCalibrations(
  state: ControllerState,
  specification: Specification,
  calibrated: Readonly<Record<string, Predictor>>,
): Updated {
  const predictors: Record<string, Prediction> = { ...state.predictors };
  for (const [id, predictor] of Object.entries(calibrated))
    predictors[id] = { predictor, source: "calibration" };
  return refreshed({ ...state, predictors }, specification);
}

/** The archive as it is with what is known now. */
function refreshed(state: ControllerState, specification: Specification): Updated {
  const context = new Context(specification, state);
  const entries = state.archive.map((entry): Archived => {
    const values: Values = { ...entry.values, ...context.onDevices(entry.hash, entry.selection) };
    const isSame = Object.entries(values).every(([id, value]) => entry.values[id] === value);
    const feasible = isMeasured(values.accuracy) && context.isFeasible(entry.selection, values);
    return isSame ? entry : { ...entry, values, feasible, version: entry.version + 1 };
  });
  const { archive, front, changed } = changesTo(state, entries, context);
  const bounds = widened(state.bounds, archive, context);
  const hypervolume =
    archive.length === 0 ? state.hypervolume : hypervolumeShare(front, specification, bounds);
  const amendments = state.amendments + 1;
  return { state: { ...state, archive, bounds, hypervolume, amendments }, archive: changed };
}

/** What has no bounds that are known beforehand has those that were seen. */
export function widened(
  bounds: Bounds,
  seen: readonly { values: Values }[],
  context: Pick<Context, "isTabular" | "deviceObjectives" | "runnerObjectives">,
): Bounds {
  const ids = context.isTabular
    ? null
    : new Set([...context.deviceObjectives.map(objectiveId), ...context.runnerObjectives]);
  const next: Bounds = { ...bounds };
  for (const { values } of seen)
    for (const [id, value] of Object.entries(values)) {
      if (value === null || !Number.isFinite(value) || (ids !== null && !ids.has(id))) continue;
      const [low, high] = next[id] ?? [value, value];
      next[id] = [Math.min(low, value), Math.max(high, value)];
    }
  return next;
}

/** A round's candidates with what was measured of them since. */
export function completedCandidates(
  candidates: readonly CandidateRecord[],
  stage: number,
  state: ControllerState,
  specification: Specification,
): CandidateRecord[] {
  const context = new Context(specification, state);
  return candidates.map((candidate) => {
    const found = state.measured?.[candidate.hash]?.values;
    if (found === undefined || candidate.failure === "diverged") return candidate;
    const values = { ...candidate.values, ...found };
    return {
      ...candidate,
      values,
      reward: reward(values, specification, context.schedule, context.stage(stage)),
      feasible: context.isFeasible(candidate.selection, values),
      version: candidate.version + 1,
    };
  });
}
