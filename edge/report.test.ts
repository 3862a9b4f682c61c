import { beforeAll, describe, expect, test } from "vitest";
import type { LeasedTask } from "../shared/protocol.ts";
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

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

const expire = (resource: string) =>
  env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?").bind(resource).run();
const stateOf = async (id: string): Promise<string> =>
  (await ok<{ state: string }>(admin(`/v1/searches/${id}`))).state;
const eventTypes = async (id: string): Promise<string[]> =>
  (await ok<{ data: { type: string }[] }>(admin(`/v1/searches/${id}/events`))).data.map(({ type }) => type);
const roundsOf = async (id: string): Promise<number[]> =>
  (await ok<{ data: { round: number }[] }>(admin(`/v1/searches/${id}/rounds`))).data.map(
    ({ round }) => round,
  );

describe("a search from its first round to its trained model", () => {
  test("every answer carries the next task, and the last training completes the search", async () => {
    const id = await createSearch(admin);
    const first = await leaseRound(admin, runnerId, id);
    expect(first.task.round).toBe(0);
    expect(await stateOf(id)).toBe("running");
    const training = await finishRounds(admin, first);
    if (training?.task.kind !== "finalTraining") throw new Error("no final training came");
    expect(await stateOf(id)).toBe("running");
    await ok(
      admin(`/v1/tasks/${training.task.taskId}/heartbeat`, {
        body: { leaseId: training.leaseId, progress: { done: 5, total: 10, trainLoss: 1 } },
      }),
    );
    const { trainingId } = training.task;
    expect(await ok(admin(`/v1/trainings/${trainingId}`))).toMatchObject({
      state: "running",
      progress: { done: 5 },
    });
    const answer = await ok<{ next: unknown }>(report(admin, training.task, trainingReportFor(training)));
    expect(answer.next).toBeNull();
    expect(await stateOf(id)).toBe("completed");
    expect(await ok(admin(`/v1/trainings/${trainingId}`))).toMatchObject({
      state: "completed",
      report: { testAccuracy: 88 },
    });
    expect(await roundsOf(id)).toEqual([0, 1, 2, 3]);
    expect(await eventTypes(id)).toEqual(
      expect.arrayContaining(["search.created", "search.started", "training.completed", "search.completed"]),
    );
    const again = await ok<{ accepted: boolean }>(report(admin, training.task, trainingReportFor(training)));
    expect(again.accepted).toBe(true);
  });

  test("its policy tells how often each operation was trained, once the stage's last report said so", async () => {
    const id = await createSearch(admin, { finalTraining: { preset: "demo", top: 0 } });
    const policy = () => ok<{ stages: object[] }>(admin(`/v1/searches/${id}/policy`));
    let current: LeasedTask | null = await leaseRound(admin, runnerId, id);
    while (current !== null) {
      expect((await policy()).stages).toEqual([]);
      const round = roundOf(current);
      const { task } = round;
      const trainedSteps = Object.fromEntries(
        Object.entries(task.stage.choices).map(([kind, edges]) => [
          kind,
          edges.map((operations) => operations.map((_, index) => 5 + index)),
        ]),
      );
      const body = { ...reportFor(round), ...(task.steps === 0 ? { trainedSteps } : {}) };
      const answer = await ok<{ next: LeasedTask | null }>(report(admin, task, body));
      current = answer.next;
    }
    expect((await policy()).stages).toMatchObject([
      { stage: 0, minimum: 5, maximum: 14, trainedSteps: { normal: expect.any(Array) } },
    ]);
  });

  test("a search without final training is completed by its last round", async () => {
    const id = await createSearch(admin, { finalTraining: { top: 0 } });
    expect(await finishRounds(admin, await leaseOf(admin, runnerId, id))).toBeNull();
    expect(await stateOf(id)).toBe("completed");
    expect((await eventTypes(id)).at(-1)).toBe("search.completed");
  });

  test("a spent wall clock ends the search early, with a model", async () => {
    const id = await createSearch(admin, { budget: { wallClockHours: 1 } });
    const lease = await leaseRound(admin, runnerId, id);
    await env.DB.prepare("UPDATE searches SET started_at = 1 WHERE id = ?").bind(id).run();
    const training = await finishRounds(admin, lease);
    expect((await roundsOf(id)).length).toBeLessThan(4);
    expect(training?.task.kind ?? (await stateOf(id))).toMatch(/finalTraining|completed/);
  });
});

