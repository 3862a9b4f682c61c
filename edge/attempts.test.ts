/** No task comes back for ever: in whatever order uploads, failures and lost leases come, through the real Worker. */

import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { LeasedTask } from "../shared/protocol.ts";
import { hex } from "./ids.ts";
import { leaseOfDevice, registerDevice } from "./measuring/testDevice.ts";
import { maxAttempts } from "./store/runners.ts";
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
} from "./testEdge.ts";

const runs = 15;
const furthestStep = 4;

let admin: Caller;
let runnerId: string;
beforeAll(async () => {
  admin = callerWith(await tokenWith("admin", "device"));
  runnerId = await registerRunner(admin);
});

/** What is leased, of a runner or a device. */
interface Held {
  leaseId: string;
  task: { taskId: string; searchId: string | null; trainingId?: string };
}

type Action =
  | { kind: "export" }
  | { kind: "checkpoint"; step: number }
  | { kind: "heartbeat" }
  /** The runner says that it cannot do it. */
  | { kind: "failure" }
  /** It is not heard of again. */
  | { kind: "lost" }
  /** The same runner asks for work although it holds some that it was heard of for. */
  | { kind: "dropped" }
  /** It asks again at once, as if the answer had not come. */
  | { kind: "repeated" };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc
    .constantFrom("export", "heartbeat", "failure", "lost", "dropped", "repeated")
    .map((kind) => ({ kind }) as Action),
  fc.integer({ min: 0, max: furthestStep }).map((step): Action => ({ kind: "checkpoint", step })),
);

const resourceOf = ({ task: { taskId } }: Held): string => taskId.split("-")[0] ?? "";
const expire = (held: Held) =>
  env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?").bind(resourceOf(held)).run();
const beat = ({ leaseId, task }: Held) =>
  ok(admin(`/v1/tasks/${task.taskId}/heartbeat`, { body: { leaseId } }));
const fail = ({ leaseId, task }: Held) =>
  ok(admin(`/v1/tasks/${task.taskId}/report`, { body: { kind: "failure", leaseId, message: "It failed." } }));

async function upload({ leaseId, task }: Held, what: Record<string, unknown>): Promise<void> {
  const bytes = new Uint8Array(8);
  const { searchId, trainingId } = task;
  const about = { leaseId, searchId, fileName: "file", bytes: bytes.length, ...what };
  const body = trainingId === undefined ? about : { ...about, trainingId };
  const { blobId } = await ok<{ blobId: string }>(admin("/v1/blobs", { body }));
  expect((await admin(`/v1/blobs/${blobId}/parts/1`, { method: "PUT", body: bytes })).status).toBe(204);
  const sha256 = hex(await crypto.subtle.digest("SHA-256", bytes));
  await ok(admin(`/v1/blobs/${blobId}/complete`, { body: { leaseId, sha256 } }));
}

/**
 * Does actions with a task until it is not handed out again, and checks how often it is handed out: three times at most
 * without progress, and no less.
 *
 * @param lease asks for it as one of two
 */
async function work(
  lease: (asker: 0 | 1) => Promise<Held | null>,
  actions: readonly Action[],
): Promise<void> {
  let asker: 0 | 1 = 0;
  let held = await lease(asker);
  let [count, reached, isHeard] = [1, -1, false];
  for (const done of actions) {
    if (held === null) throw new Error("nothing was leased");
    const { trainingId } = held.task;
    if (done.kind === "export") {
      if (trainingId !== undefined) await upload(held, { purpose: "export", format: "tfjs" });
      continue;
    }
    if (done.kind === "checkpoint") {
      await upload(held, { purpose: "checkpoint", round: done.step });
      if (done.step > reached) [count, reached] = [1, done.step];
      continue;
    }
    if (done.kind === "heartbeat" || done.kind === "dropped") {
      await beat(held);
      isHeard = true;
      if (done.kind === "heartbeat") continue;
    }
    if (done.kind === "failure") await fail(held);
    if (done.kind === "lost") {
      await expire(held);
      asker = asker === 0 ? 1 : 0;
    }
    const isNew = done.kind !== "repeated" || isHeard;
    const isOver = isNew && count === maxAttempts;
    held = await lease(asker);
    expect(held === null, `${done.kind} after ${count}`).toBe(isOver);
    if (isOver) return;
    if (isNew) [count, isHeard] = [count + 1, false];
  }
}

