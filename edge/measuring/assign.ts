/** What a search has devices do: calibrations before it starts, its candidates after a round, its last front at the end. */

import { spaceOf } from "../../shared/networkCosts.ts";
import { costClasses } from "../../shared/objectives.ts";
import { calibrationSubjects } from "../../shared/prediction/subjects.ts";
import type { Selection } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import type { Archived } from "../controller/archive.ts";
import { Context } from "../controller/context.ts";
import { isMeasured } from "../controller/merge.ts";
import type { CandidateRecord, ControllerState, RoundOutcome } from "../controller/state.ts";
import { queueCalibration, queueCandidates, queueFinal } from "../store/measurements.ts";
import { calibratedSize, calibrationKey, networkSubject, wantedOf } from "./subjects.ts";

/** Statements that have devices calibrated for a search, where they are not yet. */
export function calibrationsFor(
  db: D1Database,
  specification: Specification,
  now: number,
): D1PreparedStatement[] {
  const wanted = wantedOf(specification).filter(({ predictable }) => predictable.length > 0);
  if (wanted.length === 0) return [];
  const size = calibratedSize(specification);
  const subjects = calibrationSubjects(spaceOf(specification), size);
  return wanted.flatMap(({ device, predictable }) =>
    queueCalibration(
      db,
      {
        device,
        key: calibrationKey(specification),
        space: specification.space,
        size,
        objectives: predictable,
        beside: Object.keys(costClasses.measured.units),
        subjects,
      },
      now,
    ),
  );
}

/** In one round of so many an architecture that is known is measured again. */
const repeatedEvery = 4;

/** Statements that have a round's candidates measured where nothing predicts them well. */
export function candidateMeasurements(
  db: D1Database,
  specification: Specification,
  { state, record }: Pick<RoundOutcome, "state" | "record">,
  now: number,
): D1PreparedStatement[] {
  const wanted = wantedOf(specification);
  if (wanted.length === 0 || record.phase !== "search") return [];
  const context = new Context(specification, state);
  return wanted.flatMap(({ device, predictable, direct }) => {
    const open = (names: readonly string[]) =>
      names.filter((name) => state.predictors?.[`${name}.${device}`]?.source !== "calibration");
    const groups = [
      { objectives: open(direct), unlessCalibrating: null },
      { objectives: open(predictable), unlessCalibrating: calibrationKey(specification) },
    ];
    return groups.flatMap(({ objectives, unlessCalibrating }) => {
      const ids = objectives.map((name) => `${name}.${device}`);
      const repeated = record.round % repeatedEvery === 0 ? knownOf(state, ids, record.round) : [];
      const chosen = [...unknownOf(record.candidates, ids, state), ...repeated];
      const subjects = chosen.map(({ hash, selection }) =>
        networkSubject(specification, { hash, genotype: context.genotype(selection) }),
      );
      if (objectives.length === 0) return [];
      const { searchId } = state;
      const { round } = record;
      return queueCandidates(db, { device, objectives, subjects, searchId, round, unlessCalibrating }, now);
    });
  });
}

/** Candidates that may be an answer, and of which a device has not measured what it is to; each architecture once. */
function unknownOf(
  candidates: readonly CandidateRecord[],
  ids: readonly string[],
  state: ControllerState,
): { hash: string; selection: Selection }[] {
  const byHash = new Map<string, CandidateRecord>();
  for (const candidate of candidates) {
    const known = state.measured?.[candidate.hash]?.values ?? {};
    if (!candidate.feasible || !isMeasured(candidate.values.accuracy)) continue;
    if (ids.some((id) => known[id] === undefined)) byHash.set(candidate.hash, candidate);
  }
  return [...byHash.values()];
}

/** Of what a device measured, one of the archive, in turn: its value must be the same again. */
function knownOf(state: ControllerState, ids: readonly string[], round: number): Archived[] {
  const known = state.archive.filter(({ hash }) =>
    ids.every((id) => state.measured?.[hash]?.values[id] !== undefined),
  );
  const turn = Math.floor(round / repeatedEvery) % Math.max(1, known.length);
  return known.slice(turn, turn + 1);
}

/** Statements that have the members of the last front measured, whatever was predicted of them. */
export function finalMeasurements(
  db: D1Database,
  specification: Specification,
  { state, unmeasured }: Pick<RoundOutcome, "state" | "unmeasured">,
  now: number,
): D1PreparedStatement[] {
  const context = new Context(specification, state);
  const members = state.archive.filter(({ hash }) => unmeasured.includes(hash));
  return wantedOf(specification).map(({ device, predictable, direct }) => {
    const objectives = [...predictable, ...direct];
    const subjects = members
      .filter(({ hash }) =>
        objectives.some((name) => state.measured?.[hash]?.values[`${name}.${device}`] === undefined),
      )
      .map(({ hash, selection }) =>
        networkSubject(specification, { hash, genotype: context.genotype(selection) }),
      );
    return queueFinal(db, { device, objectives, subjects, searchId: state.searchId }, now);
  });
}
