/** From what a device measured of a space's operations and networks to what its searches predict from. */

import type { Calibrated } from "../../schema/devices.ts";
import { predictableNames } from "../../shared/objectives.ts";
import { fitPredictor, isGoodEnough } from "../../shared/prediction/fit.ts";
import type { Predictor } from "../../shared/predictor.ts";
import { resolveSpace } from "../../shared/space.ts";
import type { Specification } from "../../shared/specification.ts";
import { objectiveId } from "../../shared/specification.ts";
import { withCalibrations } from "../controller/onDevices.ts";
import { errorsText } from "../problems.ts";
import { guarded } from "../store/database.ts";
import { type Device, findDevice, findDeviceById } from "../store/devices.ts";
import { appendEvents, type NewEvent } from "../store/events.ts";
import {
  type Calibration,
  calibrationById,
  endCalibration,
  findCalibration,
  type Measurement,
  measurementsOfCalibration,
} from "../store/measurements.ts";
import { amendmentOf } from "../store/rounds.ts";
import { findController, findSearch, moveSearch, openSearchesOn } from "../store/searches.ts";
import { type MeasuredRange, measuredRanges, unmetLimits } from "./ranges.ts";
import { calibrationKey, wantedOf } from "./subjects.ts";

const writeTries = 5;

/** Ends a calibration once all of it is measured, and tells the searches that wait for it. Repeating it does nothing. */
export async function calibrationMeasured(db: D1Database, id: string): Promise<void> {
  const calibration = await calibrationById(db, id);
  if (calibration?.state !== "measuring") return;
  const list = await measurementsOfCalibration(db, id);
  if (list.some(({ state }) => state === "queued")) return;
  const end = fitted(calibration, list);
  if (!(await endCalibration(db, id, end, Date.now()))) return;
  const device = await findDeviceById(db, calibration.deviceId);
  if (device !== null) await tellSearches(db, device, { ...calibration, ...end });
}

type End = Pick<Calibration, "state" | "predictors" | "failure" | "seconds">;

function fitted({ space, size }: Calibration, list: readonly Measurement[]): End {
  const seconds = list.reduce((sum, { conditions }) => sum + (conditions?.seconds ?? 0), 0);
  const all = list.flatMap(({ objectives }) => objectives);
  const names = new Set(all.filter((name) => predictableNames.includes(name)));
  const predictors: Record<string, Calibrated> = {};
  const failures: string[] = [];
  for (const name of names) {
    const values: Record<string, number> = {};
    for (const { results } of list)
      for (const { key, values: measured } of results ?? []) {
        const median = measured[name]?.median;
        if (median !== undefined) values[key] = median;
      }
    try {
      const { predictor, quality } = fitPredictor(resolveSpace(space), size, values);
      predictors[name] = {
        predictor,
        ...quality,
        isUsed: isGoodEnough(quality),
      };
    } catch (error) {
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const isUsed = Object.values(predictors).some((one) => one.isUsed);
  const failure = failures.length > 0 ? failures.join("; ").slice(0, 1000) : null;
  const state = isUsed ? "ready" : failure === null ? "refused" : "failed";
  return { state, predictors, failure, seconds };
}

/** By objective id, what can be predicted of a specification's networks on this device. */
function usableOf(
  specification: Specification,
  device: Pick<Device, "name">,
  { predictors }: Pick<Calibration, "predictors">,
): Record<string, Predictor> {
  const wanted = wantedOf(specification).find((one) => one.device === device.name);
  return Object.fromEntries(
    (wanted?.predictable ?? []).flatMap((name) => {
      const found = predictors?.[name];
      return found?.isUsed === true
        ? [[objectiveId({ name, device: device.name }), found.predictor] as const]
        : [];
    }),
  );
}

async function tellSearches(db: D1Database, device: Device, calibration: Calibration): Promise<void> {
  for (const searchId of await openSearchesOn(db, device.name))
    for (let tries = 0; tries < writeTries; tries++) if (await told(db, searchId, device, calibration)) break;
}

async function told(
  db: D1Database,
  searchId: string,
  device: Device,
  calibration: Calibration,
): Promise<boolean> {
  const [search, state] = await Promise.all([findSearch(db, searchId), findController(db, searchId)]);
  if (search === null || state === null) return true;
  const { specification } = search;
  if (calibrationKey(specification) !== calibration.key) return true;
  const usable = usableOf(specification, device, calibration);
  const unmet = unmetLimits(specification, usable);
  if (unmet.length > 0 && search.searching) {
    await db.batch(appendEvents(db, searchId, [eventOf(device, calibration)], Date.now()));
    await failUnmet(db, searchId, errorsText(unmet));
    return true;
  }
  const updated = withCalibrations(state, specification, usable);
  const statements = [
    ...amendmentOf(db, { searchId, round: null }, state, { ...updated, candidates: null }),
    ...appendEvents(db, searchId, [eventOf(device, calibration)], Date.now()),
  ];
  return (await guarded(db, statements)) !== null;
}

/** What would have been refused at the start, had it been known, goes on no further. */
async function failUnmet(db: D1Database, searchId: string, message: string): Promise<void> {
  await moveSearch(db, searchId, {
    from: ["queued", "running", "paused"],
    to: "failed",
    event: { type: "search.failed", data: { message } },
    failure: message,
  });
}

function eventOf({ name: device }: Device, { state, predictors, failure, seconds }: Calibration): NewEvent {
  const quality = Object.fromEntries(
    Object.entries(predictors ?? {}).map(([name, { predictor: _, ...rest }]) => [name, rest]),
  );
  const type = state === "ready" ? "device.calibrated" : "device.calibrationRefused";
  return { type, data: { device, quality, failure, seconds } };
}

/** By objective id, what is ready to predict from for a specification. */
export async function calibratedFor(
  db: D1Database,
  specification: Specification,
): Promise<Record<string, Predictor>> {
  const all: Record<string, Predictor> = {};
  for (const { device: name, predictable } of wantedOf(specification)) {
    const device = predictable.length === 0 ? null : await findDevice(db, name);
    if (device === null) continue;
    const calibration = await findCalibration(db, device.id, calibrationKey(specification));
    if (calibration?.state === "ready") Object.assign(all, usableOf(specification, device, calibration));
  }
  return all;
}

/** By name of objective, what the whole networks of a calibration had of what is not predicted. */
export const measuredRangesOf = async (db: D1Database, { id }: Pick<Calibration, "id">) =>
  measuredRanges(await measurementsOfCalibration(db, id));

/** By objective id, what calibrations for a specification measured of what is not predicted. */
export async function measuredFor(
  db: D1Database,
  specification: Specification,
): Promise<Record<string, MeasuredRange>> {
  const all: Record<string, MeasuredRange> = {};
  for (const { device: name, direct } of wantedOf(specification)) {
    const device = direct.length === 0 ? null : await findDevice(db, name);
    if (device === null) continue;
    const calibration = await findCalibration(db, device.id, calibrationKey(specification));
    const ranges = calibration === null ? {} : await measuredRangesOf(db, calibration);
    for (const [objective, range] of Object.entries(ranges))
      if (direct.includes(objective)) all[objectiveId({ name: objective, device: name })] = range;
  }
  return all;
}
