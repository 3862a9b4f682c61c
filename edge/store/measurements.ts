/** What devices have to measure, and what they measured. */

import { and, desc, eq } from "drizzle-orm";
import { calibrations, measurements } from "../../schema/devices.ts";
import type { Conditions, Subject, SubjectResult } from "../../shared/measuring.ts";
import { type MeasureReport, networkSettings, operationSettings } from "../../shared/measuring.ts";
import { newId } from "../ids.ts";
import { database, statement } from "./database.ts";
import { leaseHeld } from "./runners.ts";

export type Measurement = typeof measurements.$inferSelect;
export type Calibration = typeof calibrations.$inferSelect;

export async function findMeasurement(db: D1Database, id: string): Promise<Measurement | null> {
  const [row] = await database(db).select().from(measurements).where(eq(measurements.id, id));
  return row ?? null;
}

export interface DeviceNow {
  /** Measurements that wait for it. */
  waiting: number;
  /** How it was when it measured last; null where it has measured nothing that is kept. */
  last: { conditions: Conditions; measuredAt: number } | null;
}

/** What devices do now, in their order. */
export async function devicesNow(db: D1Database, ids: readonly string[]): Promise<DeviceNow[]> {
  const { results } = await statement(
    db,
    `SELECT (SELECT count(*) FROM measurements m WHERE m.device_id = d.value AND m.state = 'queued') AS waiting,
       (SELECT json_object('conditions', json(m.conditions), 'measuredAt', m.finished_at) FROM measurements m
        WHERE m.device_id = d.value AND m.state = 'measured' ORDER BY m.created_at DESC LIMIT 1) AS last
     FROM json_each(:ids) d ORDER BY d.key`,
    { ids: JSON.stringify(ids) },
  ).all<{ waiting: number; last: string | null }>();
  return results.map(({ waiting, last }) => {
    const { conditions, measuredAt } = JSON.parse(last ?? "{}") as Partial<NonNullable<DeviceNow["last"]>>;
    return { waiting, last: conditions && measuredAt ? { conditions, measuredAt } : null };
  });
}

/** What a device measured of these for a search before, the newest first. */
export async function earlierResults(
  db: D1Database,
  wanted: { searchId: string; deviceId: string; keys: readonly string[] },
): Promise<SubjectResult[]> {
  const { results } = await statement(
    db,
    `SELECT r.value AS result, m.finished_at AS finishedAt FROM measurements m, json_each(m.results) r
     WHERE m.search_id = :searchId AND m.state = 'measured' AND m.device_id = :deviceId
       AND r.value ->> '$.key' IN (SELECT value FROM json_each(:keys))`,
    { ...wanted, keys: JSON.stringify(wanted.keys) },
  ).all<{ result: string; finishedAt: number }>();
  return results
    .sort((a, b) => b.finishedAt - a.finishedAt)
    .map(({ result }) => JSON.parse(result) as SubjectResult);
}

/** What a device measured for a search, the newest first. */
export const measurementsOf = (
  db: D1Database,
  { searchId, deviceId, limit }: { searchId: string; deviceId: string; limit: number },
): Promise<Measurement[]> =>
  database(db)
    .select()
    .from(measurements)
    .where(
      and(
        eq(measurements.searchId, searchId),
        eq(measurements.state, "measured"),
        eq(measurements.deviceId, deviceId),
      ),
    )
    .orderBy(desc(measurements.finishedAt))
    .limit(limit);

export interface OnDevice {
  device: string;
  objective: string;
  round: number | null;
  median: number;
  low: number;
  high: number;
  samples: number;
  measuredAt: number | null;
}

/** Tasks of a search that are looked through for one architecture. */
const tasksLookedAt = 500;
const onDevicesAtMost = 100;

/** What devices measured of one architecture of a search, the newest first. */
export async function measuredOnDevices(db: D1Database, searchId: string, hash: string): Promise<OnDevice[]> {
  const { results } = await statement(
    db,
    `SELECT d.name AS device, v.key AS objective, m.round AS round, json_extract(v.value, '$.median') AS median,
       json_extract(v.value, '$.low') AS low, json_extract(v.value, '$.high') AS high,
       json_extract(v.value, '$.samples') AS samples, m.finished_at AS measuredAt
     FROM measurements m JOIN devices d ON d.id = m.device_id,
       json_each(m.results) r, json_each(r.value, '$.values') v
     WHERE m.id IN (SELECT id FROM measurements WHERE search_id = :searchId AND state = 'measured'
         ORDER BY finished_at DESC LIMIT ${tasksLookedAt})
       AND json_extract(r.value, '$.key') = :hash AND json_type(v.value) = 'object'
     ORDER BY m.finished_at DESC, d.name, v.key LIMIT ${onDevicesAtMost}`,
    { searchId, hash },
  ).all<OnDevice>();
  return results;
}

