/** What happens to what a device reports, apart from HTTP: it is judged, kept, and given to the search that waits for it. */

import {
  type LeasedMeasureTask,
  type Measured,
  type MeasureReport,
  type MeasureTask,
  measuringVersion,
  type SubjectResult,
} from "../../shared/measuring.ts";
import { measuredUnits } from "../../shared/objectives.ts";
import { heartbeatSeconds, leaseSeconds } from "../../shared/protocol.ts";
import { isoTime } from "../app.ts";
import { completedCandidates, type DeviceResult, withMeasured } from "../controller/onDevices.ts";
import type { ControllerState } from "../controller/state.ts";
import type { Env } from "../env.ts";
import { newId } from "../ids.ts";
import { Problem } from "../problems.ts";
import { guarded } from "../store/database.ts";
import { type Device, findDeviceById, noteReference, quarantine } from "../store/devices.ts";
import { appendEvents, type NewEvent } from "../store/events.ts";
import {
  closeMeasurement,
  earlierResults,
  failMeasurements,
  findMeasurement,
  type Measurement,
  nextMeasurement,
  waitingOf,
} from "../store/measurements.ts";
import { amendmentOf, recordedRound } from "../store/rounds.ts";
import { isExhausted, maxAttempts, takeLease } from "../store/runners.ts";
import { findController, findSearch, openSearchesOn, type Search } from "../store/searches.ts";
import { measureTaskId } from "../work.ts";
import { calibrationMeasured } from "./calibrate.ts";
import { conclude } from "./conclude.ts";

/** Something else may be written between reading and writing; each try reads again. */
const writeTries = 5;
/** What was taken too often is passed over; more of it comes with the next question. */
const leaseTries = 10;
/** Times are told as at the reference's first speed; a device that is so much faster or slower is not believed blindly. */
const disagreement = 0.5;
/** The same network again: intervals do not hold what changes between runs, and programs tell none. */
const repeatTolerance = 0.2;

/** Leases what the device is to measure next; null when there is nothing. */
export async function leaseMeasurement(env: Env, device: Device): Promise<LeasedMeasureTask | null> {
  const { DB: db } = env;
  if (device.state === "quarantined") return null;
  for (let tries = 0; tries < leaseTries; tries++) {
    const now = Date.now();
    const offer = await nextMeasurement(db, device, now);
    if (offer === null) return null;
    if (isExhausted(offer)) {
      const reason = `its device took it ${maxAttempts} times and reported nothing`;
      await abandon(env, [offer.id], reason);
      continue;
    }
    const lease = await takeLease(
      db,
      { resource: offer.id, searchId: offer.searchId ?? "" },
      // Of those that ask an endpoint at the same time one holds the lease, not whoever comes last.
      device.kind === "endpoint" ? newId() : device.id,
      now,
    );
    const measurement = lease === null ? null : await findMeasurement(db, offer.id);
    if (lease === null || measurement === null) continue;
    return {
      leaseId: lease.leaseId,
      leaseSeconds,
      heartbeatSeconds,
      leaseExpiresAt: isoTime(lease.expiresAt),
      task: taskOf(measurement, device),
    };
  }
  return null;
}

const taskOf = (
  { id, searchId, objectives, settings, subjects }: Measurement,
  { reference }: Device,
): MeasureTask => ({
  kind: "measure",
  taskId: measureTaskId(id),
  searchId,
  objectives,
  settings,
  referenceMs: reference?.median ?? null,
  subjects,
});

/** @returns the device, for its next task. Throws `lease-lost`, `not-found`, `validation` */
export async function reportMeasured(
  env: Env,
  measurementId: string,
  report: Omit<MeasureReport, "kind">,
): Promise<Device> {
  const { DB: db } = env;
  const measurement = await findMeasurement(db, measurementId);
  const device = measurement === null ? null : await findDeviceById(db, measurement.deviceId);
  if (measurement === null || device === null) throw new Problem("not-found");
  if (measurement.leaseId === report.leaseId && measurement.state === "measured") return device;
  const lie = lieIn(report, measurement, device);
  if (lie !== null) {
    await putInQuarantine(env, device, lie);
    throw new Problem("device-quarantined", `${device.name}: ${lie}`);
  }
  for (let tries = 0; tries < writeTries; tries++)
    if (await written(env, measurement, device, report)) {
      await afterwards(env, measurement);
      return device;
    }
  throw new Problem("lease-lost");
}

