/** Devices that measure, what they have to measure, and what their operations were found to take. */

import { sql } from "drizzle-orm";
import { index, integer, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type {
  Conditions,
  DeviceBackendFacts,
  DeviceObjective,
  Fingerprint,
  Measured,
  MeasuringSettings,
  Subject,
  SubjectResult,
} from "../shared/measuring.ts";
import type { NetworkSize } from "../shared/network.ts";
import type { Predictor } from "../shared/predictor.ts";
import type { Specification } from "../shared/specification.ts";

export const deviceStates = ["active", "quarantined"] as const;

export const devices = sqliteTable(
  "devices",
  {
    id: text().primaryKey(),
    /** As specifications call it. */
    name: text().notNull().unique(),
    /** It asks for work, or it is asked at its URL. */
    kind: text({ enum: ["pull", "endpoint"] }).notNull(),
    /** The token that registered it; null for one of several devices' tokens, and for an endpoint. */
    tokenId: text(),
    backend: text({ mode: "json" }).$type<DeviceBackendFacts>().notNull(),
    /** Null of an endpoint. */
    fingerprint: text({ mode: "json" }).$type<Fingerprint>(),
    objectives: text({ mode: "json" }).$type<DeviceObjective[]>().notNull(),
    state: text({ enum: deviceStates }).notNull(),
    /** Why it is quarantined, or what is odd about it. */
    problem: text(),
    /** What its reference network took first: latency by batch, in milliseconds. */
    reference: text({ mode: "json" }).$type<Measured>(),
    url: text(),
    sealedSecret: text(),
    createdAt: integer().notNull(),
    /** When it last asked, or answered. */
    seenAt: integer(),
  },
  (table) => [index("devices_by_kind").on(table.kind, table.state)],
);

export const measurementPurposes = ["calibration", "candidates", "final"] as const;
export const measurementStates = ["queued", "measured", "failed"] as const;

/** What one task measures: of a calibration, of a round's candidates, or of the members of a final front. */
export const measurements = sqliteTable(
  "measurements",
  {
    id: text().primaryKey(),
    deviceId: text()
      .notNull()
      .references(() => devices.id, { onDelete: "cascade" }),
    searchId: text(),
    /** Of the candidates. */
    round: integer(),
    calibrationId: text(),
    purpose: text({ enum: measurementPurposes }).notNull(),
    objectives: text({ mode: "json" }).$type<string[]>().notNull(),
    settings: text({ mode: "json" }).$type<MeasuringSettings>().notNull(),
    subjects: text({ mode: "json" }).$type<Subject[]>().notNull(),
    state: text({ enum: measurementStates }).notNull(),
    results: text({ mode: "json" }).$type<SubjectResult[]>(),
    conditions: text({ mode: "json" }).$type<Conditions>(),
    failure: text(),
    /** The report's lease, which makes it known when it comes again. */
    leaseId: text(),
    createdAt: integer().notNull(),
    finishedAt: integer(),
  },
  (table) => [
    index("measurements_of_device").on(table.deviceId, table.state, table.createdAt),
    index("measurements_waiting").on(table.createdAt).where(sql`state = 'queued'`),
    index("measurements_by_search").on(table.searchId, table.state).where(sql`search_id IS NOT NULL`),
    index("measurements_by_calibration").on(table.calibrationId).where(sql`calibration_id IS NOT NULL`),
  ],
);

export const calibrationStates = ["measuring", "ready", "refused", "failed"] as const;

/** What of a device and a space is predicted from, by objective name. */
export interface Calibrated {
  predictor: Predictor;
  kendallTau: number;
  medianErrorPercent: number;
  networks: number;
  /** Whether it is good enough to be used. */
  isUsed: boolean;
}

export const calibrations = sqliteTable(
  "calibrations",
  {
    id: text().primaryKey(),
    deviceId: text()
      .notNull()
      .references(() => devices.id, { onDelete: "cascade" }),
    /** Of the space and the size. */
    key: text().notNull(),
    space: text({ mode: "json" }).$type<Specification["space"]>().notNull(),
    size: text({ mode: "json" }).$type<NetworkSize>().notNull(),
    state: text({ enum: calibrationStates }).notNull(),
    predictors: text({ mode: "json" }).$type<Record<string, Calibrated>>(),
    failure: text(),
    /** Device time that it took. */
    seconds: real(),
    createdAt: integer().notNull(),
    finishedAt: integer(),
  },
  (table) => [
    uniqueIndex("calibrations_by_key").on(table.deviceId, table.key),
    index("calibrations_under_way").on(table.createdAt).where(sql`state = 'measuring'`),
  ],
);
