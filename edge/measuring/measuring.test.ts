/** Searches with objectives that devices measure, through the public surface. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Subject } from "../../shared/measuring.ts";
import type { Objective } from "../../shared/specification.ts";
import { checkSpecification } from "../../shared/validate.ts";
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
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "../testEdge.ts";
import { sweep } from "../webhooks/sweep.ts";
import { calibrationKey } from "./subjects.ts";
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
  sweep(env, {
    call: fetch,
    now: () => now,
    wait: async () => {},
    random: () => 0.5,
    resolve: async () => [],
  });

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

  test("is measured, too, of what comes to the front only when others turn out worse than predicted", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const longer = {
      ...tinySpecification.schedule,
      policy: { candidates: 4 },
      confirmation: { images: 500, architectures: 8 },
      stages: [{ layers: 3, channels: 4, steps: 24, warmupSteps: 2, drop: { normal: 1, reduction: 1 } }],
    };
    const id = await createSearch(admin, { objectives: withMemory(name), schedule: longer, seed: 2 });
    let lease = await leaseOf(runner, runnerId, id);
    let rounds = 0;
    while (lease?.task.kind === "trainRound") {
      // Enough for a prediction of the others, and with this seed some of those stand behind what was measured.
      if (rounds++ < 4) await measureAll(device, deviceId, memoryOf);
      lease = (await ok<{ next: typeof lease }>(report(runner, lease.task, reportFor(roundOf(lease))))).next;
    }
    const first = new Set((await frontOf(id)).map(({ hash }) => hash));
    const asked = new Set<string>();
    await measureAll(device, deviceId, (subject) => {
      if (subject.kind !== "network") return 1;
      asked.add(subject.hash);
      return first.has(subject.hash) ? 90_000 : memoryOf(subject);
    });
    expect([...asked].some((hash) => !first.has(hash))).toBe(true);
    const front = await frontOf(id);
    expect(front.flatMap(({ predicted }) => predicted)).toEqual([]);
    expect((await leaseOf(runner, runnerId, id))?.task.kind).toBe("finalTraining");
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

  test("a report that leaves out what it was given leaves that without a value, and says so", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name) });
    await finishRounds(runner, await leaseOf(runner, runnerId, id));
    for (let lease = await leaseOfDevice(device, deviceId); lease !== null; ) {
      const body = measureReport(lease, []);
      const path = `/v1/tasks/${lease.task.taskId}/report`;
      lease = (await ok<{ next: typeof lease }>(device(path, { body }))).next;
    }
    expect((await frontOf(id)).every(({ values }) => values[`memory.${name}`] === null)).toBe(true);
    const events = await eventsOf(id);
    expect(events.find(({ type }) => type === "measurement.failed")?.data).toMatchObject({
      reason: expect.stringContaining("leaves it out"),
    });
  });

  test("a device that is not what it was while it is calibrated is told of to the search that waits", async () => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const objectives: Objective[] = [
      { name: "accuracy", goal: "maximize" },
      { name: "latency", device: name, goal: "minimize" },
    ];
    const id = await createSearch(admin, { objectives });
    for (const median of [3, 9]) {
      const lease = await leaseOfDevice(device, deviceId);
      if (lease === null) throw new Error("nothing to measure");
      const reference = { median, low: median * 0.99, high: median * 1.01, samples: 20, outliers: 0 };
      const body = {
        ...measureReport(
          lease,
          resultsOf(lease, () => 1),
        ),
        reference,
      };
      await ok(device(`/v1/tasks/${lease.task.taskId}/report`, { body }));
    }
    expect((await eventsOf(id)).map(({ type }) => type)).toContain("device.disagrees");
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

test("a limit that the calibration finds below the space's minimum ends the search that waits, and says why", async () => {
  const name = freshName();
  const deviceId = await registerDevice(device, { name });
  const limited = (limit: number): Objective[] => [
    { name: "accuracy", goal: "maximize" },
    { name: "latency", device: name, goal: "minimize", limit },
  ];
  const [strict, loose] = [
    await createSearch(admin, { objectives: limited(0.5) }),
    await createSearch(admin, { objectives: limited(1e6) }),
  ];
  // Each operation takes a millisecond more than an empty graph; a network, what its operations do.
  const invent = (subject: Subject): number => {
    if (subject.kind === "operation") return subject.operation === "none" ? 1 : 2;
    const edges = Object.values(subject.genotype.cells).flatMap(({ nodes }) => nodes.flat());
    return 10 + edges.filter(({ operation }) => operation !== "none").length;
  };
  await measureAll(device, deviceId, invent);
  expect(await stateOf(strict)).toBe("failed");
  expect(await stateOf(loose)).toBe("queued");
  const events = await eventsOf(strict);
  expect(events.at(-1)).toMatchObject({
    type: "search.failed",
    data: { message: expect.stringContaining("/objectives/1/limit: no architecture of this space meets") },
  });
  const body = { ...tinySpecification, objectives: limited(0.5) };
  expect(await problemOf(admin(`/v1/devices/${name}/calibrations`, { body }))).toBe("422 validation");
  const again = await ok<{ state: string }>(admin(`/v1/devices/${name}/calibrations?again=true`, { body }));
  expect(again.state).toBe("measuring");
});

test("a profile tells units, costs, and what the networks of a calibration took of memory", async () => {
  const name = freshName();
  const deviceId = await registerDevice(device, { name });
  const objectives: Objective[] = [...withMemory(name), { name: "latency", device: name, goal: "minimize" }];
  const body = { ...tinySpecification, objectives };
  await ok(admin(`/v1/devices/${name}/calibrations`, { body }));
  await measureAll(device, deviceId, (subject) => memoryOf(subject));
  const { ranges, ...profile } = await ok<{ objectives: object; ranges: Record<string, object> }>(
    admin("/v1/profiles", { body }),
  );
  expect(profile.objectives).toEqual({
    accuracy: { unit: "percent", cost: "evaluation" },
    [`memory.${name}`]: { unit: "bytes", cost: "measured" },
    [`latency.${name}`]: { unit: "ms", cost: "predicted" },
  });
  const range = ranges[`memory.${name}`] as { minimum: number; median: number; networks: number };
  expect(range.networks).toBeGreaterThan(20);
  expect(range.minimum).toBeGreaterThanOrEqual(1000);
  expect(range.median).toBeGreaterThanOrEqual(range.minimum);
});

test("a calibration is of the version of the protocol that it was measured by", () => {
  const { specification } = checkSpecification(tinySpecification);
  if (specification === undefined) throw new Error("not valid");
  const keys = [1, 2].map((version) => calibrationKey(specification, version));
  expect(new Set(keys).size).toBe(2);
});

test("a device shows how it was when it measured last", async () => {
  const name = freshName();
  const deviceId = await registerDevice(device, { name });
  const read = () => ok<{ conditions: object | null }>(admin(`/v1/devices/${name}`));
  expect((await read()).conditions).toBeNull();
  const id = await createSearch(admin, { objectives: withMemory(name) });
  await finishRounds(runner, await leaseOf(runner, runnerId, id));
  const lease = await leaseOfDevice(device, deviceId);
  if (lease === null) throw new Error("nothing to measure");
  const conditions = { clock: "test", temperatureCelsius: 84, isThrottled: true, seconds: 1 };
  const body = { ...measureReport(lease, resultsOf(lease, memoryOf)), conditions };
  await ok(device(`/v1/tasks/${lease.task.taskId}/report`, { body }));
  expect((await read()).conditions).toMatchObject(conditions);
});

test("what is measured again, once in a while, flags the device where it is another value", async () => {
  const schedule = {
    batchSize: 64,
    stepsPerRound: 2,
    policy: { candidates: 2 },
    stages: [{ layers: 3, channels: 4, steps: 24, drop: { normal: 1, reduction: 1 } }],
  };
  const problemAfter = async (factor: number): Promise<string | null> => {
    const name = freshName();
    const deviceId = await registerDevice(device, { name });
    const id = await createSearch(admin, { objectives: withMemory(name), schedule });
    const seen = new Set<string>();
    let repeats = 0;
    const invent = (subject: Subject): number => {
      const isRepeat = seen.has(subject.key);
      seen.add(subject.key);
      if (isRepeat) repeats++;
      return memoryOf(subject) * (isRepeat ? factor : 1);
    };
    let lease = await leaseOf(runner, runnerId, id);
    while (lease?.task.kind === "trainRound") {
      await measureAll(device, deviceId, invent);
      lease = (await ok<{ next: typeof lease }>(report(runner, lease.task, reportFor(roundOf(lease))))).next;
    }
    await measureAll(device, deviceId, invent);
    expect(repeats).toBeGreaterThan(0);
    expect(repeats).toBeLessThan(seen.size / 2);
    const types = (await eventsOf(id)).map(({ type }) => type);
    expect(types.includes("device.disagrees")).toBe(factor > 1.2);
    return (await ok<{ problem: string | null }>(admin(`/v1/devices/${name}`))).problem;
  };
  expect(await problemAfter(1.1)).toBeNull();
  expect(await problemAfter(1.5)).toContain("memory of");
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
