/** Searches with objectives that devices measure, through the public surface. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Subject } from "../../shared/measuring.ts";
import type { Objective } from "../../shared/specification.ts";
import {
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseOf,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  report,
  reportFor,
  roundOf,
  tokenWith,
  trainingReportFor,
} from "../testEdge.ts";
import { sweep } from "../webhooks/sweep.ts";
import {
  deviceRequest,
  leaseOfDevice,
  measureAll,
  measureReport,
  registerDevice,
  resultsOf,
} from "./testDevice.ts";

let admin: Caller;
let runner: Caller;
let device: Caller;
let runnerId: string;
let names = 0;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  admin = callerWith(await tokenWith("admin"));
  runner = callerWith(await tokenWith("runner"));
  device = callerWith(await tokenWith("device"));
  runnerId = await registerRunner(runner);
});
afterEach(() => {
  vi.useRealTimers();
});

const freshName = (): string => `lab-${++names}`;
const withMemory = (name: string, more: Partial<Objective> = {}): Objective[] => [
  { name: "accuracy", goal: "maximize" },
  { name: "memory", device: name, goal: "minimize", ...more },
];

interface Row {
  hash: string;
  values: Record<string, number | null>;
  predicted: string[];
}
const frontOf = async (id: string): Promise<Row[]> =>
  (await ok<{ data: Row[] }>(admin(`/v1/searches/${id}/front`))).data;
const stateOf = async (id: string): Promise<string> =>
  (await ok<{ state: string }>(admin(`/v1/searches/${id}`))).state;
const eventsOf = async (id: string): Promise<{ type: string; data: Record<string, unknown> }[]> =>
  (await ok<{ data: { type: string; data: Record<string, unknown> }[] }>(admin(`/v1/searches/${id}/events`)))
    .data;

/** The same of an architecture every time, different of different ones. */
const memoryOf = (subject: Subject): number =>
  subject.kind === "network" ? 1000 + (Number.parseInt(subject.hash.slice(0, 4), 36) % 1000) : 1;

const sweepAt = (now: number) =>
  sweep(env, { call: fetch, now: () => now, random: () => 0.5, resolve: async () => [] });

