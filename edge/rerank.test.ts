import { beforeAll, describe, expect, test } from "vitest";
import type { FinalTrainingTask, LeasedTask } from "../shared/protocol.ts";
import type { SpecificationInput } from "../shared/specification.ts";
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
  shortReportFor,
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;
let otherId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  [runnerId, otherId] = await Promise.all([registerRunner(admin), registerRunner(admin)]);
});

const reranking = {
  architectures: 4,
  rungs: [{ steps: 5 }, { steps: 9 }, { steps: 17 }],
  validationFraction: 0.2,
};
const wider: Partial<SpecificationInput> = {
  schedule: {
    ...(tinySpecification.schedule as object),
    policy: { candidates: 4 },
    confirmation: { images: 500, architectures: 6 },
  } as SpecificationInput["schedule"],
  reranking,
};

type Short = LeasedTask & { task: FinalTrainingTask };
interface Training {
  id: string;
  hash: string;
  purpose: "final" | "rerank";
  rung: number | null;
  state: string;
  createdAt: string;
  report: { testAccuracy: number } | null;
  validation: { validationAccuracy: number } | null;
}
interface Row {
  hash: string;
  values: { accuracy: number; parameters: number };
  images: number;
  evidence: string;
  onFront: boolean;
  sharedWeightsAccuracy: number | null;
  trainingSteps: number | null;
  testAccuracy: number | null;
}
interface Event {
  type: string;
  data: Record<string, unknown>;
}

function shortOf(lease: LeasedTask | null): Short {
  if (lease === null || lease.task.kind !== "finalTraining" || lease.task.validation === undefined)
    throw new Error("no short training was leased");
  return { ...lease, task: lease.task };
}

const stateOf = async (id: string) => (await ok<{ state: string }>(admin(`/v1/searches/${id}`))).state;
const eventsOf = async (id: string, type: string) =>
  (await ok<{ data: Event[] }>(admin(`/v1/searches/${id}/events?limit=200`))).data.filter(
    (event) => event.type === type,
  );
const trainingsOf = async (id: string): Promise<Training[]> =>
  (await ok<{ data: Training[] }>(admin(`/v1/searches/${id}/trainings?limit=100`))).data.toReversed();
const frontOf = async (id: string): Promise<Row[]> =>
  (await ok<{ data: Row[] }>(admin(`/v1/searches/${id}/front`))).data;
const answer = async (lease: LeasedTask, body: unknown): Promise<LeasedTask | null> =>
  (await ok<{ next: LeasedTask | null }>(report(admin, lease.task, body))).next;
const failWith = (lease: LeasedTask) =>
  answer(lease, {
    kind: "failure",
    leaseId: lease.leaseId,
    message: "NaN",
    cause: { kind: "diverged", step: 3 },
  });

/** A search whose rounds are over, with the first of its short trainings leased. */
async function searched(change: Partial<SpecificationInput> = {}): Promise<{ id: string; first: Short }> {
  const id = await createSearch(admin, { ...wider, ...change });
  return { id, first: shortOf(await finishRounds(admin, await leaseOf(admin, runnerId, id))) };
}

/** Trains short until something else comes; accuracies in the order in which trainings are leased. */
async function trainShort(
  first: LeasedTask | null,
  accuracies: readonly number[],
): Promise<LeasedTask | null> {
  let lease = first;
  for (const accuracy of accuracies)
    lease = await answer(shortOf(lease), shortReportFor(shortOf(lease), accuracy));
  return lease;
}