/** Subjects that one task has at most: what is lost when a device vanishes is small. */
const subjectsPerTask = 8;
/** Tasks of a round's candidates that wait at once: a device that is slower than the search skips some. */
const waitingAtMost = 3;

const chunksOf = (subjects: readonly Subject[]): { id: string; subjects: Subject[] }[] =>
  Array.from({ length: Math.ceil(subjects.length / subjectsPerTask) }, (_, index) => ({
    id: newId(),
    subjects: subjects.slice(index * subjectsPerTask, (index + 1) * subjectsPerTask),
  }));

export interface Wanted {
  device: string;
  /** Names of objectives. */
  objectives: readonly string[];
  subjects: readonly Subject[];
  searchId: string;
  round: number;
  /** Not while this calibration is under way, which will predict them. */
  unlessCalibrating: string | null;
}

/** Has a device measure a round's candidates, if it is active and has not too much to do already. */
export function queueCandidates(
  db: D1Database,
  { subjects, objectives, ...wanted }: Wanted,
  now: number,
): D1PreparedStatement[] {
  if (subjects.length === 0) return [];
  return [
    statement(
      db,
      `INSERT INTO measurements (id, device_id, search_id, round, purpose, objectives, settings, subjects, state, created_at)
       SELECT json_extract(value, '$.id'), d.id, :searchId, :round, 'candidates', :objectives, :settings,
         json_extract(value, '$.subjects'), 'queued', :now
       FROM json_each(:chunks), devices d
       WHERE d.name = :device AND d.state = 'active'
         AND NOT EXISTS (SELECT 1 FROM calibrations c
           WHERE c.device_id = d.id AND c.key = :unlessCalibrating AND c.state = 'measuring')
         AND (SELECT count(*) FROM measurements m
           WHERE m.search_id = :searchId AND m.state = 'queued' AND m.device_id = d.id) < ${waitingAtMost}`,
      {
        ...wanted,
        objectives: JSON.stringify(objectives),
        settings: JSON.stringify(networkSettings),
        chunks: JSON.stringify(chunksOf(subjects)),
        now,
      },
    ),
  ];
}

/** Has an active device measure the members of a last front. */
export const queueFinal = (
  db: D1Database,
  { subjects, objectives, device, searchId }: Omit<Wanted, "round" | "unlessCalibrating">,
  now: number,
): D1PreparedStatement =>
  statement(
    db,
    `INSERT INTO measurements (id, device_id, search_id, purpose, objectives, settings, subjects, state, created_at)
     SELECT json_extract(value, '$.id'), d.id, :searchId, 'final', :objectives, :settings,
       json_extract(value, '$.subjects'), 'queued', :now
     FROM json_each(:chunks), devices d WHERE d.name = :device AND d.state = 'active'`,
    {
      device,
      searchId,
      objectives: JSON.stringify(objectives),
      settings: JSON.stringify(networkSettings),
      chunks: JSON.stringify(chunksOf(subjects)),
      now,
    },
  );

export interface NewCalibration {
  device: string;
  key: string;
  space: unknown;
  size: unknown;
  objectives: readonly string[];
  /** What of the whole networks is measured beside them, where the device offers it. */
  beside: readonly string[];
  subjects: readonly Subject[];
}

