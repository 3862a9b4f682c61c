/**
 * What is measured on devices, and the wire between them and the edge: one schema per message, used by both sides. A
 * device registers, leases a task, heartbeats while it measures and reports; what it measures are subjects, whole
 * networks or single operations. Nothing random is in a task: weights are drawn from a fixed seed, as times and energy do
 * not depend on them.
 */

import { z } from "zod";
import { deviceNamePattern, deviceNameRule } from "./deviceName.ts";
import { genotypeSchema } from "./genotype.ts";
import { DARTS_V2 } from "./genotypes.ts";
import { protocolVersion } from "./protocol.ts";

/** Raised when what is measured, or how, changes so that older results cannot be compared with newer ones. */
export const measuringVersion = 1;

export const deviceBackends = [
  "tensorflow",
  "wasm",
  "webgl",
  "webgpu",
  "onnxruntime",
  "program",
  "endpoint",
] as const;

/** Of those, what runs networks in a browser. */
export const browserBackends = [
  "webgpu",
  "webgl",
  "wasm",
] as const satisfies (typeof deviceBackends)[number][];
export type BrowserBackend = (typeof browserBackends)[number];

export const objectiveNameSchema = z.string().regex(/^[a-z][a-zA-Z0-9]{0,40}$/);

export const deviceObjectiveSchema = z.strictObject({
  name: objectiveNameSchema,
  unit: z.string().min(1).max(20),
});
export type DeviceObjective = z.infer<typeof deviceObjectiveSchema>;

/** What results depend on besides the network; a device whose fingerprint changes is another one. */
export const fingerprintSchema = z.strictObject({
  platform: z.string().max(200),
  processor: z.string().max(200),
  cores: z.int().min(1).max(65_536),
  gpu: z.string().max(200).nullable(),
  /** Of Node or the browser, with its version. */
  runtime: z.string().max(400),
});
export type Fingerprint = z.infer<typeof fingerprintSchema>;

export const deviceBackendSchema = z.strictObject({
  name: z.enum(deviceBackends),
  versions: z.record(z.string().max(100), z.string().max(100)),
  threads: z.int().min(1).max(1024),
});
export type DeviceBackendFacts = z.infer<typeof deviceBackendSchema>;

export const deviceNameSchema = z.string().regex(deviceNamePattern, deviceNameRule);

export const registerDeviceSchema = z.strictObject({
  protocolVersion: z.int().default(protocolVersion),
  measuringVersion: z.int(),
  name: deviceNameSchema,
  backend: deviceBackendSchema,
  fingerprint: fingerprintSchema,
  objectives: z.array(deviceObjectiveSchema).min(1).max(8),
});
export type RegisterDevice = z.input<typeof registerDeviceSchema>;
export const registeredDeviceSchema = z.object({ deviceId: z.string(), name: z.string() });

/** Rows, columns and channels of one image. */
const imageSchema = z.object({
  height: z.int().min(1),
  width: z.int().min(1),
  channels: z.int().min(1),
});

/** One operation on an edge, alone: from an input of this shape to its output. */
export const operationSubjectSchema = z.object({
  key: z.string(),
  kind: z.literal("operation"),
  operation: z.string(),
  /** Of its input. */
  shape: imageSchema,
  stride: z.int().min(1).max(2),
});
export type OperationSubject = z.infer<typeof operationSubjectSchema>;

/** A whole network, as it would be exported. */
export const networkSubjectSchema = z.object({
  key: z.string(),
  kind: z.literal("network"),
  genotype: genotypeSchema,
  /** `canonicalHash` of the genotype. */
  hash: z.string(),
  skeleton: z.enum(["cells", "nas-bench-201"]),
  stem: z.enum(["cifar", "imagenet"]),
  channels: z.int(),
  layers: z.int(),
  classes: z.int(),
  image: imageSchema,
});
export type NetworkSubject = z.infer<typeof networkSubjectSchema>;