describe("the archive before the final training", () => {
  test("is trained from scratch rung by rung, and the best of the last rung gets the final training", async () => {
    const { id, first } = await searched();
    expect(first.task).toMatchObject({
      validation: { fraction: 0.2 },
      recipe: { steps: 5, preset: "demo" },
      seed: 1,
    });
    const before = await trainingsOf(id);
    expect(before.map(({ purpose, rung }) => [purpose, rung])).toEqual(Array(4).fill(["rerank", 0]));
    // Parameters differ, so each accuracy that rises leaves only the last ones without a better one.
    const second = shortOf(await trainShort(first, [20, 30, 40, 50]));
    expect(second.task.recipe.steps).toBe(9);
    const promoted = (await trainingsOf(id)).filter(({ rung }) => rung === 1);
    expect(promoted).toHaveLength(2);
    const final = await trainShort(second, [60, 61]);
    if (final?.task.kind !== "finalTraining") throw new Error("no final training came");
    expect(final.task.validation).toBeUndefined();
    expect(final.task.recipe.steps).toBe(10);
    expect(promoted.map(({ hash }) => hash)).toContain(final.task.hash);
    expect(await stateOf(id)).toBe("running");
    expect(await answer(final, trainingReportFor(final))).toBeNull();
    expect(await stateOf(id)).toBe("completed");
    const rungs = await eventsOf(id, "rung.completed");
    expect(rungs.map(({ data }) => [data.rung, data.trained, data.failed, data.promoted])).toEqual([
      [0, 4, 0, 2],
      [1, 2, 0, 0],
    ]);
    const [event] = await eventsOf(id, "front.reranked");
    expect(event?.data).toMatchObject({ reason: "complete", trained: 4, seconds: 18, best: final.task.hash });
    expect(Math.abs(event?.data.kendallTau as number)).toBeLessThanOrEqual(1);
  });

  test("hands over a front of trained networks only, each with its evidence", async () => {
    const { id, first } = await searched();
    expect((await frontOf(id)).every(({ evidence }) => evidence === "shared-weights")).toBe(true);
    const final = await trainShort(first, [20, 30, 40, 50, 60, 61]);
    if (final?.task.kind !== "finalTraining") throw new Error("no final training came");
    await answer(final, trainingReportFor(final));
    const trainings = await trainingsOf(id);
    const front = await frontOf(id);
    expect(front.length).toBeGreaterThan(0);
    for (const row of front) {
      const last = trainings.findLast(({ hash, validation }) => hash === row.hash && validation !== null);
      expect(row).toMatchObject({ images: 600, trainingSteps: 5, onFront: true });
      expect(row.values.accuracy).toBe(last?.validation?.validationAccuracy);
      expect(row.sharedWeightsAccuracy).toBeGreaterThanOrEqual(50);
      const isFinal = row.hash === final.task.hash;
      expect(row.evidence).toBe(isFinal ? "full-training" : "short-training");
      expect(row.testAccuracy).toBe(isFinal ? 88 : null);
    }
    expect(front.map(({ hash }) => hash)).toContain(final.task.hash);
    const page = await ok<{ measurements: Row[] }>(
      admin(`/v1/searches/${id}/architectures/${final.task.hash}`),
    );
    expect(page.measurements[0]).toMatchObject({ evidence: "full-training", testAccuracy: 88 });
    const { progress } = await ok<{ progress: { frontSize: number; bestAccuracy: number } }>(
      admin(`/v1/searches/${id}`),
    );
    expect(progress).toMatchObject({
      frontSize: front.length,
      bestAccuracy: Math.max(...front.map(({ values }) => values.accuracy)),
    });
  });

  test("says so plainly where nothing that was trained is better than answering always the same", async () => {
    const { id, first } = await searched();
    const final = await trainShort(first, [8, 9, 10, 10.5, 9, 11]);
    if (final?.task.kind !== "finalTraining") throw new Error("no final training came");
    const [event] = await eventsOf(id, "candidates.untaught");
    expect(event?.data).toMatchObject({ bestAccuracy: 11, chance: 10 });
    expect(event?.data.message).toMatch(/labels.*learning rate.*reranking.rungs/);
    const other = await searched();
    await trainShort(other.first, [20, 30, 40, 50, 60, 61]);
    expect(await eventsOf(other.id, "candidates.untaught")).toEqual([]);
  });

  test("recommends what it trains in full, and leads with what was trained", async () => {
    const { id, first } = await searched();
    const before = await ok<{ progress: { bestTrainedAccuracy: number | null } }>(
      admin(`/v1/searches/${id}`),
    );
    expect(before.progress.bestTrainedAccuracy).toBeNull();
    const final = await trainShort(first, [50, 40, 30, 20, 60, 61]);
    if (final?.task.kind !== "finalTraining") throw new Error("no final training came");
    const rows = await ok<{ data: { hash: string; preference: number }[] }>(
      admin(`/v1/searches/${id}/front`),
    );
    const [recommended] = rows.data.toSorted((a, b) => b.preference - a.preference);
    expect(recommended?.hash).toBe(final.task.hash);
    const trained = await ok<typeof before>(admin(`/v1/searches/${id}`));
    expect(trained.progress.bestTrainedAccuracy).toBe(61);
    await answer(final, trainingReportFor(final));
    const ended = await ok<typeof before>(admin(`/v1/searches/${id}`));
    expect(ended.progress.bestTrainedAccuracy).toBe(88);
  });

  test("keeps its trained front when a measurement of its rounds comes late", async () => {
    const id = await createSearch(admin, wider);
    let lease = await leaseRound(admin, runnerId, id);
    let withHole = -1;
    let next: LeasedTask | null = lease;
    while (next?.task.kind === "trainRound") {
      lease = roundOf(next);
      const full = reportFor(lease);
      const isHole = lease.task.steps === 0; // the confirmation, whose measurements reach the front
      if (isHole) withHole = lease.task.round;
      next = await answer(lease, { ...full, measurements: full.measurements.slice(isHole ? 1 : 0) });
    }
    await trainShort(next, [20, 30, 40, 50, 60, 61]);
    const before = await frontOf(id);
    await ok(
      admin(`/v1/searches/${id}/rounds/${withHole}/measurements`, {
        body: { candidate: 0, values: { accuracy: 99 } },
      }),
    );
    expect(await frontOf(id)).toEqual(before);
  });

  test("is left as it is where that was not asked for", async () => {
    const id = await createSearch(admin, { ...wider, reranking: { enabled: false } });
    const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
    expect(lease?.task).not.toHaveProperty("validation");
    expect((await trainingsOf(id)).map(({ purpose }) => purpose)).toEqual(["final"]);
  });

  test("ends a search without final training", async () => {
    const { id, first } = await searched({ finalTraining: { preset: "demo", top: 0 } });
    expect(await trainShort(first, [20, 30, 40, 50, 60, 61])).toBeNull();
    expect(await stateOf(id)).toBe("completed");
    expect((await frontOf(id)).every(({ evidence }) => evidence === "short-training")).toBe(true);
  });
});

