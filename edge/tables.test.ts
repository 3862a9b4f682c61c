/** Pushed tables and searches on them through the API: what is refused and why, what is counted, what is shown. */

import { beforeAll, describe, expect, test } from "vitest";
import type { LeasedTask, TabularTask } from "../shared/protocol.ts";
import { maxTableBytes, shardBytes, type TableHeader } from "../shared/pushedDataset.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { hex } from "./ids.ts";
import {
  type Caller,
  callerWith,
  leaseOf,
  ok,
  problemOf,
  registerRunner,
  report,
  tokenWith,
} from "./testEdge.ts";

const ROWS = 81;

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
  await push("table");
  await pushImages("images");
});

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  hex(await crypto.subtle.digest("SHA-256", bytes));

async function someTable(name: string): Promise<{ header: TableHeader; bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = new Uint8Array(new TextEncoder().encode(`arch,accuracy\n${name}`));
  const sum = await sha256(bytes);
  const header: TableHeader = {
    kind: "table",
    name,
    columns: ["arch", "accuracy", "milliseconds", "twice", "twice"],
    rows: ROWS,
    bytes: bytes.length,
    digest: sum,
    shards: [{ bytes: bytes.length, sha256: sum }],
  };
  return { header, bytes };
}

async function send(
  header: { name: string; [key: string]: unknown },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await ok(admin("/v1/datasets", { body: header }));
  await admin(`/v1/datasets/${header.name}/shards/1`, { method: "PUT", body: bytes });
  await ok(admin(`/v1/datasets/${header.name}/complete`, { method: "POST" }));
}

async function push(name: string): Promise<TableHeader> {
  const { header, bytes } = await someTable(name);
  await send(header, bytes);
  return header;
}

async function pushImages(name: string): Promise<void> {
  const bytes = new Uint8Array(5 * 17);
  const sum = await sha256(bytes);
  const shards = [{ bytes: bytes.length, sha256: sum }];
  const counts = { train: [2, 1], test: [1, 1] };
  const image = { height: 4, width: 4, channels: 1 };
  await send(
    { name, image, classNames: ["a", "b"], counts, mean: [0], std: [1], digest: sum, shards },
    bytes,
  );
}

const evaluation = {
  kind: "tabular" as const,
  table: "table",
  architecture: "arch",
  reward: "accuracy",
  costs: { latency: "milliseconds" },
};
const tabular: SpecificationInput = {
  name: "tabular",
  space: { positions: 4, operations: ["a", "b", "c"] },
  evaluation,
  objectives: [
    { name: "accuracy", goal: "maximize" },
    { name: "latency", goal: "minimize" },
  ],
  budget: { evaluations: 25 },
};
const create = (change: Partial<SpecificationInput> = {}) =>
  ok<{ id: string }>(admin("/v1/searches", { body: { ...tabular, ...change } }));

describe("a pushed table", () => {
  test("is listed with its rows and columns, apart from images, and read back as it was sent", async () => {
    const { data } = await ok<{ data: object[] }>(admin("/v1/datasets"));
    expect(data).toContainEqual(
      expect.objectContaining({ kind: "table", name: "table", rows: ROWS, columns: 5, state: "complete" }),
    );
    expect(data).toContainEqual(expect.objectContaining({ kind: "images", name: "images", classes: 2 }));
    const { header } = await someTable("table");
    expect(await ok(admin("/v1/datasets/table"))).toMatchObject({
      ...header,
      state: "complete",
      missing: [],
    });
  });

  test.each<[string, Partial<TableHeader>, string, string]>([
    ["shards that do not add up", { bytes: 1 }, "422 validation", "/shards"],
    ["one column", { columns: ["arch"] }, "422 validation", "/columns"],
    ["no rows", { rows: 0 }, "422 validation", "/rows"],
    ["the name of built-in images", { name: "cifar10" }, "422 validation", "/name"],
    [
      "more bytes than a runner can keep",
      { bytes: maxTableBytes + 1, shards: [{ bytes: shardBytes, sha256: "0".repeat(64) }] },
      "413 too-large",
      `at most ${maxTableBytes} bytes`,
    ],
  ])("with %s is refused with what to correct", async (_, change, problem, named) => {
    const { header } = await someTable("refused");
    const response = await admin("/v1/datasets", { body: { ...header, ...change } });
    const text = await response.clone().text();
    expect(await problemOf(Promise.resolve(response))).toBe(problem);
    expect(text).toContain(named);
  });

  test("is not deleted while a search on it is not over", async () => {
    await push("held");
    const { id } = await create({ evaluation: { ...evaluation, table: "held" } });
    const remove = () => admin("/v1/datasets/held", { method: "DELETE" });
    expect(await problemOf(remove())).toBe("409 dataset-in-use");
    await ok(admin(`/v1/searches/${id}/cancel`, { method: "POST" }));
    expect((await remove()).status).toBe(204);
  });
});