export const subjectSchema = z.discriminatedUnion("kind", [operationSubjectSchema, networkSubjectSchema]);
export type Subject = z.infer<typeof subjectSchema>;

/** How long and how sure: see docs/explanation/measuring.md. */
export const measuringSettingsSchema = z.object({
  batchSize: z.int().min(1).max(4096),
  /** The wanted width of the median's 95 % confidence interval, as a share of the median. */
  width: z.number().positive().max(1),
  /** Ends a subject's measurement, however wide its interval is. */
  limitSeconds: z.number().positive().max(600),
});
export type MeasuringSettings = z.infer<typeof measuringSettingsSchema>;
export const networkSettings: MeasuringSettings = { batchSize: 1, width: 0.02, limitSeconds: 10 };
export const operationSettings: MeasuringSettings = { batchSize: 1, width: 0.05, limitSeconds: 2 };

export const measureTaskSchema = z.object({
  kind: z.literal("measure"),
  taskId: z.string(),
  /** Null for what belongs to no search. */
  searchId: z.string().nullable(),
  /** Names of what is wanted, out of those that the device offers. */
  objectives: z.array(z.string()).min(1),
  settings: measuringSettingsSchema,
  /** What the device's reference network took when it was first measured: latency is told as at that speed. */
  referenceMs: z.number().positive().nullable().default(null),
  subjects: z.array(subjectSchema).min(1).max(64),
});
export type MeasureTask = z.infer<typeof measureTaskSchema>;

/** Measured beside everything else, so that a device's changing speed does not pass for a network's. */
export const referenceSubject: NetworkSubject = {
  key: "reference",
  kind: "network",
  genotype: DARTS_V2,
  hash: "reference",
  skeleton: "cells",
  stem: "cifar",
  channels: 8,
  layers: 5,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
};

/** A median with its 95 % confidence interval, in the objective's unit. */
export const measuredSchema = z.strictObject({
  median: z.number(),
  low: z.number(),
  high: z.number(),
  /** Kept, of all that were taken. */
  samples: z.int().min(1),
  outliers: z.int().min(0).default(0),
});
export type Measured = z.infer<typeof measuredSchema>;

export const subjectResultSchema = z.strictObject({
  key: z.string().max(200),
  /** By objective name; null where it could not be measured. */
  values: z.record(z.string(), measuredSchema.nullable()),
  /** Why nothing could be measured. */
  failure: z.string().max(1000).optional(),
});
export type SubjectResult = z.infer<typeof subjectResultSchema>;

/** How it was while it was measured. */
export const conditionsSchema = z.strictObject({
  clock: z.string().max(100),
  /** Null where it cannot be read. */
  temperatureCelsius: z.number().nullable(),
  isThrottled: z.boolean().nullable(),
  seconds: z.number().min(0),
});
export type Conditions = z.infer<typeof conditionsSchema>;

export const measureReportSchema = z.strictObject({
  kind: z.literal("measure"),
  leaseId: z.string(),
  measuringVersion: z.int(),
  /** Of the backend that really ran, as registered. */
  backend: z.enum(deviceBackends),
  results: z.array(subjectResultSchema).max(64),
  /** What the reference network took now; null where no latency was asked for, or the device is a program. */
  reference: measuredSchema.nullable().default(null),
  conditions: conditionsSchema,
});
export type MeasureReport = z.infer<typeof measureReportSchema>;

export const leasedMeasureTaskSchema = z.object({
  leaseId: z.string(),
  leaseSeconds: z.int(),
  heartbeatSeconds: z.int(),
  leaseExpiresAt: z.string(),
  task: measureTaskSchema,
});
export type LeasedMeasureTask = z.infer<typeof leasedMeasureTaskSchema>;

export const measureLeaseSchema = z.object({
  lease: leasedMeasureTaskSchema.nullable(),
  retryAfterSeconds: z.number(),
});

/** `next` saves asking again. */
export const measureReportedSchema = z.object({
  accepted: z.boolean(),
  next: leasedMeasureTaskSchema.nullable(),
});