async function runners(): Promise<(searchId: string) => (asker: 0 | 1) => Promise<Held | null>> {
  const ids = [await registerRunner(admin), await registerRunner(admin)] as const;
  return (searchId) => (asker) => leaseOf(admin, ids[asker], searchId);
}

/** Orders of actions; each is tried with a task of its own. */
async function anyOrder(
  of: fc.Arbitrary<Action>,
  make: () => Promise<(asker: 0 | 1) => Promise<Held | null>>,
): Promise<void> {
  const orders = fc.array(of, { minLength: 8, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(orders, async (actions) => work(await make(), actions)),
    { numRuns: runs, seed: 23 },
  );
}

describe("in any order of uploads, failures and lost leases a task is handed out three times without progress", () => {
  test("a round", async () => {
    const leases = await runners();
    await anyOrder(action, async () => leases(await createSearch(admin)));
  });

  test("a final training", async () => {
    const leases = await runners();
    await anyOrder(action, async () => {
      const id = await createSearch(admin);
      const lease = await finishRounds(admin, await leaseRound(admin, runnerId, id));
      if (lease?.task.kind !== "finalTraining") throw new Error("no training was leased");
      await ok(admin(`/v1/tasks/${lease.task.taskId}/release`, { body: { leaseId: lease.leaseId } }));
      return leases(id);
    });
  });

  test("a measurement of a device", async () => {
    let names = 0;
    const kinds = fc.constantFrom("heartbeat", "lost", "dropped", "repeated");
    await anyOrder(
      kinds.map((kind) => ({ kind }) as Action),
      async () => {
        const name = `attempts-${++names}`;
        const deviceId = await registerDevice(admin, { name });
        const objectives = [
          { name: "accuracy", goal: "maximize" as const },
          { name: "memory", device: name, goal: "minimize" as const },
        ];
        await finishRounds(
          admin,
          await leaseRound(admin, runnerId, await createSearch(admin, { objectives })),
        );
        let taskId: string | undefined;
        return async () => {
          const lease = await leaseOfDevice(admin, deviceId);
          taskId ??= lease?.task.taskId;
          return lease?.task.taskId === taskId ? lease : null;
        };
      },
    );
  });
});

test("a final training that fails after its exports were uploaded ends, and says why", async () => {
  const id = await createSearch(admin);
  let lease = await finishRounds(admin, await leaseRound(admin, runnerId, id));
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    if (lease === null) throw new Error("no training was leased");
    await upload(lease as Held, { purpose: "export", format: "tfjs" });
    const wrong = { ...trainingReportFor(lease), testLoss: Number.NaN };
    expect(await problemOf(report(admin, lease.task, wrong))).toBe("422 validation");
    await fail(lease);
    lease = await leaseOf(admin, runnerId, id);
  }
  expect(lease).toBeNull();
  expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({
    state: "failed",
    failure: "every final training failed: Given up after 3 attempts: It failed.",
  });
});

test("a round of which no candidate has a number ends its search in the first attempt, whatever its runner makes of it", async () => {
  const id = await createSearch(admin);
  let lease = await leaseRound(admin, runnerId, id);
  const measured = (one: typeof lease) => ({
    ...reportFor(one),
    measurements: one.task.candidates.map((_, candidate) => ({
      candidate,
      values: { accuracy: 96.67 },
      images: one.task.evaluation.images,
      loss: null,
    })),
  });
  while (lease.task.candidates.length === 0)
    lease = roundOf((await ok<{ next: LeasedTask }>(report(admin, lease.task, reportFor(lease)))).next);
  expect(await ok(report(admin, lease.task, measured(lease)))).toEqual({ accepted: true, next: null });
  const { state, failure } = await ok<{ state: string; failure: string }>(admin(`/v1/searches/${id}`));
  expect([state, failure]).toEqual([
    "failed",
    expect.stringMatching(/^Training diverged: none of 2 candidates/),
  ]);
  expect(await ok(admin(`/v1/searches/${id}/front`))).toMatchObject({ data: [] });
  const { data } = await ok<{ data: { type: string; data: object }[] }>(
    admin(`/v1/searches/${id}/events?limit=100`),
  );
  expect(data.filter(({ type }) => type === "task.failed").map((event) => event.data)).toMatchObject([
    { attempt: 1, kind: "diverged" },
  ]);
});