describe("short trainings of several runners", () => {
  test("are leased one by one, and of two that end a rung at once one promotes", async () => {
    const { id, first } = await searched();
    const third = shortOf(await trainShort(first, [20, 30]));
    const fourth = shortOf(await leaseOf(admin, otherId, id));
    expect(fourth.task.trainingId).not.toBe(third.task.trainingId);
    const next = await Promise.all([
      answer(third, shortReportFor(third, 40)),
      answer(fourth, shortReportFor(fourth, 50)),
    ]);
    expect(await eventsOf(id, "rung.completed")).toHaveLength(1);
    const promoted = (await trainingsOf(id)).filter(({ rung }) => rung === 1);
    expect(promoted).toHaveLength(2);
    // Whoever came first may have had to ask again; together they work on the next rung.
    const [left, right] = [
      next[0] ?? (await leaseOf(admin, runnerId, id)),
      next[1] ?? (await leaseOf(admin, otherId, id)),
    ].map(shortOf) as [Short, Short];
    expect([left, right].map(({ task }) => task.hash).sort()).toEqual(
      promoted.map(({ hash }) => hash).sort(),
    );
    await Promise.all([answer(left, shortReportFor(left, 60)), answer(right, shortReportFor(right, 61))]);
    expect(await eventsOf(id, "front.reranked")).toHaveLength(1);
    expect((await trainingsOf(id)).filter(({ purpose }) => purpose === "final")).toHaveLength(1);
  });

  test("are counted once, however often they are reported", async () => {
    const { id, first } = await searched();
    const fourth = shortOf(await trainShort(first, [20, 30, 40]));
    const body = shortReportFor(fourth, 50);
    const twice = await Promise.all([0, 1].map(() => report(admin, fourth.task, body)));
    expect(twice.map(({ status }) => status)).toEqual([200, 200]);
    expect((await report(admin, fourth.task, body)).status).toBe(200);
    expect((await trainingsOf(id)).filter(({ rung }) => rung === 1)).toHaveLength(2);
    expect(await eventsOf(id, "rung.completed")).toHaveLength(1);
  });

  test("are refused under a lost lease and as a report of another kind", async () => {
    const { id, first } = await searched();
    expect(await problemOf(report(admin, first.task, trainingReportFor(first)))).toBe("422 validation");
    await env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?")
      .bind(first.task.trainingId)
      .run();
    const taken = shortOf(await leaseOf(admin, otherId, id));
    expect(taken.task).toEqual(first.task);
    expect(await problemOf(report(admin, first.task, shortReportFor(first, 50)))).toBe("409 lease-lost");
    expect((await trainingsOf(id)).every(({ validation }) => validation === null)).toBe(true);
  });
});