describe("a round is accepted once", () => {
  test("the same report again gets the current task", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const body = reportFor(lease);
    const first = roundOf((await ok<{ next: LeasedTask }>(report(admin, lease.task, body))).next);
    const second = roundOf((await ok<{ next: LeasedTask }>(report(admin, lease.task, body))).next);
    expect(second.task).toEqual(first.task);
    expect(second.leaseId).toBe(first.leaseId);
    expect(await roundsOf(id)).toEqual([0]);
  });

  test("another result for a reported round is refused", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await ok(report(admin, lease.task, reportFor(lease)));
    expect(await problemOf(report(admin, lease.task, reportFor(lease, "other")))).toBe("409 round-conflict");
  });

  test("of two reports at once, one is written and both get the same next task", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const answers = await Promise.all(
      [0, 1].map(() => ok<{ next: LeasedTask }>(report(admin, lease.task, reportFor(lease)))),
    );
    expect(answers[0]?.next.task).toEqual(answers[1]?.next.task);
    expect(await roundsOf(id)).toEqual([0]);
    expect((await eventTypes(id)).filter((type) => type === "search.started")).toHaveLength(1);
  });

  test("of two different reports at once, one wins and the other changes nothing", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const responses = await Promise.all(
      ["a", "b"].map((digest) => report(admin, lease.task, reportFor(lease, digest))),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await eventTypes(id)).filter((type) => type === "search.started")).toHaveLength(1);
  });

  test("a round out of turn is refused", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const later = { ...lease, task: { ...lease.task, taskId: `${id}-r5` } };
    expect(await problemOf(report(admin, later.task, reportFor(later)))).toBe("409 round-conflict");
  });

  test("measurements of candidates that the round has not are refused", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const measurements = [{ candidate: 7, values: { accuracy: 1 }, images: 1, loss: 1 }];
    expect(await problemOf(report(admin, lease.task, { ...reportFor(lease), measurements }))).toBe(
      "422 validation",
    );
  });
});

describe("leases", () => {
  test("one runner at a time holds a search", async () => {
    const id = await createSearch(admin);
    await leaseRound(admin, runnerId, id);
    expect(await leaseOf(admin, await registerRunner(admin), id)).toBeNull();
  });

  test("an expired lease can be taken by another runner, and the first one's report is refused", async () => {
    const id = await createSearch(admin);
    const lost = await leaseRound(admin, runnerId, id);
    await expire(id);
    const taken = await leaseRound(admin, await registerRunner(admin), id);
    expect(taken.task).toEqual(lost.task);
    expect(await problemOf(report(admin, lost.task, reportFor(lost)))).toBe("409 lease-lost");
    expect(await roundsOf(id)).toEqual([]);
    await ok(report(admin, taken.task, reportFor(taken)));
    expect(await eventTypes(id)).toContain("runner.lost");
  });

  test("an expired lease is lost even when nobody took it", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await expire(id);
    expect(await problemOf(report(admin, lease.task, reportFor(lease)))).toBe("409 lease-lost");
    const beat = { body: { leaseId: lease.leaseId } };
    expect(await problemOf(admin(`/v1/tasks/${lease.task.taskId}/heartbeat`, beat))).toBe("409 lease-lost");
  });

  test("a released lease is free at once", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await ok(admin(`/v1/tasks/${lease.task.taskId}/release`, { body: { leaseId: lease.leaseId } }));
    expect(await leaseOf(admin, await registerRunner(admin), id)).not.toBeNull();
  });

  test("a runner that asks again gets its own work again", async () => {
    const id = await createSearch(admin);
    const first = await leaseRound(admin, runnerId, id);
    const second = await leaseRound(admin, runnerId, id);
    expect(second.task).toEqual(first.task);
    expect(await problemOf(report(admin, first.task, reportFor(first)))).toBe("409 lease-lost");
  });

  test("a runner that is not registered gets no work", async () => {
    expect(await problemOf(admin("/v1/tasks/lease", { body: { runnerId: "nobody" } }))).toBe(
      "409 unknown-runner",
    );
  });

  test("three failures of a round fail the search", async () => {
    const id = await createSearch(admin);
    for (const left of [2, 1, 0]) {
      const lease = await leaseRound(admin, runnerId, id);
      const failure = { kind: "failure", leaseId: lease.leaseId, message: "out of memory" };
      await ok(report(admin, lease.task, failure));
      expect(await stateOf(id)).toBe(left > 0 ? "running" : "failed");
    }
    expect(await eventTypes(id)).toContain("search.failed");
  });

  test("three runners lost without a report fail the search, and progress starts the count anew", async () => {
    const id = await createSearch(admin);
    const first = await leaseRound(admin, runnerId, id);
    await ok(report(admin, first.task, reportFor(first)));
    for (let lost = 0; lost < 3; lost++) {
      await expire(id);
      const lease = await leaseOf(admin, await registerRunner(admin), id);
      if (lost < 2) expect(lease).not.toBeNull();
      else expect(lease).toBeNull();
    }
    expect(await stateOf(id)).toBe("failed");
  });

  test("a final training that fails three times fails its search", async () => {
    const id = await createSearch(admin);
    let lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
    for (let failed = 0; failed < 3; failed++) {
      if (lease === null) throw new Error("no training came");
      await ok(report(admin, lease.task, { kind: "failure", leaseId: lease.leaseId, message: "NaN" }));
      lease = await leaseOf(admin, runnerId, id);
    }
    expect(lease).toBeNull();
    expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({ state: "failed" });
    expect(await eventTypes(id)).toEqual(expect.arrayContaining(["training.failed", "search.failed"]));
  });
});