/** Calibrates a device for a space, unless it is calibrated already or being so. */
export function queueCalibration(
  db: D1Database,
  { device, key, space, size, objectives, beside, subjects }: NewCalibration,
  now: number,
): D1PreparedStatement[] {
  const id = newId();
  const whole = subjects.filter(({ kind }) => kind === "network");
  const parts = subjects.filter(({ kind }) => kind === "operation");
  const chunks = [
    ...chunksOf(parts).map((chunk) => ({ ...chunk, settings: operationSettings, objectives })),
    // What comes for nothing with a whole network says what the space holds of it.
    ...chunksOf(whole).map((chunk) => ({
      ...chunk,
      settings: networkSettings,
      objectives: [...objectives, ...beside],
    })),
  ];
  return [
    statement(
      db,
      `INSERT INTO calibrations (id, device_id, key, space, size, state, created_at)
       SELECT :id, d.id, :key, :space, :size, 'measuring', :now FROM devices d
       WHERE d.name = :device AND d.state = 'active' ON CONFLICT (device_id, key) DO NOTHING`,
      { id, device, key, space: JSON.stringify(space), size: JSON.stringify(size), now },
    ),
    statement(
      db,
      `INSERT INTO measurements (id, device_id, calibration_id, purpose, objectives, settings, subjects, state, created_at)
       SELECT json_extract(chunk.value, '$.id'), c.device_id, c.id, 'calibration',
         (SELECT json_group_array(wanted.value) FROM json_each(chunk.value, '$.objectives') AS wanted
          WHERE EXISTS (SELECT 1 FROM json_each(d.objectives) AS offered
            WHERE offered.value ->> '$.name' = wanted.value)),
         json_extract(chunk.value, '$.settings'), json_extract(chunk.value, '$.subjects'), 'queued', :now + chunk.value ->> '$.place'
       FROM json_each(:chunks) AS chunk, calibrations c JOIN devices d ON d.id = c.device_id WHERE c.id = :id`,
      {
        id,
        chunks: JSON.stringify(chunks.map((chunk, place) => ({ ...chunk, place }))),
        now,
      },
    ),
  ];
}

/**
 * The next that a device is to measure: what a search waits for first, then in turn. A device that lost the answer gets
 * what it holds again; an endpoint is asked by several invocations, of which one is to ask.
 */
export async function nextMeasurement(
  db: D1Database,
  { id: deviceId, kind }: { id: string; kind: "pull" | "endpoint" },
  now: number,
): Promise<{ id: string; searchId: string | null; attempts: number; isRepeated: boolean } | null> {
  const row = await statement(
    db,
    `SELECT m.id, m.search_id AS searchId, coalesce(l.attempts, 0) AS attempts, coalesce(l.expires_at > :now AND NOT l.heard, 0) AS isRepeated
     FROM measurements m LEFT JOIN searches s ON s.id = m.search_id LEFT JOIN leases l ON l.resource = m.id
     WHERE m.device_id = :deviceId AND m.state = 'queued'
       AND (m.search_id IS NULL OR s.state = 'running')
       AND (l.resource IS NULL OR l.expires_at <= :now OR ${kind === "pull" ? "l.runner_id = :deviceId" : "false"})
     ORDER BY m.purpose = 'final' DESC, m.created_at LIMIT 1`,
    { deviceId, now },
  ).first<{ id: string; searchId: string | null; attempts: number; isRepeated: number }>();
  return row === null ? null : { ...row, isRepeated: row.isRepeated === 1 };
}

/**
 * Takes a report. The state becomes null, which the column refuses, unless the measurement waits and its lease is held:
 * it begins a batch.
 */
export const closeMeasurement = (
  db: D1Database,
  id: string,
  { leaseId, results, conditions }: Pick<MeasureReport, "leaseId" | "results" | "conditions">,
  now: number,
): D1PreparedStatement[] => [
  statement(
    db,
    `UPDATE measurements SET state = CASE WHEN state = 'queued' AND ${leaseHeld} THEN 'measured' END,
       results = :results, conditions = :conditions, lease_id = :leaseId, finished_at = :now WHERE id = :resource`,
    {
      resource: id,
      leaseId,
      results: JSON.stringify(results),
      conditions: JSON.stringify(conditions),
      now,
    },
  ),
  statement(db, "DELETE FROM leases WHERE resource = :id", { id }),
];

/** Nothing of a search is to be measured any more. */
export const withdrawMeasurements = (
  db: D1Database,
  searchId: string,
  failure: string,
  now: number,
): D1PreparedStatement =>
  statement(
    db,
    `UPDATE measurements SET state = 'failed', failure = :failure, finished_at = :now
     WHERE search_id = :searchId AND state = 'queued'`,
    { searchId, failure, now },
  );

/** Ends measurements that nobody will make. */
export const failMeasurements = (
  db: D1Database,
  ids: readonly string[],
  failure: string,
  now: number,
): D1PreparedStatement[] => [
  statement(
    db,
    `UPDATE measurements SET state = 'failed', failure = :failure, finished_at = :now
     WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'queued'`,
    { ids: JSON.stringify(ids), failure, now },
  ),
  statement(db, "DELETE FROM leases WHERE resource IN (SELECT value FROM json_each(:ids))", {
    ids: JSON.stringify(ids),
  }),
];