describe("an objective that a device measures", () => {
  test("is measured of a round's candidates beside the search", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name) });
    let lease = await leaseOf(runner, runnerId, id);
    while (lease?.task.kind === "trainRound") {
      await measureAll(device, deviceId, memoryOf);
      lease = (await ok<{ next: typeof lease }>(report(runner, lease.task, reportFor(roundOf(lease))))).next;
    }
    const front = await frontOf(id);
    expect(front.length).toBeGreaterThan(0);
    for (const { values, predicted } of front) {
      expect(values[`memory.${name}`]).toBeGreaterThanOrEqual(1000);
      expect(predicted).toEqual([]);
    }
    const [first] = front;
    const { devices, size } = await ok<{ devices: object[]; size: object }>(
      admin(`/v1/searches/${id}/architectures/${first?.hash}`),
    );
    const median = first?.values[`memory.${name}`];
    expect(devices[0]).toMatchObject({ device: name, objective: "memory", median });
    expect(size).toMatchObject({ skeleton: "cells", classes: 10 });
    expect(lease?.task.kind, "all of the front was measured already").toBe("finalTraining");
    if (lease === null) return;
    await ok(report(runner, lease.task, trainingReportFor(lease)));
    expect(await stateOf(id)).toBe("completed");
  });

  test("decides by what was measured, not by what was predicted", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name, { limit: 1500 }) });
    const end = await finishRounds(runner, await leaseOf(runner, runnerId, id));
    expect(end, "nothing is trained before the front is measured").toBeNull();
    expect(await stateOf(id)).toBe("running");
    const all = await frontOf(id);
    const [best] = all;
    // All but one turn out to be beyond the limit.
    const kept = all.at(-1)?.hash ?? best?.hash;
    await measureAll(device, deviceId, (subject) =>
      subject.kind === "network" && subject.hash === kept ? 1200 : 9000,
    );
    const front = await frontOf(id);
    expect(front.map(({ hash }) => hash)).toEqual([kept]);
    const training = await leaseOf(runner, runnerId, id);
    expect(training?.task).toMatchObject({ kind: "finalTraining", hash: kept });
  });

  test("of a device that went away is left out in the end: the search ends with a trained model", async () => {
    const name = freshName();
    await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name) });
    expect(await finishRounds(runner, await leaseOf(runner, runnerId, id))).toBeNull();
    vi.setSystemTime(Date.now() + 31 * 60_000);
    await sweepAt(Date.now());
    const training = await leaseOf(runner, await registerRunner(runner), id);
    expect(training?.task.kind).toBe("finalTraining");
    expect((await frontOf(id)).every(({ values }) => values[`memory.${name}`] === null)).toBe(true);
    expect((await eventsOf(id)).map(({ type }) => type)).toContain("measurement.failed");
  });

  test("of two devices, one of which goes away half-way, is known of the other", async () => {
    const [first, second] = [freshName(), freshName()];
    const other = callerWith(await tokenWith("device"));
    const ids = [
      await registerDevice(device, { name: first }),
      await registerDevice(other, { name: second }),
    ];
    const id = await createSearch(admin, {
      objectives: [...withMemory(first), { name: "memory", device: second, goal: "minimize" }],
    });
    let lease = await leaseOf(runner, runnerId, id);
    let rounds = 0;
    while (lease?.task.kind === "trainRound") {
      await measureAll(device, ids[0] ?? "", memoryOf);
      if (rounds++ < 2) await measureAll(other, ids[1] ?? "", memoryOf);
      lease = (await ok<{ next: typeof lease }>(report(runner, lease.task, reportFor(roundOf(lease))))).next;
    }
    await measureAll(device, ids[0] ?? "", memoryOf);
    vi.setSystemTime(Date.now() + 31 * 60_000);
    await sweepAt(Date.now());
    const front = await frontOf(id);
    expect(front.every(({ values }) => typeof values[`memory.${first}`] === "number")).toBe(true);
    expect((await leaseOf(runner, await registerRunner(runner), id))?.task.kind).toBe("finalTraining");
  });
});

describe("a device that reports what cannot be true", () => {
  const lies = {
    "a negative time": { values: { memory: { median: -1, low: -2, high: 0, samples: 3 } } },
    "an interval without its median": { values: { memory: { median: 5, low: 6, high: 7, samples: 3 } } },
    "what was not asked for": { values: { speed: { median: 5, low: 5, high: 5, samples: 3 } } },
  };
  for (const [what, lie] of Object.entries(lies))
    test(`${what}: is quarantined with the reason, and the search goes on without it`, async () => {
      const name = freshName();
      const deviceId = await registerDevice(device, { name });
      const id = await createSearch(admin, { objectives: withMemory(name) });
      await finishRounds(runner, await leaseOf(runner, runnerId, id));
      const lease = await leaseOfDevice(device, deviceId);
      if (lease === null) throw new Error("nothing to measure");
      const key = lease.task.subjects.at(-1)?.key;
      const body = measureReport(lease, [{ key, ...lie }]);
      expect(await problemOf(device(`/v1/tasks/${lease.task.taskId}/report`, { body }))).toBe(
        "409 device-quarantined",
      );
      const shown = await ok<{ state: string; problem: string }>(admin(`/v1/devices/${name}`));
      expect(shown.state).toBe("quarantined");
      expect(shown.problem).not.toBe("");
      expect((await leaseOf(runner, runnerId, id))?.task.kind).toBe("finalTraining");
      expect((await eventsOf(id)).map(({ type }) => type)).toContain("device.quarantined");
      expect(await problemOf(device(`/v1/devices/${deviceId}/lease`, { body: {} }))).toBe(
        "409 device-quarantined",
      );
      await ok(admin(`/v1/devices/${name}/release`, { method: "POST" }));
      expect(await leaseOfDevice(device, deviceId)).toBeNull();
    });

  test("while it is calibrated, the search that waits for that is told", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const objectives: Objective[] = [
      { name: "accuracy", goal: "maximize" },
      { name: "latency", device: name, goal: "minimize" },
    ];
    const id = await createSearch(admin, { objectives });
    const lease = await leaseOfDevice(device, deviceId);
    if (lease === null) throw new Error("nothing to measure");
    const body = measureReport(
      lease,
      resultsOf(lease, () => -1),
    );
    expect(await problemOf(device(`/v1/tasks/${lease.task.taskId}/report`, { body }))).toBe(
      "409 device-quarantined",
    );
    expect((await eventsOf(id)).map(({ type }) => type)).toContain("device.quarantined");
  });

  test("numbers that JSON does not have are refused before they are read", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name) });
    await finishRounds(runner, await leaseOf(runner, runnerId, id));
    const lease = await leaseOfDevice(device, deviceId);
    if (lease === null) throw new Error("nothing to measure");
    const results = resultsOf(lease, () => Number.POSITIVE_INFINITY);
    const body = measureReport(lease, results);
    expect(await problemOf(device(`/v1/tasks/${lease.task.taskId}/report`, { body }))).toBe("422 validation");
  });

  test("a backend that is not the registered one is a lie", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name) });
    await finishRounds(runner, await leaseOf(runner, runnerId, id));
    const lease = await leaseOfDevice(device, deviceId);
    if (lease === null) throw new Error("nothing to measure");
    const body = { ...measureReport(lease, resultsOf(lease, memoryOf)), backend: "webgpu" };
    expect(await problemOf(device(`/v1/tasks/${lease.task.taskId}/report`, { body }))).toBe(
      "409 device-quarantined",
    );
  });
});