describe("a short training that fails", () => {
  test("drops out, also where it is the last of its rung, and never reaches the front", async () => {
    const { id, first } = await searched();
    const fourth = await trainShort(first, [20, 30, 40]);
    if (fourth === null) throw new Error("no fourth training");
    const { hash } = shortOf(fourth).task;
    expect(await failWith(fourth)).toBeNull();
    const [rung] = await eventsOf(id, "rung.completed");
    expect(rung?.data).toMatchObject({ trained: 3, failed: 1, promoted: 2 });
    expect((await trainingsOf(id)).filter((training) => training.rung === 1)).not.toContainEqual(
      expect.objectContaining({ hash }),
    );
    expect((await frontOf(id)).map((row) => row.hash)).not.toContain(hash);
    expect(await eventsOf(id, "training.failed")).toHaveLength(1);
    expect(await stateOf(id)).toBe("running");
  });

  test("is given up after three runners were lost", async () => {
    const { id, first } = await searched();
    for (let lost = 0; lost < 3; lost++) {
      await env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?")
        .bind(first.task.trainingId)
        .run();
      const lease = shortOf(await leaseOf(admin, await registerRunner(admin), id));
      expect(lease.task.trainingId === first.task.trainingId).toBe(lost < 2);
    }
    const trainings = await trainingsOf(id);
    expect(trainings.find((training) => training.id === first.task.trainingId)?.state).toBe("failed");
  });

  test("leaves the order of shared weights where all of them fail, and says so", async () => {
    const { id, first } = await searched();
    const before = await frontOf(id);
    let lease: LeasedTask | null = first;
    for (let failed = 0; failed < 4; failed++) {
      await failWith(shortOf(lease));
      lease = await leaseOf(admin, runnerId, id);
    }
    expect(await eventsOf(id, "front.reranked")).toMatchObject([{ data: { reason: "failed", trained: 0 } }]);
    expect(lease?.task).toMatchObject({ kind: "finalTraining", hash: first.task.hash });
    expect(await frontOf(id)).toEqual(before);
  });
});

