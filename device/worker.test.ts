import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type LeasedMeasureTask,
  type MeasureReport,
  type MeasureTask,
  measureLeaseSchema,
  measureReportedSchema,
  measureReportSchema,
  registerDeviceSchema,
} from "../shared/measuring.ts";
import { protocolHeader, protocolVersion } from "../shared/protocol.ts";
import type { WholeDevice } from "./backend.ts";
import { smallNetwork } from "./subjects.testing.ts";
import { runDevice, type WorkerOptions } from "./worker.ts";

type Answer = [status: number, body: object] | "hang up";

/** A small edge that speaks the shared messages. */
class Edge {
  readonly calls: string[] = [];
  readonly reports: MeasureReport[] = [];
  tasks: LeasedMeasureTask[] = [];
  /** By the last part of the path; undefined answers as usual. */
  answers: Record<string, (call: number) => Answer | undefined> = {};
  readonly #counts: Record<string, number> = {};
  readonly #server: Server;
  url = "";

  constructor() {
    this.#server = createServer(async (request, response) => {
      const answer = this.#answer(request, JSON.parse(await textOf(request)));
      if (answer === "hang up") return void request.socket.destroy();
      const [status, body] = answer;
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  async listen() {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer({ url = "", headers, method }: IncomingMessage, body: unknown): Answer {
    expect([method, headers.authorization, headers[protocolHeader]]).toEqual([
      "POST",
      "Bearer t",
      String(protocolVersion),
    ]);
    const verb = url.split("/").at(-1) ?? "";
    this.calls.push(verb);
    const call = (this.#counts[verb] ?? 0) + 1;
    this.#counts[verb] = call;
    const planned = this.answers[verb]?.(call);
    if (planned) return planned;
    if (verb === "devices") {
      const { name } = registerDeviceSchema.parse(body);
      return [201, { deviceId: "d1", name }];
    }
    if (verb === "lease") {
      expect(url).toBe("/v1/devices/d1/lease");
      const answer = { lease: this.tasks.shift() ?? null, retryAfterSeconds: 0.01 };
      return [200, measureLeaseSchema.parse(answer)];
    }
    if (verb === "heartbeat") return [200, { leaseExpiresAt: "2026-01-01T00:00:00.000Z", stop: false }];
    if (verb === "report") {
      this.reports.push(measureReportSchema.parse(body));
      return [200, measureReportedSchema.parse({ accepted: true, next: this.tasks.shift() ?? null })];
    }
    return [200, { released: true }];
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

const problem = (status: number, type: string): Answer => [
  status,
  { type: `https://nasturtium.dev/docs/problems/${type}`, title: type, detail: `It is ${type}.`, status },
];

function leased(taskId: string, subjects = 2, heartbeatSeconds = 20): LeasedMeasureTask {
  const task: MeasureTask = {
    kind: "measure",
    taskId,
    searchId: null,
    objectives: ["cost"],
    settings: { batchSize: 1, width: 0.1, limitSeconds: 1 },
    referenceMs: null,
    subjects: Array.from({ length: subjects }, (_, index) => ({
      ...smallNetwork,
      key: `${taskId}-${index}`,
    })),
  };
  return { leaseId: `l-${taskId}`, leaseSeconds: 90, heartbeatSeconds, leaseExpiresAt: "", task };
}

type Measure = (key: string, signal: AbortSignal) => Promise<number>;

const device = (measure: Measure): WholeDevice => ({
  facts: { name: "program", versions: {}, threads: 1 },
  fingerprint: { platform: "p", processor: "p", cores: 1, gpu: null, runtime: "r" },
  objectives: [{ name: "cost", unit: "cents" }],
  conditions: async () => ({ temperatureCelsius: null, isThrottled: null }),
  async measure({ key }, _names, signal) {
    const median = await measure(key, signal);
    return { cost: { median, low: median, high: median, samples: 1 } };
  },
});

const untilStopped: Measure = (_key, signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

let edge: Edge;
beforeEach(async () => {
  edge = new Edge();
  await edge.listen();
});
afterEach(() => edge.close());

const run = (measure: Measure, options: Partial<WorkerOptions> = {}) =>
  runDevice({
    edge: edge.url,
    token: "t",
    name: "lab",
    device: device(measure),
    untilIdle: true,
    ...options,
  });

describe("a device", () => {
  test("measures what it leases and what reports are answered with, until there is nothing", async () => {
    edge.tasks = [leased("a"), leased("b", 3)];
    const told: string[] = [];
    const count = await run(async (key) => key.length, {
      onProgress: ({ task, subject, done, total, last }) =>
        told.push(`${task.taskId} ${subject?.key ?? "-"} ${done}/${total} ${last?.key ?? "-"}`),
    });
    expect(count).toBe(5);
    expect(edge.calls).toEqual(["devices", "lease", "report", "report", "lease"]);
    expect(edge.reports.map(({ leaseId, results }) => [leaseId, results.map(({ key }) => key)])).toEqual([
      ["l-a", ["a-0", "a-1"]],
      ["l-b", ["b-0", "b-1", "b-2"]],
    ]);
    expect(told.slice(0, 3)).toEqual(["a a-0 0/2 -", "a a-1 1/2 a-0", "a - 2/2 a-1"]);
  });

  test("reports one subject's failure as its result, with those of the others", async () => {
    edge.tasks = [leased("a", 3)];
    await run(async (key) => {
      if (key === "a-1") throw new Error("it does not fit");
      return 2;
    });
    expect(edge.reports[0]?.results).toMatchObject([
      { key: "a-0", values: { cost: { median: 2 } } },
      { key: "a-1", values: { cost: null }, failure: "it does not fit" },
      { key: "a-2", values: { cost: { median: 2 } } },
    ]);
  });

  test("goes on through dropped connections, a busy edge and a failing one", async () => {
    edge.tasks = [leased("a")];
    const retries: string[] = [];
    edge.answers = {
      devices: (call) => (call === 1 ? "hang up" : undefined),
      lease: (call) => (call === 1 ? problem(503, "newer-state") : undefined),
      report: (call) => (call === 1 ? problem(500, "internal") : undefined),
    };
    expect(await run(async () => 1, { onRetry: (reason) => retries.push(reason) })).toBe(2);
    expect(retries).toHaveLength(3);
    expect(edge.reports).toHaveLength(1);
  });

  test("says that the edge does not answer when its time for trying is over", async () => {
    edge.answers = { lease: () => "hang up" };
    await expect(run(async () => 1, { retryBudgetMs: 300 })).rejects.toThrow(`${edge.url} does not answer`);
  });

  test.each([
    [401, "unauthorized"],
    [403, "forbidden"],
    [409, "device-quarantined"],
    [422, "validation"],
  ])("stops with the edge's words at a %i", async (status, type) => {
    edge.tasks = [leased("a")];
    edge.answers = { report: () => problem(status, type) };
    await expect(run(async () => 1)).rejects.toMatchObject({ type, message: `It is ${type}.` });
    expect(edge.calls.filter((verb) => verb === "report")).toHaveLength(1);
  });

  test("drops a task whose lease it lost, and asks for another", async () => {
    edge.tasks = [leased("a"), leased("b")];
    edge.answers = { report: (call) => (call === 1 ? problem(409, "lease-lost") : undefined) };
    const dropped: string[] = [];
    expect(await run(async () => 1, { onDropped: (reason) => dropped.push(reason) })).toBe(2);
    expect(dropped).toEqual(["It is lease-lost."]);
    expect(edge.reports.map(({ leaseId }) => leaseId)).toEqual(["l-b"]);
  });

  test("stops measuring in the middle when a heartbeat tells that the lease is lost", async () => {
    edge.tasks = [leased("a", 2, 0), leased("b", 1)];
    edge.answers = { heartbeat: () => problem(409, "lease-lost") };
    await run((key, signal) => (key === "a-0" ? untilStopped(key, signal) : Promise.resolve(1)));
    expect(edge.calls).toEqual(["devices", "lease", "heartbeat", "lease", "report", "lease"]);
    expect(edge.reports[0]?.leaseId).toBe("l-b");
  });

  test("gives a task back that the edge does not want any more", async () => {
    edge.tasks = [leased("a", 2, 0)];
    edge.answers = { heartbeat: () => [200, { leaseExpiresAt: "", stop: true }] };
    await run(untilStopped);
    expect(edge.calls).toEqual(["devices", "lease", "heartbeat", "release", "lease"]);
  });

  test("gives its task back when it is stopped", async () => {
    edge.tasks = [leased("a")];
    const stop = new AbortController();
    const measured = run(untilStopped, {
      untilIdle: false,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("Stopped.")),
    });
    expect(await measured).toBe(0);
    expect(edge.calls).toEqual(["devices", "lease", "release"]);
  });

  test("that slept asks whether it still has the lease before it reports", async () => {
    for (const isLost of [true, false]) {
      edge.tasks = [leased(isLost ? "a" : "b")];
      edge.answers = { heartbeat: () => (isLost ? problem(409, "lease-lost") : undefined) };
      edge.calls.length = 0;
      let aheadMs = 0;
      const measure = async () => {
        aheadMs += 600_000; // the lid was closed
        return 1;
      };
      await run(measure, { now: () => Date.now() + aheadMs });
      const expected = isLost ? ["heartbeat", "lease"] : ["heartbeat", "report", "lease"];
      expect(edge.calls).toEqual(["devices", "lease", ...expected]);
    }
    expect(edge.reports.map(({ leaseId }) => leaseId)).toEqual(["l-b"]);
  });
});