describe("a search on a table is refused by field", () => {
  const refusals: [string, Partial<SpecificationInput>, string, RegExp][] = [
    [
      "where nobody pushed the table",
      { evaluation: { ...evaluation, table: "tabel" } },
      "/evaluation/table",
      /no table "tabel" \(did you mean "table"\?\); push one with `nasturtium data push TABLE.csv --name tabel`/,
    ],
    [
      "where the name holds images",
      { evaluation: { ...evaluation, table: "images" } },
      "/evaluation/table",
      /"images" holds images, not a table; .*dataset: \{ name: images \}/,
    ],
    [
      "where a table is named as images to train on",
      {
        evaluation: { kind: "supernet" },
        space: "tnd-nas",
        objectives: undefined,
        dataset: { name: "table" },
      },
      "/dataset/name",
      /"table" is a table, not images; .*kind: tabular, table: table/,
    ],
    [
      "without the column of the architectures",
      { evaluation: { ...evaluation, architecture: "arhc" } },
      "/evaluation/architecture",
      /no column "arhc"\. Did you mean "arch"\?/,
    ],
    [
      "without the column of the reward",
      { evaluation: { ...evaluation, reward: "acuracy" } },
      "/evaluation/reward",
      /no column "acuracy"\. Did you mean "accuracy"\?/,
    ],
    [
      "without the column of a cost",
      { evaluation: { ...evaluation, costs: { latency: "millisecond" } } },
      "/evaluation/costs/latency",
      /Did you mean "milliseconds"\?/,
    ],
    [
      "where two columns have the name",
      { evaluation: { ...evaluation, reward: "twice" } },
      "/evaluation/reward",
      /two columns "twice"/,
    ],
    [
      "where an objective has no column",
      { evaluation: { ...evaluation, costs: {} } },
      "/objectives/1",
      /no column has the values of "latency"; add evaluation.costs: \{ latency: COLUMN \}/,
    ],
    [
      "where accuracy has a cost's column",
      { evaluation: { ...evaluation, costs: { latency: "milliseconds", accuracy: "accuracy" } } },
      "/evaluation/costs/accuracy",
      /evaluation\.reward/,
    ],
    ["without a number of evaluations", { budget: {} }, "/budget/evaluations", /81 at most/],
    [
      "with more evaluations than rows",
      { budget: { evaluations: 82 } },
      "/budget/evaluations",
      /the table has 81 rows/,
    ],
    [
      "where less accuracy is wanted",
      { objectives: [{ name: "accuracy", goal: "minimize" }] },
      "/objectives/0/goal",
      /set goal: maximize/,
    ],
    [
      "in a space that names an operation twice",
      { space: { positions: 4, operations: ["a", "a"] } },
      "/space",
      /listed twice/,
    ],
    [
      "by training in a space of positions",
      { evaluation: { kind: "supernet" }, objectives: undefined },
      "/space",
      /no networks to train: set evaluation: \{ kind: tabular/,
    ],
  ];
  test.each(refusals)("%s", async (_, change, pointer, detail) => {
    for (const address of ["/v1/searches", "/v1/profiles"]) {
      const response = await admin(address, { body: { ...tabular, ...change } });
      expect(response.status).toBe(422);
      const { errors } = (await response.json()) as { errors: { pointer: string; detail: string }[] };
      expect(errors).toEqual([{ pointer, detail: expect.stringMatching(detail) }]);
    }
  });

  test("and so is a change of its budget to more than there is, or to none", async () => {
    const { id } = await create();
    for (const budget of [{}, { evaluations: 82 }]) {
      const call = { method: "PATCH", body: { budget }, headers: { "if-match": "*" } };
      const response = await admin(`/v1/searches/${id}`, call);
      expect([response.status, await response.text()]).toEqual([
        422,
        expect.stringContaining("/budget/evaluations"),
      ]);
    }
  });
});

async function leaseTable(searchId: string): Promise<LeasedTask & { task: TabularTask }> {
  const lease = await leaseOf(admin, runnerId, searchId);
  if (lease?.task.kind !== "tabular") throw new Error("no round on a table was leased");
  return { ...lease, task: lease.task };
}

const reportFor = ({ leaseId, task }: LeasedTask & { task: TabularTask }) => ({
  kind: "tabular",
  leaseId,
  measurements: task.candidates.map((_, candidate) => ({
    candidate,
    values: { accuracy: 0.5 + candidate / 100, latency: 1 + candidate },
    images: 0,
    loss: null,
  })),
  digest: `d${task.round}`,
  seconds: { train: 0, evaluate: 0.01, idle: 0 },
});

/** Reports rounds to the end of a search; how many there were. */
async function finish(searchId: string): Promise<number> {
  let current: LeasedTask | null = await leaseTable(searchId);
  let rounds = 0;
  for (; current?.task.kind === "tabular"; rounds++) {
    const body = reportFor({ ...current, task: current.task });
    current = (await ok<{ next: LeasedTask | null }>(report(admin, current.task, body))).next;
  }
  return rounds;
}

describe("a search on a table", () => {
  test("is profiled by its architectures, rounds and evaluations, without a network to count", async () => {
    expect(await ok(admin("/v1/profiles", { body: tabular }))).toEqual({
      objectives: { accuracy: { unit: null, cost: "table" }, latency: { unit: null, cost: "table" } },
      ranges: {},
      architectures: 81,
      steps: 0,
      rounds: 3,
      evaluations: 25,
      tuningSteps: 0,
      reranking: { trainings: 0, steps: 0 },
      estimate: null,
    });
  });

  test("may have any objectives with either goal, a device's among them", async () => {
    const objectives: SpecificationInput["objectives"] = [
      { name: "accuracy", goal: "maximize", target: 400 },
      { name: "throughput", device: "phone", goal: "maximize" },
      { name: "parameters", goal: "maximize" },
    ];
    const costs = { "throughput.phone": "milliseconds", parameters: "milliseconds" };
    const { id } = await create({ objectives, evaluation: { ...evaluation, costs } });
    expect((await leaseTable(id)).task.columns).toEqual({
      accuracy: "accuracy",
      "throughput.phone": "milliseconds",
      parameters: "milliseconds",
    });
  });

  test("gives its table to the runner that holds its lease", async () => {
    const { header, bytes } = await someTable("table");
    const { task, leaseId } = await leaseTable((await create()).id);
    const path = `/v1/tasks/${task.taskId}/dataset`;
    expect(await ok(admin(`${path}?leaseId=${leaseId}`))).toEqual(header);
    const shard = await admin(`${path}/shards/1?leaseId=${leaseId}`);
    expect(new Uint8Array(await shard.arrayBuffer())).toEqual(bytes);
    expect(await problemOf(admin(`${path}?leaseId=guess`))).toBe("409 lease-lost");
  });

  test("ends by its evaluations without a training; its architectures have no counts and cannot be trained", async () => {
    const { id } = await create();
    expect(await finish(id)).toBe(3);
    expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({
      state: "completed",
      progress: { round: 3, rounds: 3, evaluations: 25 },
    });
    const { data } = await ok<{ data: { hash: string; text: string }[] }>(admin(`/v1/searches/${id}/front`));
    const { hash, text } = data[0] ?? { hash: "", text: "" };
    expect(text).toMatch(/^[abc], [abc], [abc], [abc]$/);
    expect(await ok(admin(`/v1/searches/${id}/architectures/${hash}`))).toMatchObject({
      hash,
      text,
      counts: null,
      trainings: [],
    });
    const csv = await (await admin(`/v1/searches/${id}/front?format=csv`)).text();
    expect(csv).toContain(`"${text}"\n`);
    expect((await admin(`/v1/searches/${id}/policy`)).status).toBe(200);
    expect(await problemOf(admin(`/v1/searches/${id}/scaled`))).toBe("409 not-trainable");
    expect(await problemOf(admin(`/v1/searches/${id}/trainings`, { body: { hash } }))).toBe(
      "409 not-trainable",
    );
  });

  test("fails at the first report that its table cannot be read", async () => {
    const { id } = await create();
    const { task, leaseId } = await leaseTable(id);
    const message = `row 4, column "accuracy": ${"the value is missing. ".repeat(200)}`;
    await ok(report(admin, task, { kind: "failure", leaseId, message, cause: { kind: "table", step: 0 } }));
    expect(await ok(admin(`/v1/searches/${id}`))).toMatchObject({ state: "failed", failure: message });
    expect(await leaseOf(admin, runnerId, id)).toBeNull();
  });
});
