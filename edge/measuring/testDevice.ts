/** For tests: a device that asks for work through the public surface and invents what it measures. */

import type { LeasedMeasureTask, RegisterDevice, Subject, SubjectResult } from "../../shared/measuring.ts";
import { measuringVersion } from "../../shared/measuring.ts";
import { type Caller, ok } from "../testEdge.ts";

export const deviceRequest: RegisterDevice = {
  measuringVersion,
  name: "lab",
  backend: { name: "wasm", versions: {}, threads: 1 },
  fingerprint: { platform: "linux", processor: "test", cores: 2, gpu: null, runtime: "Node 24" },
  objectives: [
    { name: "latency", unit: "ms" },
    { name: "memory", unit: "bytes" },
  ],
};

export const registerDevice = async (call: Caller, change: Partial<RegisterDevice> = {}): Promise<string> =>
  (await ok<{ deviceId: string }>(call("/v1/devices", { body: { ...deviceRequest, ...change } }))).deviceId;

export const leaseOfDevice = async (call: Caller, deviceId: string): Promise<LeasedMeasureTask | null> =>
  (await ok<{ lease: LeasedMeasureTask | null }>(call(`/v1/devices/${deviceId}/lease`, { body: {} }))).lease;

export type Invented = (subject: Subject, objective: string) => number;

export const resultsOf = ({ task }: LeasedMeasureTask, invent: Invented): SubjectResult[] =>
  task.subjects.map((subject) => {
    const values = task.objectives.map((name) => {
      const median = invent(subject, name);
      return [name, { median, low: median * 0.99, high: median * 1.01, samples: 20, outliers: 0 }] as const;
    });
    return { key: subject.key, values: Object.fromEntries(values) };
  });

export const measureReport = ({ leaseId }: LeasedMeasureTask, results: unknown[]) => ({
  kind: "measure",
  leaseId,
  measuringVersion,
  backend: "wasm",
  results,
  conditions: { clock: "test", temperatureCelsius: null, isThrottled: null, seconds: 1 },
});

/** Measures until nothing waits; how many tasks there were. */
export async function measureAll(call: Caller, deviceId: string, invent: Invented): Promise<number> {
  let tasks = 0;
  let lease = await leaseOfDevice(call, deviceId);
  while (lease !== null) {
    tasks++;
    const body = measureReport(lease, resultsOf(lease, invent));
    lease = (
      await ok<{ next: LeasedMeasureTask | null }>(call(`/v1/tasks/${lease.task.taskId}/report`, { body }))
    ).next;
  }
  return tasks;
}
