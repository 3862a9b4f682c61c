import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FailureCause, LeasedTask, Notice, Report, TrainRoundTask } from "../shared/protocol.ts";
import type { DatasetLoader } from "./datasets.ts";
import { EdgeClient } from "./edgeClient.ts";
import { EagerExecutor } from "./executor/eager.ts";
import { type Backend, loadBackend } from "./kernels/backend.ts";
import { dataset, roundOf, STEPS } from "./rounds.testing.ts";
import { Runner, type RunnerSettings } from "./runner.ts";
import type { ExecutorFactory } from "./trainRound.ts";

let backend: Backend;
let edge: FakeEdge;

beforeAll(async () => {
  backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
});

beforeEach(async () => {
  edge = new FakeEdge();
  await edge.listen();
});

afterEach(() => edge.close());

/** A real server that speaks the runner protocol and hands out rounds one after the other. */
class FakeEdge {
  rounds = 4;
  notices: Notice[] = [];
  reports: Extract<Report, { kind: "trainRound" }>[] = [];
  failures: string[] = [];
  causes: (FailureCause | undefined)[] = [];
  released: string[] = [];
  checkpoints: { blobId: string; round: number; bytes: number; sha256: string; createdAt: string }[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Its download breaks off. */
  brokenBlob: string | undefined;
  /** How long a report waits for its answer. */
  reportDelayMs = 0;
  steps = STEPS;
  /** Whether the last round has no steps, though the round before announced some. */
  isLastRoundOtherwise = false;
  /** Whether answers to reports wait until what is stored beside the training is stored. */
  waitsForUploads = true;
  evaluationImages = 16;
  leaseSeconds = 90;
  /** So many answers to reports break off. */
  brokenAnswers = 0;
  /** Called before each request is answered; what it returns is the answer. */
  intercept: (method: string, path: string) => { status: number; body: unknown } | undefined = () =>
    undefined;
  lease = 0;
  readonly #server: Server = createServer((req, res) => {
    this.#answer(req).then(
      ({ status, body }) => {
        if (Buffer.isBuffer(body) && req.url === `/v1/blobs/${this.brokenBlob}`) {
          res.writeHead(status, { "content-length": body.length });
          res.write(body.subarray(0, body.length / 2), () => res.destroy());
          return;
        }
        res.writeHead(status, { "content-type": "application/json" });
        if (req.url?.endsWith("/report") && this.brokenAnswers-- > 0) {
          res.write("{", () => res.destroy());
          return;
        }
        res.end(Buffer.isBuffer(body) ? body : JSON.stringify(body));
      },
      (err) => res.destroy(err),
    );
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #port = 0;

  /** Refuses connections until `comeBack`. */
  async goAway(): Promise<void> {
    this.#port = (this.#server.address() as AddressInfo).port;
    await this.close();
  }

  async comeBack(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
  }

  async reportsReach(count: number): Promise<void> {
    while (this.reports.length < count) await sleep(2);
  }