/** What of a device waits, and for which search or calibration. */
export async function waitingOf(
  db: D1Database,
  deviceId: string,
): Promise<Pick<Measurement, "id" | "searchId" | "calibrationId" | "purpose">[]> {
  const { results } = await statement(
    db,
    `SELECT id, search_id AS searchId, calibration_id AS calibrationId, purpose FROM measurements
     WHERE device_id = :deviceId AND state = 'queued'`,
    { deviceId },
  ).all<Pick<Measurement, "id" | "searchId" | "calibrationId" | "purpose">>();
  return results;
}

export async function findCalibration(
  db: D1Database,
  deviceId: string,
  key: string,
): Promise<Calibration | null> {
  const [row] = await database(db)
    .select()
    .from(calibrations)
    .where(and(eq(calibrations.deviceId, deviceId), eq(calibrations.key, key)));
  return row ?? null;
}

export async function calibrationById(db: D1Database, id: string): Promise<Calibration | null> {
  const [row] = await database(db).select().from(calibrations).where(eq(calibrations.id, id));
  return row ?? null;
}

export const calibrationsOf = (db: D1Database, deviceId: string): Promise<Calibration[]> =>
  database(db)
    .select()
    .from(calibrations)
    .where(eq(calibrations.deviceId, deviceId))
    .orderBy(desc(calibrations.createdAt))
    .limit(50);

export const measurementsOfCalibration = (db: D1Database, calibrationId: string): Promise<Measurement[]> =>
  database(db).select().from(measurements).where(eq(measurements.calibrationId, calibrationId));

/** Ends a calibration that is being measured; false when it has ended already. */
export async function endCalibration(
  db: D1Database,
  id: string,
  end: Pick<Calibration, "state" | "predictors" | "failure" | "seconds">,
  now: number,
): Promise<boolean> {
  const rows = await database(db)
    .update(calibrations)
    .set({ ...end, finishedAt: now })
    .where(and(eq(calibrations.id, id), eq(calibrations.state, "measuring")))
    .returning({ id: calibrations.id });
  return rows.length > 0;
}

export async function deleteCalibration(db: D1Database, id: string): Promise<void> {
  await db.batch([
    statement(db, "DELETE FROM measurements WHERE calibration_id = :id", { id }),
    statement(db, "DELETE FROM calibrations WHERE id = :id", { id }),
  ]);
}

/** Whatever a device does, a search's end does not wait longer, and nothing else is kept longer. */
const longestWaitMs = 6 * 3_600_000;
/** The database looks no oftener for what is overdue. */
const leastAgeMs = 1000;

/** SQL that is true of a measurement `m` that nobody is making: its device is away for longer than `:patience`. */
const isOverdue = `m.state = 'queued' AND m.created_at <= :now - ${leastAgeMs}
  AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.resource = m.id AND l.expires_at > :now)
  AND NOT EXISTS (SELECT 1 FROM searches s WHERE s.id = m.search_id AND s.state = 'paused')
  AND (m.created_at <= :now - ${longestWaitMs} OR (m.purpose = 'final' AND m.created_at <= :now - :patience
    AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.id = m.device_id AND d.seen_at > :now - :patience)))`;

/** SQL that is true of a calibration `c` of which nothing is left to be measured, and which was not ended. */
const isMeasured = `c.state = 'measuring' AND NOT EXISTS
  (SELECT 1 FROM measurements m WHERE m.calibration_id = c.id AND m.state = 'queued')`;

/** SQL: whether there is something to be settled. */
export const measurementsDue = `EXISTS (SELECT 1 FROM measurements m WHERE ${isOverdue})
  OR EXISTS (SELECT 1 FROM calibrations c WHERE ${isMeasured})`;

/** By device. */
export async function overdueMeasurements(
  db: D1Database,
  { now, patience }: { now: number; patience: number },
): Promise<string[][]> {
  const { results } = await statement(
    db,
    `SELECT m.id, m.device_id AS deviceId FROM measurements m
     WHERE ${isOverdue} LIMIT 50`,
    { now, patience },
  ).all<{ id: string; deviceId: string }>();
  const byDevice = Map.groupBy(results, ({ deviceId }) => deviceId);
  return [...byDevice.values()].map((rows) => rows.map(({ id }) => id));
}

export async function measuredCalibrations(db: D1Database): Promise<string[]> {
  const { results } = await statement(
    db,
    `SELECT c.id FROM calibrations c WHERE ${isMeasured} LIMIT 10`,
  ).all<{
    id: string;
  }>();
  return results.map(({ id }) => id);
}