describe("registering", () => {
  test("the same device again gets its id again; another of its name is refused", async () => {
    const name = freshName();
    const first = await registerDevice(device, { name });
    expect(await registerDevice(device, { name })).toBe(first);
    const { backend, fingerprint } = deviceRequest;
    const others = [
      { backend: { ...backend, name: "webgl" as const } },
      { backend: { ...backend, threads: 4 } },
      { objectives: [{ name: "memory", unit: "MB" }] },
      { fingerprint: { ...fingerprint, processor: "another" } },
    ];
    for (const change of others)
      expect(await problemOf(device("/v1/devices", { body: { ...deviceRequest, name, ...change } }))).toBe(
        "409 device-changed",
      );
    const stranger = callerWith(await tokenWith("device"));
    expect(await problemOf(stranger("/v1/devices", { body: { ...deviceRequest, name } }))).toBe(
      "409 device-changed",
    );
  });

  test("a device's token reads, trains and reports nothing else", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(runner, runnerId, id);
    expect(await problemOf(device("/v1/tasks/lease", { body: { runnerId } }))).toBe("403 forbidden");
    expect(await problemOf(report(device, lease.task, reportFor(lease)))).toBe("403 forbidden");
    expect(await problemOf(device(`/v1/searches/${id}/front`))).toBe("403 forbidden");
  });

  test("a search that names a device that there is not, or what it does not measure, is refused at the field", async () => {
    const name = freshName();
    await registerDevice(device, { name });
    const refuse = async (objective: Partial<Objective>): Promise<{ pointer: string; detail: string }[]> => {
      const objectives = [
        { name: "accuracy", goal: "maximize" },
        { goal: "minimize", ...objective },
      ];
      const answer = await admin("/v1/searches", { body: { name: "x", objectives } });
      expect(answer.status).toBe(422);
      return ((await answer.json()) as { errors: { pointer: string; detail: string }[] }).errors;
    };
    expect(await refuse({ name: "memory", device: `${name}x` })).toMatchObject([
      { pointer: "/objectives/1/device", detail: expect.stringContaining(`did you mean "${name}"`) },
    ]);
    expect(await refuse({ name: "energy", device: name })).toMatchObject([
      { pointer: "/objectives/1/name", detail: expect.stringContaining("measures latency, memory") },
    ]);
  });
});
