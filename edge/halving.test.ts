import { beforeAll, describe, expect, test } from "vitest";
import {
  type FinalTrainingTask,
  type LeasedTask,
  protocolHeader,
  protocolVersion,
} from "../shared/protocol.ts";
import { type Specification, type SpecificationInput, specificationSchema } from "../shared/specification.ts";
import { largestUntrained } from "../shared/untrained.ts";
import { startSearch } from "./controller/controller.ts";
import { beginTraining, type Chosen, endTraining } from "./controller/halving.ts";
import { maxAttempts } from "./store/runners.ts";
import {
  type Caller,
  callerWith,
  env,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
  report,
  shortReportFor,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

const asked: SpecificationInput = {
  name: "trained",
  evaluation: {
    kind: "training",
    untrained: { architectures: 0 },
    network: { channels: 4, layers: 3 },
    architectures: 6,
    rungs: [{ steps: 5 }, { steps: 10 }],
    validationFraction: 0.2,
  },
  finalTraining: { preset: "demo", steps: 20, top: 1 },
};
const byTraining = (change: object): SpecificationInput["evaluation"] =>
  ({ ...(asked.evaluation as object), ...change }) as SpecificationInput["evaluation"];

interface Event {
  type: string;
  data: Record<string, unknown>;
}
interface Row {
  hash: string;
  values: Record<string, number>;
  evidence: string;
  onFront: boolean;
  trainingSteps: number | null;
  testAccuracy: number | null;
}
interface Training {
  hash: string;
  purpose: string;
  rung: number | null;
  state: string;
  failure: string | null;
}
interface Search {
  state: string;
  failure: string | null;
  specification: Specification;
  progress: { round: number; rounds: number; evaluations: number; frontSize: number; bestAccuracy: number };
}

type Short = LeasedTask & { task: FinalTrainingTask };

const create = async (change: Partial<SpecificationInput> = {}): Promise<string> =>
  (await ok<{ id: string }>(admin("/v1/searches", { body: { ...asked, ...change } }))).id;
const searchOf = (id: string) => ok<Search>(admin(`/v1/searches/${id}`));
async function eventsOf(id: string, type: string): Promise<Event[]> {
  const all: Event[] = [];
  for (let cursor = ""; ; ) {
    const path = `/v1/searches/${id}/events?limit=200${cursor && `&cursor=${cursor}`}`;
    const page = await ok<{ data: Event[]; nextCursor: string | null }>(admin(path));
    all.push(...page.data);
    if (page.nextCursor === null) return all.filter((event) => event.type === type);
    cursor = page.nextCursor;
  }
}
const trainingsOf = async (id: string): Promise<Training[]> =>
  (await ok<{ data: Training[] }>(admin(`/v1/searches/${id}/trainings?limit=100`))).data.toReversed();
const frontOf = async (id: string): Promise<Row[]> =>
  (await ok<{ data: Row[] }>(admin(`/v1/searches/${id}/front`))).data;
const answer = async (lease: LeasedTask, body: unknown): Promise<LeasedTask | null> =>
  (await ok<{ next: LeasedTask | null }>(report(admin, lease.task, body))).next;
const isShort = (lease: LeasedTask | null): lease is Short =>
  lease?.task.kind === "finalTraining" && lease.task.validation !== undefined;

function shortOf(lease: LeasedTask | null): Short {
  if (!isShort(lease)) throw new Error("no short training was leased");
  return lease;
}

/** Follows from the architecture and the length alone. */
const accuracyOf = ({ hash, recipe }: FinalTrainingTask): number =>
  20 + (hash.charCodeAt(0) % 23) + (hash.charCodeAt(1) % 7) + (recipe.steps ?? 0);
const shortReport = (lease: Short) => ({
  ...shortReportFor(lease, accuracyOf(lease.task)),
  steps: lease.task.recipe.steps ?? 0,
});
const fail = (lease: LeasedTask) =>
  answer(lease, {
    kind: "failure",
    leaseId: lease.leaseId,
    message: "the loss is no number",
    cause: { kind: "diverged", step: 3 },
  });

/** Works on a search as one runner until something else than a short training comes. */
async function trainShort(id: string, runner = runnerId): Promise<LeasedTask | null> {
  let lease = await leaseOf(admin, runner, id);
  while (isShort(lease)) lease = await answer(lease, shortReport(lease));
  return lease;
}

describe("a search by training", () => {
  test("ends with a front of trained networks and a final training of the best of them", async () => {
    const id = await create();
    const final = await trainShort(id);
    if (final === null) throw new Error("no final training came");
    expect(final.task).toMatchObject({ kind: "finalTraining", recipe: { steps: 20 } });
    const before = await searchOf(id);
    expect(before).toMatchObject({ state: "running", progress: { evaluations: before.progress.round } });
    expect(before.progress.rounds).toBe(Math.max(6 + 3, before.progress.round));
    expect(await answer(final, trainingReportFor(final))).toBeNull();
    expect((await searchOf(id)).state).toBe("completed");

    const trainings = await trainingsOf(id);
    const front = await frontOf(id);
    expect(front.length).toBeGreaterThan(0);
    expect(before.progress.frontSize).toBe(front.length);
    for (const { hash, evidence, trainingSteps, values } of front) {
      const own = trainings.filter((one) => one.hash === hash && one.purpose === "candidate");
      const longest = Math.max(...own.map(({ rung }) => rung ?? 0));
      expect(trainingSteps).toBe([5, 10][longest]);
      expect(evidence).toBe(
        final.task.kind === "finalTraining" && hash === final.task.hash ? "full-training" : "short-training",
      );
      expect(values.parameters).toBeGreaterThan(0);
    }
    expect(Math.max(...front.map(({ values }) => values.accuracy ?? 0))).toBe(before.progress.bestAccuracy);
    expect(await eventsOf(id, "search.started")).toHaveLength(1);
    const rounds = await ok<{ data: { round: number; seconds: object }[] }>(
      admin(`/v1/searches/${id}/rounds?limit=100`),
    );
    expect(rounds.data.map(({ round }) => round)).toEqual([...rounds.data.keys()]);
    expect(rounds.data).toHaveLength(before.progress.round);
    for (const view of ["points", "series", "timeline", "policy", "policy/history", "events", "scaled"])
      expect([view, (await admin(`/v1/searches/${id}/${view}`)).status]).toEqual([view, 200]);
    expect((await admin(`/v1/searches/${id}/architectures/${front[0]?.hash}`)).status).toBe(200);
    const across = await ok<{ data: { hash: string }[] }>(
      admin("/v1/fronts?dataset=fashion-mnist&limit=200"),
    );
    expect(across.data.map(({ hash }) => hash)).toEqual(
      expect.arrayContaining(front.map(({ hash }) => hash)),
    );
    const candidates = await ok<{ data: { hash: string }[] }>(
      admin(`/v1/searches/${id}/candidates?limit=100`),
    );
    expect(candidates.data).toHaveLength(rounds.data.length);
  });

  test("finds the same with the same seed and one runner", async () => {
    const found: unknown[] = [];
    for (let run = 0; run < 2; run++) {
      const id = await create({ seed: 7 });
      await trainShort(id);
      found.push(
        [
          await frontOf(id),
          (await trainingsOf(id)).map(({ hash, rung, purpose }) => [hash, rung, purpose]),
        ].map((part) => JSON.stringify(part)),
      );
    }
    expect(found[0]).toEqual(found[1]);
  });

  test("keeps 8 runners at work at once, and no architecture is trained twice on a rung", async () => {
    const id = await create({
      strategy: { name: "regularized-evolution" },
      evaluation: byTraining({ architectures: 12, rungs: [{ steps: 5 }, { steps: 10 }, { steps: 20 }] }),
    });
    const runners = await Promise.all(Array.from({ length: 8 }, () => registerRunner(admin)));
    const first = await Promise.all(runners.map((runner) => leaseOf(admin, runner, id)));
    expect(first.filter(isShort)).toHaveLength(8);
    let done = 0;
    const work = async (runner: string, begun: LeasedTask | null) => {
      let lease = begun;
      for (let idle = 0; idle < 50; ) {
        if (isShort(lease)) {
          done++;
          lease = await answer(lease, shortReport(lease));
        } else if (lease !== null) return;
        else {
          idle++;
          if ((await trainingsOf(id)).some(({ purpose }) => purpose === "final")) return;
          lease = await leaseOf(admin, runner, id);
        }
      }
    };
    await Promise.all(runners.map((runner, index) => work(runner, first[index] ?? null)));
    const trainings = (await trainingsOf(id)).filter(({ purpose }) => purpose === "candidate");
    expect(trainings.every(({ state }) => state === "completed")).toBe(true);
    expect(done).toBe(trainings.length);
    expect(new Set(trainings.map(({ hash, rung }) => `${hash} ${rung}`)).size).toBe(trainings.length);
    expect(trainings.filter(({ rung }) => rung === 0)).toHaveLength(12);
    await assertReplayed(id);
  });

  test("has no more in training than it is told to, and tells others that there is nothing to do", async () => {
    const id = await create({ evaluation: byTraining({ parallel: 1 }) });
    const other = await registerRunner(admin);
    const first = shortOf(await leaseOf(admin, runnerId, id));
    expect(await leaseOf(admin, other, id)).toBeNull();
    expect(isShort(await answer(first, shortReport(first)))).toBe(true);
    expect(await leaseOf(admin, other, id)).toBeNull();
  });

  test("gives a lost training to another runner before anything new, and the one that lost it nothing for it", async () => {
    const id = await create();
    const lost = shortOf(await leaseOf(admin, runnerId, id));
    await env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?")
      .bind(lost.task.trainingId)
      .run();
    const other = await registerRunner(admin);
    const again = shortOf(await leaseOf(admin, other, id));
    expect(again.task).toEqual(lost.task);
    expect(await problemOf(report(admin, lost.task, shortReport(lost)))).toBe("409 lease-lost");
    expect(isShort(await answer(again, shortReport(again)))).toBe(true);
    // The same report again, as its answer may have been lost.
    expect(await answer(again, shortReport(again))).toBeNull();
    expect((await searchOf(id)).progress.round).toBe(1);
  });

  test("leaves out an architecture that diverges, with its reason, and goes on", async () => {
    const id = await create();
    const first = shortOf(await leaseOf(admin, runnerId, id));
    expect(await fail(first)).toBeNull();
    const final = await trainShort(id);
    expect(final?.task).toMatchObject({ kind: "finalTraining" });
    const failed = (await trainingsOf(id)).filter(({ state }) => state === "failed");
    expect(failed).toMatchObject([{ hash: first.task.hash, failure: "the loss is no number" }]);
    expect((await frontOf(id)).map(({ hash }) => hash)).not.toContain(first.task.hash);
    expect(await eventsOf(id, "training.failed")).toMatchObject([{ data: { hash: first.task.hash } }]);
  });

  test("fails where not one architecture can be trained, and says why", async () => {
    const id = await create();
    for (;;) {
      const lease = await leaseOf(admin, runnerId, id);
      if (!isShort(lease)) break;
      await fail(lease);
    }
    expect(await searchOf(id)).toMatchObject({
      state: "failed",
      failure: "not one of 6 architectures could be trained; see the events training.failed",
    });
  });

  test("stops what is open once its budget is spent, and trains the best that it has", async () => {
    const id = await create({ budget: { gpuHours: 1 } });
    const other = await registerRunner(admin);
    const first = shortOf(await leaseOf(admin, runnerId, id));
    const second = shortOf(await leaseOf(admin, other, id));
    const final = await answer(first, { ...shortReport(first), seconds: 3600 });
    expect(final?.task).toMatchObject({ hash: first.task.hash, recipe: { steps: 20 } });
    const beat = { body: { leaseId: second.leaseId } };
    expect(await ok(admin(`/v1/tasks/${second.task.taskId}/heartbeat`, beat))).toMatchObject({ stop: true });
    expect(await problemOf(report(admin, second.task, shortReport(second)))).toBe("409 lease-lost");
    expect(await eventsOf(id, "budget.threshold")).toHaveLength(3);
  });

  test("trains no more often than budget.evaluations", async () => {
    const id = await create({ budget: { evaluations: 4 } });
    await trainShort(id);
    expect((await trainingsOf(id)).filter(({ purpose }) => purpose === "candidate")).toHaveLength(4);
  });

  test("takes reports and begins nothing while it is paused, and nothing at all once it is cancelled", async () => {
    const id = await create();
    const first = shortOf(await leaseOf(admin, runnerId, id));
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    expect(await answer(first, shortReport(first))).toBeNull();
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
    await ok(admin(`/v1/searches/${id}/resume`, { method: "POST" }));
    const second = shortOf(await leaseOf(admin, runnerId, id));
    await ok(admin(`/v1/searches/${id}/cancel`, { method: "POST" }));
    expect(await problemOf(report(admin, second.task, shortReport(second)))).toBe("409 lease-lost");
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
  });

  test("is archived in its middle, and goes on where it is taken in as it would have gone on", async () => {
    const id = await create();
    const first = shortOf(await leaseOf(admin, runnerId, id));
    const second = shortOf(await answer(first, shortReport(first)));
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    await ok(admin(`/v1/tasks/${second.task.taskId}/release`, { body: { leaseId: second.leaseId } }));
    const archive = new Uint8Array(await (await admin(`/v1/searches/${id}/archive`)).arrayBuffer());
    const begun = await ok<{ id: string }>(admin("/v1/imports", { body: { bytes: archive.length } }));
    await admin(`/v1/imports/${begun.id}/parts/1`, { method: "PUT", body: archive });
    const taken = await ok<{ id: string }>(admin(`/v1/imports/${begun.id}/complete`, { method: "POST" }));
    await ok(admin(`/v1/searches/${taken.id}/resume`, { method: "POST" }));
    expect(shortOf(await leaseOf(admin, runnerId, taken.id)).task.hash).toBe(second.task.hash);
    const final = await trainShort(taken.id);
    expect(final?.task).toMatchObject({ recipe: { steps: 20 } });
  });
});

/** Folds what was recorded of a search again: each choice must come out as it was. */
async function assertReplayed(id: string): Promise<void> {
  const specification = specificationSchema.parse((await searchOf(id)).specification);
  const chosen = (await eventsOf(id, "candidate.chosen")).map(({ data }) => data as unknown as Chosen);
  const { results: ends } = await env.DB.prepare(
    `SELECT t.hash, t.report, t.failure FROM rounds r JOIN trainings t ON t.id = r.task ->> '$.trainingId'
     WHERE r.search_id = ? ORDER BY r.round`,
  )
    .bind(id)
    .all<{ hash: string; report: string }>();
  let state = startSearch(specification, id);
  let ended = 0;
  for (const recorded of chosen.toSorted((a, b) => a.number - b.number)) {
    for (; ended < recorded.ended; ended++) {
      const { hash, report: text } = ends[ended] ?? { hash: "", report: "{}" };
      const {
        validationAccuracy: accuracy,
        validationLoss: loss,
        images,
        trainLoss,
        steps,
      } = JSON.parse(text);
      const result = { accuracy, loss, images, trainLoss, steps };
      state = endTraining(state, specification, { hash, result }).state;
    }
    const begun = beginTraining(state, specification);
    const { selection: _, ...again } = begun.chosen ?? { selection: {} };
    expect(recorded).toMatchObject(again);
    state = begun.state;
  }
  expect(chosen.length).toBe(ends.length);
}

describe("a specification of a search by training", () => {
  const refusals: [string, object, string][] = [
    ["a schedule", { schedule: { preset: "demo-3" } }, "/schedule"],
    ["short trainings on top", { reranking: { enabled: true } }, "/reranking"],
    [
      "rungs that do not grow",
      { evaluation: byTraining({ rungs: [{ steps: 9 }, { steps: 9 }] }) },
      "/evaluation/rungs/1",
    ],
    ["no rung", { evaluation: byTraining({ rungs: [] }) }, "/evaluation/rungs"],
    ["an unlimited number", { evaluation: byTraining({ architectures: 1e6 }) }, "/evaluation/architectures"],
    [
      "what a device measures",
      {
        objectives: [
          { name: "accuracy", goal: "maximize" },
          { name: "latency", device: "phone", goal: "minimize" },
        ],
      },
      "/objectives/1",
    ],
    [
      "a network that cannot be",
      { evaluation: byTraining({ network: { layers: 100 } }) },
      "/evaluation/network/layers",
    ],
  ];
  test.each(refusals)("with %s is refused, and the field named", async (_, change, pointer) => {
    const response = await admin("/v1/searches", { body: { ...asked, ...change } });
    expect(response.status).toBe(422);
    const { errors } = (await response.json()) as { errors: { pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toContain(pointer);
  });

  test("can be sent again as it is given back", async () => {
    const { specification } = await searchOf(await create());
    const again = await ok<{ id: string }>(admin("/v1/searches", { body: specification }));
    expect((await searchOf(again.id)).specification).toEqual(specification);
  });

  test("is profiled with the steps of its trainings", async () => {
    const profile = await ok<Record<string, unknown>>(admin("/v1/profiles", { body: asked }));
    expect(profile).toMatchObject({ steps: 6 * 5 + 3 * 10, rounds: 9, evaluations: 9 });
  });
});

describe("a search by training that scores architectures first", () => {
  const scoring = { evaluation: byTraining({ untrained: { architectures: 16 } }) };
  const today: Caller = (path, call = {}) =>
    admin(path, { ...call, headers: { ...call.headers, [protocolHeader]: String(protocolVersion) } });
  const scoreReport = ({ leaseId, task }: LeasedTask) => ({
    kind: "score",
    leaseId,
    scores: task.kind === "score" ? task.codes.map(() => null) : [],
    measurements: [],
    digest: "d",
    seconds: { train: 0, evaluate: 1, idle: 0 },
  });

  test("has one runner score them, the others wait, and afterwards each trains", async () => {
    const id = await create(scoring);
    const lease = await leaseOf(today, runnerId, id);
    if (lease?.task.kind !== "score") throw new Error("nothing was to be scored");
    expect(lease.task.codes).toHaveLength(16);
    const other = await registerRunner(admin);
    expect(await leaseOf(today, other, id)).toBeNull();
    shortOf(await answer(lease, scoreReport(lease)));
    shortOf(await leaseOf(today, other, id));
    expect(await eventsOf(id, "search.started")).toHaveLength(1);
    await trainShort(id, other);
    await trainShort(id);
    const { progress } = await searchOf(id);
    expect(progress.evaluations).toBe(progress.round - 1);
  });

  test("refuses scores of another number of architectures", async () => {
    const id = await create(scoring);
    const lease = await leaseOf(today, runnerId, id);
    if (lease === null) throw new Error("nothing was to be done");
    const answered = report(admin, lease.task, { ...scoreReport(lease), scores: [null] });
    expect(await problemOf(answered)).toBe("422 validation");
  });

  test("takes the scores of as many as may be asked for in one report", async () => {
    const id = await create({ evaluation: byTraining({ untrained: { architectures: largestUntrained } }) });
    const lease = await leaseOf(today, runnerId, id);
    if (lease?.task.kind !== "score") throw new Error("nothing was to be scored");
    const scores = lease.task.codes.map((_, index) => ({
      expressivity: 123.456 + index / 1000,
      progressivity: -0.0123456,
      trainability: -123.456,
      macs: 123_457_000_000 + index,
      distinctPatterns: 123456,
    }));
    expect(scores).toHaveLength(largestUntrained);
    shortOf(await answer(lease, { ...scoreReport(lease), scores }));
  });

  test("goes without scores where nobody can make them, and says why", async () => {
    const id = await create(scoring);
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const lease = await leaseOf(today, runnerId, id);
      if (lease?.task.kind !== "score") throw new Error("nothing was to be scored");
      await answer(lease, { kind: "failure", leaseId: lease.leaseId, message: "out of memory" });
    }
    shortOf(await leaseOf(today, runnerId, id));
    expect(await eventsOf(id, "scoring.skipped")).toMatchObject([
      { data: { reason: expect.stringContaining("out of memory") } },
    ]);
    expect(await searchOf(id)).toMatchObject({ state: "running", failure: null });
  });

  test("goes without scores where its runner is of before they were", async () => {
    const id = await create(scoring);
    shortOf(await leaseOf(admin, runnerId, id));
  });
});