describe("a search that was told to stop", () => {
  test("a paused search keeps the report, gives no work and goes on when it is resumed", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    const beat = await ok<{ stop: boolean }>(
      admin(`/v1/tasks/${lease.task.taskId}/heartbeat`, { body: { leaseId: lease.leaseId } }),
    );
    expect(beat.stop).toBe(true);
    expect(await ok(report(admin, lease.task, reportFor(lease)))).toEqual({ accepted: true, next: null });
    expect(await roundsOf(id)).toEqual([0]);
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
    await ok(admin(`/v1/searches/${id}/resume`, { method: "POST" }));
    expect((await leaseRound(admin, runnerId, id)).task.round).toBe(1);
  });

  test("a cancelled search keeps its results and cannot be resumed", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await ok(admin(`/v1/searches/${id}/cancel`, { method: "POST" }));
    expect(await ok(report(admin, lease.task, reportFor(lease)))).toEqual({ accepted: true, next: null });
    expect(await roundsOf(id)).toEqual([0]);
    expect(await problemOf(admin(`/v1/searches/${id}/resume`, { method: "POST" }))).toBe("409 invalid-state");
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
  });

  test("a deleted search loses its lease", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    expect((await admin(`/v1/searches/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(report(admin, lease.task, reportFor(lease)))).toBe("409 lease-lost");
  });
});

test("a runner that resumes gets the reported rounds with the tasks they had", async () => {
  const id = await createSearch(admin);
  const first = await leaseRound(admin, runnerId, id);
  const second = roundOf((await ok<{ next: LeasedTask }>(report(admin, first.task, reportFor(first)))).next);
  await ok(report(admin, second.task, reportFor(second)));
  const replay = await ok(admin(`/v1/tasks?search=${id}&fromRound=0`));
  expect(replay).toEqual({
    data: [
      { round: 0, task: first.task, digest: "d0" },
      { round: 1, task: second.task, digest: "d1" },
    ],
    nextRound: null,
  });
});

describe("a measurement that comes after its round", () => {
  /** Reports rounds until one has candidates, that one without the first candidate's accuracy. */
  async function roundWithHole() {
    const id = await createSearch(admin);
    let lease = roundOf(await leaseRound(admin, runnerId, id));
    while (lease.task.candidates.length === 0) {
      const answer = await ok<{ next: LeasedTask }>(report(admin, lease.task, reportFor(lease)));
      lease = roundOf(answer.next);
    }
    const full = reportFor(lease);
    const body = { ...full, measurements: full.measurements.slice(1) };
    const { next } = await ok<{ next: LeasedTask | null }>(report(admin, lease.task, body));
    return { id, round: lease.task.round, next };
  }
  const amend = (id: string, round: number, body: unknown) =>
    admin(`/v1/searches/${id}/rounds/${round}/measurements`, { body });
  type Candidates = { data: { round: number; values: { accuracy: number | null } }[] };
  const accuraciesOf = async (id: string, round: number) =>
    (await ok<Candidates>(admin(`/v1/searches/${id}/candidates?limit=200`))).data
      .filter((candidate) => candidate.round === round)
      .map(({ values }) => values.accuracy);

  test("does not hold the round, amends its candidate and reaches the front", async () => {
    const { id, round, next } = await roundWithHole();
    expect(roundOf(next).task.round).toBe(round + 1);
    expect((await accuraciesOf(id, round))[0]).toBeNull();
    const answer = await ok(amend(id, round, { candidate: 0, values: { accuracy: 99 } }));
    expect(answer).toEqual({ version: 2 });
    expect((await accuraciesOf(id, round))[0]).toBe(99);
    const front = await ok<{ data: { values: { accuracy: number } }[] }>(admin(`/v1/searches/${id}/front`));
    expect(front.data.map(({ values }) => values.accuracy)).toContain(99);
    expect(await roundsOf(id)).toEqual(Array.from({ length: round + 1 }, (_, index) => index));
  });

  test("is refused when the value was measured before, and for what there is not", async () => {
    const { id, round } = await roundWithHole();
    expect(await problemOf(amend(id, round, { candidate: 1, values: { accuracy: 99 } }))).toBe(
      "422 validation",
    );
    expect(await problemOf(amend(id, round, { candidate: 0, values: { speed: 1 } }))).toBe("422 validation");
    expect(await problemOf(amend(id, round + 5, { candidate: 0, values: { accuracy: 1 } }))).toBe(
      "404 not-found",
    );
  });

  test("and a report at the same time both count", async () => {
    const { id, round, next } = await roundWithHole();
    const lease = roundOf(next);
    const [amended, reported] = await Promise.all([
      amend(id, round, { candidate: 0, values: { accuracy: 99 } }),
      report(admin, lease.task, reportFor(lease)),
    ]);
    expect([amended.status, reported.status]).toEqual([200, 200]);
    const front = await ok<{ data: { values: { accuracy: number } }[] }>(admin(`/v1/searches/${id}/front`));
    expect(front.data.map(({ values }) => values.accuracy)).toContain(99);
  });
});

describe("what a runner tells besides results", () => {
  const beat = (lease: LeasedTask, told: Record<string, unknown>) =>
    ok(admin(`/v1/tasks/${lease.task.taskId}/heartbeat`, { body: { leaseId: lease.leaseId, ...told } }));
  const eventsOf = async (id: string, type: string) =>
    (
      await ok<{ data: { type: string; data: Record<string, unknown> }[] }>(
        admin(`/v1/searches/${id}/events?limit=200`),
      )
    ).data.flatMap((event) => (event.type === type ? [event.data] : []));

  test("becomes events of the search", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const changes = ["threads was 2, is 4"];
    await beat(lease, {
      notices: [
        { type: "exactness.lost", data: { checkpoint: 3, changes } },
        { type: "checkpoint.damaged", data: { checkpoint: 4, reason: "its SHA-256 does not match" } },
      ],
    });
    expect(await eventsOf(id, "exactness.lost")).toEqual([{ checkpoint: 3, changes }]);
    expect(await eventsOf(id, "checkpoint.damaged")).toHaveLength(1);
  });

  test("is refused under a lost lease", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    await expire(id);
    const notices = [{ type: "exactness.lost", data: { checkpoint: 3 } }];
    await expect(beat(lease, { notices })).rejects.toThrow(/409/);
    expect(await eventsOf(id, "exactness.lost")).toEqual([]);
  });

  test("is a final training's progress, as one event for every twentieth of it", async () => {
    const id = await createSearch(admin);
    const training = await finishRounds(admin, await leaseOf(admin, runnerId, id));
    if (training?.task.kind !== "finalTraining") throw new Error("no final training came");
    for (const done of [0, 4, 5, 6, 9, 10, 50, 100])
      await beat(training, { progress: { done, total: 100, trainLoss: 1 } });
    const told = await eventsOf(id, "training.progress");
    expect(told.map(({ done }) => done)).toEqual([0, 5, 10, 50, 100]);
    expect(told[1]).toEqual({
      trainingId: training.task.trainingId,
      purpose: "final",
      done: 5,
      total: 100,
      trainLoss: 1,
    });
  });

  test("a divergence ends the search at once, with the step and the path, and keeps what was found", async () => {
    const id = await createSearch(admin);
    let lease = await leaseRound(admin, runnerId, id);
    while (lease.task.candidates.length === 0)
      lease = roundOf((await ok<{ next: LeasedTask }>(report(admin, lease.task, reportFor(lease)))).next);
    lease = roundOf((await ok<{ next: LeasedTask }>(report(admin, lease.task, reportFor(lease)))).next);
    const cause = { kind: "diverged", step: 4, selection: { normal: ["none"], reduction: ["none"] } };
    const message = "Training diverged: the loss is NaN.";
    await ok(report(admin, lease.task, { kind: "failure", leaseId: lease.leaseId, message, cause }));
    expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({ state: "failed", failure: message });
    const { round } = lease.task;
    expect(await eventsOf(id, "task.failed")).toEqual([{ round, attempt: 1, message, ...cause }]);
    const front = await ok<{ data: unknown[] }>(admin(`/v1/searches/${id}/front`));
    expect(front.data.length).toBeGreaterThan(0);
  });

  test("a divergence ends a final training at once, with the step and the architecture", async () => {
    const id = await createSearch(admin);
    const training = await finishRounds(admin, await leaseOf(admin, runnerId, id));
    if (training?.task.kind !== "finalTraining") throw new Error("no final training came");
    const { trainingId, hash } = training.task;
    const cause = { kind: "diverged", step: 7, hash };
    await ok(
      report(admin, training.task, { kind: "failure", leaseId: training.leaseId, message: "NaN", cause }),
    );
    expect(await ok(admin(`/v1/trainings/${trainingId}`))).toMatchObject({ state: "failed", failure: "NaN" });
    expect(await eventsOf(id, "task.failed")).toEqual([{ trainingId, attempt: 1, message: "NaN", ...cause }]);
  });

  test("a round in which memory ran out is replayed as it was trained, and so are the stage's rounds after it", async () => {
    const id = await createSearch(admin, {
      schedule: {
        batchSize: 64,
        stepsPerRound: 2,
        warmupStepsPerRound: 2,
        policy: { candidates: 2 },
        confirmation: { images: 500, architectures: 2 },
        stages: [
          { layers: 3, channels: 4, steps: 6, warmupSteps: 4, drop: { normal: 1, reduction: 1 } },
          { layers: 3, channels: 4, steps: 6, warmupSteps: 4, drop: { normal: 1, reduction: 1 } },
        ],
      },
    });
    let lease: LeasedTask | null = await leaseRound(admin, runnerId, id);
    const given: [number, number | undefined][] = [];
    while (lease?.task.kind === "trainRound") {
      const current = roundOf(lease);
      given.push([current.task.stage.index, current.task.halvedFrom]);
      const { halvedFrom } = current.task.round === 1 ? { halvedFrom: 3 } : current.task;
      const body = { ...reportFor(current), ...(halvedFrom === undefined ? {} : { halvedFrom }) };
      lease = (await ok<{ next: LeasedTask | null }>(report(admin, current.task, body))).next;
    }
    expect(given).toEqual([
      [0, undefined],
      [0, undefined],
      [0, 3],
      [0, 3],
      [1, undefined],
      [1, undefined],
      [1, undefined],
      [1, undefined],
    ]);
    const replay = await ok<{ data: { task: { halvedFrom?: number } }[] }>(
      admin(`/v1/tasks?search=${id}&fromRound=0`),
    );
    expect(replay.data.slice(0, 3).map(({ task }) => task.halvedFrom)).toEqual([undefined, 3, 3]);
  });

  test("the share of time between rounds is shown", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const seconds = { train: 8, evaluate: 1, idle: 1 };
    await ok(report(admin, lease.task, { ...reportFor(lease), seconds }));
    expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({ progress: { idleShare: 0.1 } });
  });
});