  #next(): LeasedTask | null {
    if (this.reports.length >= this.rounds) return null;
    this.lease++;
    return {
      leaseId: `lease-${this.lease}`,
      leaseSeconds: this.leaseSeconds,
      heartbeatSeconds: 1,
      leaseExpiresAt: new Date(Date.now() + 90_000).toISOString(),
      task: this.#round(this.reports.length),
    };
  }

  #round(number: number): TrainRoundTask {
    const task = roundOf(number, this.steps);
    if (number === this.rounds - 1 && this.isLastRoundOtherwise) task.steps = 0;
    task.evaluation.images = this.evaluationImages;
    const halvedFrom = this.reports[number]?.halvedFrom ?? this.reports[number - 1]?.halvedFrom;
    return halvedFrom === undefined ? task : { ...task, halvedFrom };
  }

  async #answer(req: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const method = req.method ?? "";
    const { pathname, searchParams } = new URL(req.url ?? "", "http://edge");
    const forced = this.intercept(method, pathname);
    if (forced) return forced;
    const ok = (body: unknown) => ({ status: 200, body });
    const json = () => JSON.parse(bytes.toString());
    if (pathname === "/v1/runners") return ok({ runnerId: "runner" });
    if (pathname === "/v1/tasks/lease") return ok({ lease: this.#next(), retryAfterSeconds: 0.05 });
    if (pathname.endsWith("/heartbeat")) {
      this.notices.push(...(json().notices ?? []));
      return ok({ leaseExpiresAt: new Date().toISOString(), stop: false });
    }
    if (pathname.endsWith("/release")) {
      this.released.push(json().leaseId);
      return ok({ released: true });
    }
    if (pathname.endsWith("/report")) {
      const report: Report = json();
      if (report.kind === "failure") {
        this.failures.push(report.message);
        this.causes.push(report.cause);
        this.rounds = 0;
        return ok({ accepted: true, next: null });
      }
      if (this.reportDelayMs > 0) await sleep(this.reportDelayMs);
      // What is stored beside the training is there before the next round, so that tests know where they are.
      while (this.waitsForUploads && this.checkpoints.some(({ sha256 }) => sha256 === "")) await sleep(2);
      if (report.kind === "trainRound") this.reports.push(report);
      return ok({ accepted: true, next: this.#next() });
    }
    if (pathname === "/v1/tasks") {
      const from = Number(searchParams.get("fromRound"));
      const data = this.reports.map(({ digest }, index) => ({
        round: index,
        task: this.#round(index),
        digest,
      }));
      return ok({ data: data.slice(from, from + 2), nextRound: null });
    }
    if (pathname.endsWith("/checkpoints")) {
      return ok({ data: this.checkpoints.filter(({ sha256 }) => sha256 !== "") });
    }
    if (pathname === "/v1/blobs") {
      const blobId = `blob-${this.blobs.size}`;
      this.blobs.set(blobId, Buffer.alloc(0));
      this.checkpoints.unshift({
        blobId,
        round: json().round,
        bytes: json().bytes,
        sha256: "",
        createdAt: "",
      });
      return ok({ blobId, partBytes: 4096 });
    }
    const blobId = pathname.split("/")[3] ?? "";
    if (method === "PUT") {
      this.blobs.set(blobId, Buffer.concat([this.blobs.get(blobId) ?? Buffer.alloc(0), bytes]));
      return ok({});
    }
    if (pathname.endsWith("/complete")) {
      const checkpoint = this.checkpoints.find((candidate) => candidate.blobId === blobId);
      if (checkpoint) checkpoint.sha256 = json().sha256;
      return ok({});
    }
    return { status: 200, body: this.blobs.get(blobId) };
  }
}

/** What is executed is other tests' matter: this one starts fastest. */
const eager: ExecutorFactory = (...made) => new EagerExecutor(...made);

/** Images that are no numbers, from a training step on. */
function withNaNFrom(step: number): ExecutorFactory {
  return (...made) => {
    const executor = eager(...made);
    const trainStep = executor.trainStep.bind(executor);
    let steps = 0;
    executor.trainStep = ({ x, y }, ...rest) =>
      trainStep({ x: steps++ < step ? x : new Float32Array(x.length).fill(Number.NaN), y }, ...rest);
    return executor;
  };
}

/** As TensorFlow fails when more images than these come at once. */
function withMemoryFor({ trained = 1000, measured = 1000 }): ExecutorFactory {
  return (...made) => {
    const executor = eager(...made);
    const oom = (images: number) => new Error(`OOM when allocating tensor with shape[${images},8,8,4]`);
    const trainStep = executor.trainStep.bind(executor);
    executor.trainStep = (batch, ...rest) => {
      if (batch.y.length > trained) throw oom(batch.y.length);
      return trainStep(batch, ...rest);
    };
    const evaluate = executor.evaluate.bind(executor);
    executor.evaluate = (batches, ...rest) => {
      const list = [...batches];
      for (const { y } of list) if (y.length > measured) throw oom(y.length);
      return evaluate(list, ...rest);
    };
    return executor;
  };
}

function start(
  settings: Partial<RunnerSettings> = {},
  { load = async () => dataset, ...options }: { retryBudgetMs?: number; load?: DatasetLoader } = {},
): {
  ended: Promise<void>;
  stop: () => void;
  lines: string[];
  /** Waits for such a line. */
  says: (pattern: RegExp) => Promise<void>;
} {
  const lines: string[] = [];
  const controller = new AbortController();
  const onRetry = (reason: string) => lines.push(`${reason}; trying again`);
  const client = new EdgeClient({ edge: edge.url, token: "token", onRetry, ...options });
  const runner = new Runner(client, backend, load, {
    name: "test",
    untilIdle: true,
    checkpointSeconds: 60,
    log: (line) => lines.push(line),
    signal: controller.signal,
    makeExecutor: eager,
    ...settings,
  });
  const says = async (pattern: RegExp) => {
    while (!lines.some((line) => pattern.test(line))) await sleep(5);
  };
  return { ended: runner.run(), stop: () => controller.abort(), lines, says };
}

async function digestsOfWholeRun(): Promise<string[]> {
  await start().ended;
  const digests = edge.reports.map(({ digest }) => digest);
  edge.reports = [];
  return digests;
}

describe("a runner", () => {
  it("works through the rounds and ends when there is nothing to do", async () => {
    await start().ended;
    expect(edge.reports.length).toBe(4);
    const [report] = edge.reports;
    expect(report?.measurements[0]).toMatchObject({ candidate: 0, images: 16 });
    expect(report?.trainLoss).toBeGreaterThan(0);
    expect(new Set(edge.reports.map(({ digest }) => digest)).size).toBe(4);
  });

  it("that comes later repeats the rounds and reaches the same weights", async () => {
    const wanted = await digestsOfWholeRun();
    edge.rounds = 2;
    await start().ended;
    edge.rounds = 4;
    const second = start();
    await second.ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
    expect(second.lines).toContain("Repeated round 1.");
  });

  it("loads the last good checkpoint, where the newest is damaged the one before", async () => {
    const wanted = await digestsOfWholeRun();
    edge.rounds = 3;
    await start({ checkpointSeconds: 0 }).ended;
    const [newest, before] = edge.checkpoints;
    expect([newest?.round, before?.round]).toEqual([1, 0]);
    edge.blobs.get(newest?.blobId ?? "")?.fill(0, 100, 200);
    edge.rounds = 4;
    const second = start();
    await second.ended;
    const useless = new RegExp(`after round ${newest?.round} is of no use.*SHA-256`);
    expect(second.lines.some((line) => useless.test(line))).toBe(true);
    expect(second.lines).toContain(`Loaded the checkpoint after round ${before?.round}.`);
    expect(edge.notices).toMatchObject([{ type: "checkpoint.damaged", data: { checkpoint: newest?.round } }]);
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  it("loads the checkpoint before where the newest breaks off", async () => {
    const wanted = await digestsOfWholeRun();
    edge.rounds = 3;
    await start({ checkpointSeconds: 0 }).ended;
    const [newest, before] = edge.checkpoints;
    edge.brokenBlob = newest?.blobId;
    edge.rounds = 4;
    const second = start();
    await second.ended;
    expect(second.lines.some((line) => /of no use.*only a part/.test(line))).toBe(true);
    expect(second.lines).toContain(`Loaded the checkpoint after round ${before?.round}.`);
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  it("repeats all rounds where every checkpoint has a format it does not know", async () => {
    const wanted = await digestsOfWholeRun();
    edge.rounds = 3;
    await start({ checkpointSeconds: 0 }).ended;
    for (const checkpoint of edge.checkpoints) {
      const bytes = edge.blobs.get(checkpoint.blobId) ?? Buffer.alloc(0);
      bytes.write("2", bytes.indexOf('"format":1,') + 9);
      checkpoint.sha256 = createHash("sha256").update(bytes).digest("hex");
    }
    edge.rounds = 4;
    const second = start();
    await second.ended;
    const refused = second.lines.filter((line) =>
      /is of no use: .*has format 2, .* reads format 1/.test(line),
    );
    expect(refused).toHaveLength(2);
    expect(second.lines.filter((line) => /^Repeated round \d\.$/.test(line))).toHaveLength(3);
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  describe("of a protocol version that is refused from now on", () => {
    const detail = "The runner is too old: update it.";
    /** Refuses what the edge refuses such a runner. */
    const refuse = (path: string) =>
      /^\/v1\/(tasks|runners)/.test(path) && !path.endsWith("/release")
        ? { status: 409, body: { type: "/docs/problems/protocol-mismatch", title: "Mismatch", detail } }
        : undefined;

    it("stores what it trained, gives its task back and ends; the next one reaches the same weights", async () => {
      const wanted = await digestsOfWholeRun();
      edge.checkpoints = [];
      edge.intercept = (_method, path) => (edge.reports.length === 2 ? refuse(path) : undefined);
      await expect(start({ untilIdle: false }).ended).rejects.toThrow(detail);
      expect(edge.released).toHaveLength(1);
      expect(edge.failures).toEqual([]);
      expect(edge.checkpoints.map(({ round: last }) => last)).toEqual([2]);
      edge.intercept = () => undefined;
      const next = start();
      await next.ended;
      expect(next.lines).toContain("Loaded the checkpoint after round 2.");
      expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
    });

    it("hears so while it works, and gives its task back at once", async () => {
      const asked: string[] = [];
      const refused = new Promise<void>((resolve) => {
        edge.intercept = (_method, path) => {
          asked.push(path.replace(/.*\//, ""));
          if (!path.endsWith("/heartbeat")) return undefined;
          setTimeout(resolve, 100); // until the answer has come
          return refuse(path);
        };
      });
      const load = () => refused.then(() => dataset);
      await expect(start({ untilIdle: false }, { load }).ended).rejects.toThrow(detail);
      expect(asked).not.toContain("report");
      expect(asked.at(-1)).toBe("release");
    });
  });

  it("reports a round again whose report got lost, from the checkpoint that holds it", async () => {
    edge.rounds = 8;
    await start().ended;
    const wanted = edge.reports.map(({ digest, trainLoss, measurements }) => ({
      digest,
      trainLoss,
      measurements,
    }));
    edge.reports = [];
    edge.checkpoints = [];
    // Round 3 is measured, its report refused, and the checkpoint after it taken before it is reported again.
    let refusals = 1;
    edge.intercept = (_method, path) => {
      if (!path.endsWith("/report") || edge.reports.length !== 3 || refusals-- <= 0) return undefined;
      return { status: 409, body: { type: "/docs/problems/lease-lost", title: "The lease is lost" } };
    };
    const first = start({ checkpointSeconds: 0 });
    await first.ended;
    const held = edge.checkpoints.find(({ round: last }) => last === 3);
    expect(held).toBeDefined();
    edge.checkpoints = edge.checkpoints.filter((checkpoint) => checkpoint === held);
    edge.reports = edge.reports.slice(0, 3);
    const second = start();
    await second.ended;
    expect(second.lines).toContain("Loaded the checkpoint after round 3.");
    expect(second.lines.some((line) => line.startsWith("Repeated"))).toBe(false);
    const reported = edge.reports.map(({ digest, trainLoss, measurements }) => ({
      digest,
      trainLoss,
      measurements,
    }));
    expect(reported).toEqual(wanted);
  });

  it("leaves out a checkpoint that goes beyond the round it is to train", async () => {
    const wanted = await digestsOfWholeRun();
    await start({ checkpointSeconds: 0 }).ended;
    edge.reports = edge.reports.slice(0, 1);
    const second = start();
    await second.ended;
    expect(second.lines.some((line) => line.includes("goes beyond round 1"))).toBe(true);
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  it("says and tells that exactness is lost where it computes otherwise than the checkpoint's runner", async () => {
    edge.rounds = 7;
    await start({ checkpointSeconds: 0 }).ended;
    edge.rounds = 8;
    process.env.TF_ENABLE_ONEDNN_OPTS = "changed";
    const second = start();
    delete process.env.TF_ENABLE_ONEDNN_OPTS;
    await second.ended;
    expect(
      second.lines.some((line) => /may differ.*TF_ENABLE_ONEDNN_OPTS was unset, is changed/.test(line)),
    ).toBe(true);
    expect(edge.notices).toMatchObject([{ type: "exactness.lost" }]);
    expect(edge.reports.length).toBe(8);
  });

  it("trains the next round's steps while its report is under way, to the same weights", async () => {
    edge.steps = 50;
    const wanted = await digestsOfWholeRun();
    edge.reportDelayMs = 200;
    await start().ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
    const idle = edge.reports.slice(1).reduce((sum, { seconds }) => sum + seconds.idle, 0);
    expect(idle).toBeLessThan(0.3);
  });

  it("comes to the same weights and losses from a checkpoint that was taken after training ahead", async () => {
    await start().ended;
    const wanted = edge.reports.map(({ digest, trainLoss }) => ({ digest, trainLoss }));
    edge.reports = [];
    edge.reportDelayMs = 100;
    edge.rounds = 3;
    await start({ checkpointSeconds: 0 }).ended;
    edge.rounds = 4;
    const second = start();
    await second.ended;
    expect(second.lines).toContain("Loaded the checkpoint after round 1.");
    expect(second.lines).toContain("Repeated round 2.");
    expect(edge.reports.map(({ digest, trainLoss }) => ({ digest, trainLoss }))).toEqual(wanted);
  });

  it("goes back to the round it was asked for where training ahead went too far", async () => {
    edge.isLastRoundOtherwise = true;
    const wanted = await digestsOfWholeRun();
    edge.reportDelayMs = 300;
    await start().ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  it("counts steps that were trained ahead and then given up no more than once", async () => {
    edge.isLastRoundOtherwise = true;
    edge.reportDelayMs = 300;
    await start().ended;
    expect(edge.reports.map(({ trainedSteps }) => trainedSteps !== undefined)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    for (const edges of Object.values(edge.reports.at(-1)?.trainedSteps ?? {}))
      expect(edges).toEqual([0, 1].map(() => [STEPS, STEPS, STEPS]));
  });

  it("says so and goes on when repeated weights differ from those reported", async () => {
    edge.rounds = 1;
    await start().ended;
    (edge.reports[0] as { digest: string }).digest = "0000000000000000";
    edge.rounds = 2;
    const second = start();
    await second.ended;
    expect(second.lines.some((line) => line.includes("differ from those reported"))).toBe(true);
    expect(edge.reports.length).toBe(2);
  });

  it("that is asked to end stores a checkpoint and gives its task back; the next one reaches the same weights", async () => {
    const wanted = await digestsOfWholeRun();
    const first = start({ untilIdle: false });
    edge.intercept = (_method, path) => {
      if (path.endsWith("/report") && edge.reports.length === 2) setImmediate(first.stop);
      return undefined;
    };
    await first.ended;
    edge.intercept = () => undefined;
    expect(edge.reports.length).toBeLessThan(4);
    expect(edge.released.length).toBe(1);
    expect(edge.checkpoints.length).toBe(1);
    await start().ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
  });

  it("drops a task whose lease is lost and asks for another", async () => {
    let refusals = 1;
    edge.intercept = (_method, path) => {
      if (!path.endsWith("/report") || refusals-- <= 0) return undefined;
      return {
        status: 409,
        body: { type: "https://edge/docs/problems/lease-lost", title: "The lease is lost" },
      };
    };
    const runner = start();
    await runner.ended;
    expect(runner.lines.some((line) => line.includes("dropped"))).toBe(true);
    expect(edge.reports.length).toBe(4);
    expect(edge.reports[0]?.trainLoss).toBeGreaterThan(0);
    expect(edge.failures).toEqual([]);
  });

  it("stops where training diverges, says at which step of which path, and leaves the last good checkpoint", async () => {
    edge.rounds = 6;
    const runner = start({ checkpointSeconds: 0, makeExecutor: withNaNFrom(7) });
    await runner.ended;
    expect(edge.failures).toHaveLength(1);
    expect(edge.failures[0]).toMatch(/diverged.*At step \d+ of stage 1/);
    expect(edge.causes[0]).toMatchObject({
      kind: "diverged",
      selection: { normal: [expect.any(String), expect.any(String)] },
    });
    expect(edge.causes[0]?.step).toBe(7);
    expect(edge.reports.length).toBe(3);
    expect(edge.checkpoints.map(({ round: last }) => last)).toEqual([2, 1, 0]);
    edge.rounds = 4;
    const second = start();
    await second.ended;
    expect(second.lines).toContain("Loaded the checkpoint after round 2.");
  });

  it("trains half batches from where memory runs out, on record, and whoever repeats the rounds does so, too", async () => {
    const makeExecutor = withMemoryFor({ trained: 4 });
    edge.rounds = 3;
    await start({ makeExecutor }).ended;
    expect(edge.reports.map(({ halvedFrom }) => halvedFrom)).toEqual([0, 0, 0]);
    expect(edge.notices).toEqual([{ type: "memory.exhausted", data: { stage: 0, step: 0, batchSize: 4 } }]);
    const halved = edge.reports.map(({ digest }) => digest);
    edge.rounds = 4;
    const second = start();
    await second.ended;
    expect(second.lines.filter((line) => /^Repeated round \d\.$/.test(line))).toHaveLength(3);
    expect(edge.reports.slice(0, 3).map(({ digest }) => digest)).toEqual(halved);
  });

  const measuredOn = (evaluationImages: number) => ({
    type: "memory.exhausted",
    data: { step: 2, evaluationImages },
  });

  it("measures on smaller batches where memory runs out", async () => {
    edge.rounds = 2;
    edge.evaluationImages = 32;
    await start({ makeExecutor: withMemoryFor({ measured: 10 }) }).ended;
    expect(edge.failures).toEqual([]);
    expect(edge.reports).toHaveLength(2);
    expect(edge.notices).toEqual([16, 8].map(measuredOn));
  });

  it("fails with a clear reason where memory does not suffice for measuring 8 images either", async () => {
    edge.rounds = 2;
    edge.evaluationImages = 32;
    await start({ makeExecutor: withMemoryFor({ measured: 7 }) }).ended;
    expect(edge.failures[0]).toMatch(/OOM.*While measuring, after step 2/);
    expect(edge.causes).toEqual([{ kind: "out-of-memory", step: 2 }]);
    expect(edge.notices).toEqual([16, 8].map(measuredOn));
  });

  it("fails with a clear reason where memory does not suffice for half batches either", async () => {
    await start({ makeExecutor: withMemoryFor({ trained: 3 }) }).ended;
    expect(edge.failures[0]).toMatch(/OOM when allocating.*At step 0 of stage 1/);
    expect(edge.causes[0]).toMatchObject({ kind: "out-of-memory", step: 0 });
  });

  it("trains on while checkpoints cannot be stored, and leaves no half one", async () => {
    edge.waitsForUploads = false;
    edge.intercept = (method) =>
      method === "PUT" ? { status: 507, body: { title: "no space left" } } : undefined;
    const runner = start({ checkpointSeconds: 0 }, { retryBudgetMs: 100 });
    await runner.ended;
    expect(edge.reports.length).toBe(4);
    expect(runner.lines.some((line) => /could not be stored: no space left/.test(line))).toBe(true);
    edge.intercept = () => undefined;
    edge.rounds = 5;
    const second = start();
    await second.ended;
    expect(second.lines.filter((line) => line.startsWith("Loaded"))).toEqual([]);
    expect(edge.reports.length).toBe(5);
  });

  it("trains its round to the end while the edge cannot be reached, and reports it when it can", async () => {
    const wanted = await digestsOfWholeRun();
    const runner = start();
    await edge.reportsReach(1);
    await edge.goAway();
    await runner.says(/ECONNREFUSED.*trying again/);
    await edge.comeBack();
    await runner.ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
    expect(runner.lines.filter((line) => /dropped|Task failed/.test(line))).toEqual([]);
  });

  it("gives its task up at the lease's end where the edge stays away, keeps the state, and goes on when it is back", async () => {
    const wanted = await digestsOfWholeRun();
    edge.leaseSeconds = 2;
    const runner = start({ untilIdle: true });
    await edge.reportsReach(1);
    await edge.goAway();
    await runner.says(/does not answer.*the task is dropped|lease is lost; the task is dropped/);
    await runner.says(/asking again/);
    await edge.comeBack();
    await runner.ended;
    expect(edge.reports.map(({ digest }) => digest)).toEqual(wanted);
    expect(runner.lines.filter((line) => /Repeated|Loaded|Task failed/.test(line))).toEqual([]);
  });

  it("takes an answer that breaks off for none, and asks again", async () => {
    edge.brokenAnswers = 2;
    const runner = start();
    await runner.ended;
    expect(edge.reports.length).toBe(4);
    expect(edge.failures).toEqual([]);
  });

  it("repeats requests that fail for reasons that pass", async () => {
    let failures = 2;
    edge.intercept = (_method, path) =>
      path.endsWith("/report") && failures-- > 0 ? { status: 503, body: { title: "busy" } } : undefined;
    await start().ended;
    expect(edge.reports.length).toBe(4);
  });

  it("reports what went wrong when a task cannot be done", async () => {
    const client = new EdgeClient({ edge: edge.url, token: "token" });
    const load = () => Promise.reject(new Error("There is no data set fashion-mnist."));
    const settings = {
      name: "t",
      untilIdle: true,
      checkpointSeconds: 60,
      log: () => {},
      signal: new AbortController().signal,
    };
    await new Runner(client, backend, load, settings).run();
    expect(edge.failures).toEqual(["There is no data set fashion-mnist."]);
  });

  it("ends with the edge's reason when it is refused", async () => {
    edge.intercept = () => ({
      status: 401,
      body: { type: "/docs/problems/unauthorized", detail: "The token is unknown." },
    });
    await expect(start().ended).rejects.toThrow("The token is unknown.");
  });
});