/** What cannot be true of a report. */
function lieIn(
  { measuringVersion: version, backend, results, reference }: Omit<MeasureReport, "kind">,
  { subjects, objectives }: Measurement,
  device: Device,
): string | null {
  if (version !== measuringVersion)
    return `it measures by version ${version} of the protocol, this deployment by ${measuringVersion}; update it`;
  if (backend !== device.backend.name)
    return `it registered with the backend ${device.backend.name} and measured with ${backend}`;
  const aside = reference === null ? null : nonsenseIn(reference, "latency");
  if (aside !== null) return `latency of its reference network: ${aside}`;
  const keys = new Set(subjects.map(({ key }) => key));
  for (const { key, values } of results) {
    if (!keys.has(key)) return `it reports "${key}", which was not asked for`;
    for (const [name, value] of Object.entries(values)) {
      if (!objectives.includes(name)) return `it reports ${name}, which was not asked for`;
      const nonsense = value === null ? null : nonsenseIn(value, name);
      if (nonsense !== null) return `${name} of ${key}: ${nonsense}`;
    }
  }
  return null;
}

function nonsenseIn({ median, low, high }: Measured, name: string): string | null {
  if (!(low <= median && median <= high)) return `the median ${median} is not between ${low} and ${high}`;
  const mustBePositive = Object.hasOwn(measuredUnits, name);
  if (mustBePositive && !(median > 0)) return `${median} is not above 0`;
  return null;
}

async function written(
  env: Env,
  measurement: Measurement,
  device: Device,
  report: Omit<MeasureReport, "kind">,
): Promise<boolean> {
  const { DB: db } = env;
  const now = Date.now();
  const { searchId } = measurement;
  const { reference } = report;
  const results = [...report.results, ...leftOut(report, measurement)];
  const read = searchId === null ? null : await readSearch(db, searchId);
  const again = read === null ? null : await comparedAgain(db, measurement, device, results, read.state);
  const oddity = reference === null ? null : oddityOf(reference, device.reference);
  const isUnknown = reference === null && again === null;
  const problem = oddity ?? again?.contradiction ?? (isUnknown ? device.problem : null);
  const events: NewEvent[] = [
    ...(problem !== null && problem !== device.problem
      ? [{ type: "device.disagrees", data: { device: device.name, detail: problem } }]
      : []),
    ...failuresIn(results, device, measurement),
  ];
  // A calibration is of no search: those that wait for it are told.
  const told =
    searchId !== null ? [searchId] : events.length > 0 ? await openSearchesOn(db, device.name) : [];
  const statements = [
    ...closeMeasurement(db, measurement.id, { ...report, results }, now),
    noteReference(db, device.id, { reference, problem, now }),
    ...told.flatMap((id) => appendEvents(db, id, events, now)),
    ...(read === null ? [] : await searchChanges(db, measurement, read, device, results)),
  ];
  return (await guarded(db, statements)) !== null;
}

/** Of subjects that a report says nothing about it is kept that they have no value. */
const leftOut = ({ results }: Pick<MeasureReport, "results">, { subjects }: Measurement): SubjectResult[] => {
  const reported = new Set(results.map(({ key }) => key));
  const missing = subjects.filter(({ key }) => !reported.has(key));
  return missing.map(({ key }) => ({ key, values: {}, failure: "the device's report leaves it out" }));
};

/** One event for all subjects that failed, with the reason of the first. */
function failuresIn(
  results: readonly SubjectResult[],
  { name: device }: Device,
  { purpose }: Measurement,
): NewEvent[] {
  const failed = results.filter(({ failure }) => failure !== undefined);
  const [first] = failed;
  if (first === undefined) return [];
  const data = { device, purpose, reason: first.failure, architectures: failed.length };
  return [{ type: "measurement.failed", data }];
}

function oddityOf(now: Measured, first: Measured | null): string | null {
  if (first === null) return null;
  const ratio = now.median / first.median;
  const isApart = now.low > first.high || now.high < first.low;
  if (!isApart || Math.abs(ratio - 1) <= disagreement) return null;
  return `its reference network takes ${now.median.toPrecision(3)} ms, ${first.median.toPrecision(3)} ms when it registered: it is busy, throttled or another machine`;
}

async function readSearch(
  db: D1Database,
  searchId: string,
): Promise<{ search: Search; state: ControllerState } | null> {
  const [search, state] = await Promise.all([findSearch(db, searchId), findController(db, searchId)]);
  return search === null || state === null ? null : { search, state };
}