describe("a search that is told to stop while its archive is ordered", () => {
  test("promotes nothing once it is cancelled, and keeps what it has", async () => {
    const { id, first } = await searched();
    const fourth = shortOf(await trainShort(first, [20, 30, 40]));
    await ok(admin(`/v1/searches/${id}/cancel`, { method: "POST" }));
    const beat = { body: { leaseId: fourth.leaseId } };
    expect(await ok(admin(`/v1/tasks/${fourth.task.taskId}/heartbeat`, beat))).toMatchObject({ stop: true });
    expect(await problemOf(report(admin, fourth.task, shortReportFor(fourth, 50)))).toBe("409 lease-lost");
    expect((await trainingsOf(id)).map(({ state }) => state)).toEqual([
      "completed",
      "completed",
      "completed",
      "cancelled",
    ]);
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
    expect(await stateOf(id)).toBe("cancelled");
    expect(await eventsOf(id, "rung.completed")).toEqual([]);
  });

  test("keeps the report that ends a rung while it is paused, and goes on when it is resumed", async () => {
    const { id, first } = await searched();
    const fourth = shortOf(await trainShort(first, [20, 30, 40]));
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    expect(await answer(fourth, shortReportFor(fourth, 50))).toBeNull();
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
    await ok(admin(`/v1/searches/${id}/resume`, { method: "POST" }));
    expect(shortOf(await leaseOf(admin, runnerId, id)).task.recipe.steps).toBe(9);
  });

  test("leaves nothing behind when it is deleted", async () => {
    const { id, first } = await searched();
    expect((await admin(`/v1/searches/${id}`, { method: "DELETE" })).status).toBe(204);
    expect(await problemOf(report(admin, first.task, shortReportFor(first, 50)))).toBe("409 lease-lost");
  });
});

describe("a budget that is spent", () => {
  test("by short trainings is told of with the one that reaches a share of it", async () => {
    const { id, first } = await searched({ budget: { gpuHours: 1 } });
    const next = shortOf(await answer(first, shortReportFor(first, 60, 1900)));
    expect(await eventsOf(id, "budget.threshold")).toMatchObject([
      { data: { budget: "gpuHours", percent: 50, limit: 1 } },
    ]);
    await answer(next, shortReportFor(next, 61, 1900));
    const percents = (await eventsOf(id, "budget.threshold")).map(({ data }) => data.percent);
    expect(percents).toEqual([50, 80, 100]);
  });

  test("in the middle of a rung ends the order with what was trained, and stops the others", async () => {
    const { id, first } = await searched({ budget: { gpuHours: 1 } });
    const second = shortOf(await trainShort(first, [20]));
    const other = shortOf(await leaseOf(admin, otherId, id));
    const final = await answer(second, shortReportFor(second, 30, 3600));
    if (final?.task.kind !== "finalTraining") throw new Error("no final training came");
    expect(final.task.validation).toBeUndefined();
    expect([first.task.hash, second.task.hash]).toContain(final.task.hash);
    expect(await eventsOf(id, "front.reranked")).toMatchObject([{ data: { reason: "budget", trained: 2 } }]);
    const beat = { body: { leaseId: other.leaseId } };
    expect(await ok(admin(`/v1/tasks/${other.task.taskId}/heartbeat`, beat))).toMatchObject({ stop: true });
    expect(await problemOf(report(admin, other.task, shortReportFor(other, 50)))).toBe("409 lease-lost");
    expect((await trainingsOf(id)).filter(({ state }) => state === "cancelled")).toHaveLength(2);
    await answer(final, trainingReportFor(final));
    expect(await stateOf(id)).toBe("completed");
  });

  test("before the rounds end trains nothing short, and says so", async () => {
    const id = await createSearch(admin, { ...wider, budget: { wallClockHours: 1 } });
    const lease = await leaseOf(admin, runnerId, id);
    await env.DB.prepare("UPDATE searches SET started_at = 1 WHERE id = ?").bind(id).run();
    await finishRounds(admin, lease);
    expect((await trainingsOf(id)).filter(({ purpose }) => purpose === "rerank")).toEqual([]);
    expect(await eventsOf(id, "reranking.skipped")).toMatchObject([{ data: { reason: "budget" } }]);
  });
});
