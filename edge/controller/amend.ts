/** Measurements that come after their round was reported. */

import { objectiveId, type Specification } from "../../shared/specification.ts";
import { hypervolumeShare } from "./archive.ts";
import { Context } from "./context.ts";
import { isMeasured, type MeasuredTask, mergeArchive } from "./merge.ts";
import { reward, type Values } from "./reward.ts";
import type { CandidateRecord, ControllerState, Phase, RoundOutcome } from "./state.ts";

/** A round as it was recorded, as far as a late measurement needs it. */
export interface RecordedRound {
  stage: number;
  phase: Phase;
  task: MeasuredTask;
  candidates: CandidateRecord[];
}

export interface Amendment {
  state: ControllerState;
  candidates: CandidateRecord[];
  archive: RoundOutcome["archive"];
}

/**
 * Takes measurements that come after their round: they complete the candidate and, while its stage lasts, the
 * archive; the policy has moved on. Throws RangeError for a candidate or objective that there is not, and for a
 * value that was measured before.
 */
export function amendCandidate(
  state: ControllerState,
  specification: Specification,
  recorded: RecordedRound,
  index: number,
  values: Values,
): Amendment {
  const candidate = recorded.candidates[index];
  const { round } = recorded.task;
  if (candidate === undefined) throw new RangeError(`round ${round} has no candidate ${index}`);
  if (candidate.failure === "diverged")
    throw new RangeError(`candidate ${index} of round ${round} diverged: nothing can be measured of it`);
  const objectives = specification.objectives.map(objectiveId);
  const context = new Context(specification, state);
  const ofDevices = context.deviceObjectives.map(objectiveId);
  for (const id of Object.keys(values)) {
    if (!objectives.includes(id))
      throw new RangeError(`no objective "${id}"; use one of ${objectives.join(", ")}`);
    if (ofDevices.includes(id)) throw new RangeError(`${id} is reported by its device`);
    const value = values[id] ?? Number.NaN;
    if (id === "accuracy" && !context.isTabular && !(value >= 0 && value <= 100))
      throw new RangeError(`accuracy is ${value}; it must be 0 to 100`);
    const measured = candidate.values[id];
    if (measured !== null && measured !== undefined)
      throw new RangeError(`${id} of candidate ${index} in round ${round} was measured before: ${measured}`);
  }
  const complete = { ...candidate.values, ...values };
  const amended: CandidateRecord = {
    ...candidate,
    values: complete,
    reward: reward(complete, specification, context.schedule, context.stage(recorded.stage)),
    feasible: context.isFeasible(candidate.selection, complete),
    version: candidate.version + 1,
  };
  const candidates = recorded.candidates.map((known, position) => (position === index ? amended : known));
  const next = { ...state, amendments: state.amendments + 1 };
  if (recorded.stage !== state.stage || !isMeasured(complete.accuracy))
    return { state: next, candidates, archive: [] };
  const { archive, front, changed } = mergeArchive(
    { ...state, phase: recorded.phase },
    [amended],
    recorded.task,
    context,
    values.accuracy === undefined,
  );
  const hypervolume = hypervolumeShare(front, specification, state.bounds);
  return { state: { ...next, archive, hypervolume }, candidates, archive: changed };
}