/** What was measured before, held against what is reported now; null where nothing was. */
async function comparedAgain(
  db: D1Database,
  { searchId }: Measurement,
  { id: deviceId, name: device }: Device,
  results: readonly SubjectResult[],
  { measured }: ControllerState,
): Promise<{ contradiction: string | null } | null> {
  const repeated = results.filter(({ key, values }) =>
    Object.keys(values).some((name) => measured?.[key]?.values[`${name}.${device}`] !== undefined),
  );
  if (searchId === null || repeated.length === 0) return null;
  const keys = repeated.map(({ key }) => key);
  const earlier = await earlierResults(db, { searchId, deviceId, keys });
  let isCompared = false;
  for (const { key, values } of repeated)
    for (const [name, value] of Object.entries(values)) {
      const before = earlier.find((one) => one.key === key && one.values[name] != null)?.values[name];
      if (value === null || before == null) continue;
      isCompared = true;
      if (isAnother(value, before))
        return {
          contradiction: `${name} of ${key} is ${value.median.toPrecision(3)}, and was ${before.median.toPrecision(3)}: it does not measure the same twice`,
        };
    }
  return isCompared ? { contradiction: null } : null;
}

function isAnother(now: Measured, before: Measured): boolean {
  const isApart = now.low > before.high || now.high < before.low;
  const larger = Math.max(Math.abs(now.median), Math.abs(before.median));
  return isApart && Math.abs(now.median - before.median) > repeatTolerance * larger;
}

/** Statements that tell the search what was measured, refused where it has changed since it was read. */
async function searchChanges(
  db: D1Database,
  { round }: Measurement,
  { search, state }: { search: Search; state: ControllerState },
  device: Device,
  results: readonly SubjectResult[],
): Promise<D1PreparedStatement[]> {
  const searchId = search.id;
  const recorded = round === null ? undefined : await recordedRound(db, searchId, round);
  const selections = new Map([
    ...state.archive.map(({ hash, selection }) => [hash, selection] as const),
    ...(recorded?.candidates ?? []).map(({ hash, selection }) => [hash, selection] as const),
  ]);
  const found = results.flatMap(({ key, values }): DeviceResult[] => {
    const selection = selections.get(key);
    const measured = Object.entries(values).flatMap(([name, value]) =>
      value === null ? [] : [[`${name}.${device.name}`, value.median] as const],
    );
    if (selection === undefined || measured.length === 0) return [];
    return [{ hash: key, selection, values: Object.fromEntries(measured) }];
  });
  if (found.length === 0) return [];
  const { specification } = search;
  const updated = withMeasured(state, specification, found);
  const candidates =
    recorded === undefined
      ? null
      : completedCandidates(recorded.candidates, recorded.stage, updated.state, specification);
  return amendmentOf(db, { searchId, round }, state, { ...updated, candidates });
}

/** What follows once it is kept; all of it can be done again. */
async function afterwards(env: Env, { purpose, searchId, calibrationId }: Measurement): Promise<void> {
  if (purpose === "calibration" && calibrationId !== null) await calibrationMeasured(env.DB, calibrationId);
  if (purpose === "final" && searchId !== null) await conclude(env.DB, searchId);
}

/** Nobody will make these measurements of a device; whatever waits for them goes on without. */
export async function abandon(env: Env, ids: readonly string[], reason: string): Promise<void> {
  const { DB: db } = env;
  const list = (await Promise.all(ids.map((id) => findMeasurement(db, id)))).flatMap((one) => one ?? []);
  if (list.length === 0) return;
  const now = Date.now();
  const device = (await findDeviceById(db, list[0]?.deviceId ?? ""))?.name ?? "";
  const searches = new Set(list.flatMap(({ searchId }) => searchId ?? []));
  const event = { type: "measurement.failed", data: { device, reason } };
  await db.batch([
    ...failMeasurements(db, ids, reason, now),
    ...[...searches].flatMap((searchId) => appendEvents(db, searchId, [event], now)),
  ]);
  for (const one of list) await afterwards(env, one);
}

export async function putInQuarantine(env: Env, device: Device, reason: string): Promise<void> {
  const { DB: db } = env;
  const now = Date.now();
  await db.batch(quarantine(db, device.id, reason, now));
  const waiting = await waitingOf(db, device.id);
  // Also those that wait for its calibration, or will want it in their next round.
  const searches = await openSearchesOn(db, device.name);
  const event = { type: "device.quarantined", data: { device: device.name, reason } };
  if (searches.length > 0)
    await db.batch(searches.flatMap((searchId) => appendEvents(db, searchId, [event], now)));
  await abandon(
    env,
    waiting.map(({ id }) => id),
    `${device.name} is quarantined: ${reason}`,
  );
}
