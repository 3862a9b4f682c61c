/** Pushed data sets through the API: pushing, resuming, who may read them, and searches on them. */

import { beforeAll, describe, expect, test } from "vitest";
import type { LeasedTask } from "../shared/protocol.ts";
import { type DatasetView, type ImagesHeader, maxDatasetBytes, shardBytes } from "../shared/pushedDataset.ts";
import { hex } from "./ids.ts";
import {
  anonymous,
  type Caller,
  callerWith,
  createSearch,
  env,
  finishRounds,
  leaseRound,
  ok,
  problemOf,
  registerRunner,
  report,
  tinySpecification,
  tokenWith,
  trainingReportFor,
} from "./testEdge.ts";

let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  hex(await crypto.subtle.digest("SHA-256", bytes));

interface Data {
  header: ImagesHeader;
  shards: Uint8Array<ArrayBuffer>[];
}

/** Five 4x4 grey images in two classes, in shards of at most `cutBytes`. */
async function someData(name: string, fill = 1, cutBytes = 40): Promise<Data> {
  const bytes = new Uint8Array(5 * 17).map((_, index) => (index * 7 + fill) % 251);
  const shards: Uint8Array<ArrayBuffer>[] = [];
  for (let from = 0; from < bytes.length; from += cutBytes) shards.push(bytes.slice(from, from + cutBytes));
  const header = {
    kind: "images" as const,
    name,
    image: { height: 4, width: 4, channels: 1 },
    classNames: ["cat", "dog"],
    counts: { train: [2, 1], test: [1, 1] },
    mean: [0.5],
    std: [0.25],
    digest: await sha256(bytes),
    shards: await Promise.all(
      shards.map(async (shard) => ({ bytes: shard.length, sha256: await sha256(shard) })),
    ),
  };
  return { header, shards };
}

const create = (header: ImagesHeader, call = admin) => call("/v1/datasets", { body: header });
const put = (name: string, number: number, body: Uint8Array, call = admin) =>
  call(`/v1/datasets/${name}/shards/${number}`, { method: "PUT", body });
const complete = (name: string, call = admin) => call(`/v1/datasets/${name}/complete`, { method: "POST" });
const read = (name: string, call = admin) => ok<DatasetView>(call(`/v1/datasets/${name}`));
const remove = (name: string) => admin(`/v1/datasets/${name}`, { method: "DELETE" });

async function push(name: string, fill?: number): Promise<Data> {
  const data = await someData(name, fill);
  const { missing } = await ok<DatasetView>(create(data.header));
  for (const number of missing)
    expect((await put(name, number, data.shards[number - 1] as Uint8Array)).status).toBe(204);
  expect(await ok(complete(name))).toMatchObject({ state: "complete", missing: [] });
  return data;
}

const objectsIn = async () => (await env.BUCKET.list({ prefix: "datasets/" })).objects.length;

describe("a push", () => {
  test("is created, uploaded, completed and read back as it was sent", async () => {
    const { header } = await push("birds");
    expect(await read("birds")).toMatchObject({ ...header, bytes: 85, state: "complete" });
    const { data } = await ok<{ data: object[] }>(admin("/v1/datasets"));
    expect(data).toContainEqual(
      expect.objectContaining({ name: "birds", classes: 2, trainImages: 3, testImages: 2, bytes: 85 }),
    );
  });

  test("that stopped in the middle needs only what is missing", async () => {
    const { header, shards } = await someData("halves");
    const created = await create(header);
    expect([created.status, created.headers.get("location")]).toEqual([201, "/v1/datasets/halves"]);
    await put("halves", 2, shards[1] as Uint8Array);
    const again = await create(header);
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ state: "uploading", missing: [1, 3] });
    const early = await complete("halves");
    expect(early.status).toBe(409);
    expect(await early.text()).toContain("2 of 3 shards are missing: 1, 3");
    await put("halves", 1, shards[0] as Uint8Array);
    await put("halves", 3, shards[2] as Uint8Array);
    expect(await ok(complete("halves"))).toMatchObject({ state: "complete" });
  });

  test("of the same data again finds nothing to do", async () => {
    const { header } = await push("twice");
    const again = await create(header);
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ state: "complete", missing: [] });
  });

  test("of other data under a name that is complete is refused, and changes nothing", async () => {
    const { header } = await push("taken", 1);
    const other = await someData("taken", 2);
    expect(await problemOf(create(other.header))).toBe("409 dataset-exists");
    expect((await read("taken")).digest).toBe(header.digest);
  });

  test("that was left unfinished gives way to other data, leaving no object behind", async () => {
    const left = await someData("left", 1);
    await create(left.header);
    await put("left", 1, left.shards[0] as Uint8Array);
    const before = await objectsIn();
    const other = await someData("left", 2);
    expect(await ok(create(other.header))).toMatchObject({ missing: [1, 2, 3] });
    expect(await objectsIn()).toBe(before - 1);
  });

  test("of bytes that are not those of the header is refused and stores nothing", async () => {
    const { header, shards } = await someData("damaged");
    await create(header);
    const wrong = (shards[0] as Uint8Array).map((byte) => byte ^ 1);
    expect(await problemOf(put("damaged", 1, wrong))).toBe("422 checksum-mismatch");
    expect(await problemOf(put("damaged", 1, wrong.subarray(1)))).toBe("422 part-size");
    expect(await problemOf(put("damaged", 9, wrong))).toBe("404 not-found");
    expect((await read("damaged")).missing).toEqual([1, 2, 3]);
  });

  test.each<[string, (header: ImagesHeader) => Partial<ImagesHeader>, string, string]>([
    ["a built-in name", () => ({ name: "cifar10" }), "422 validation", "/name"],
    ["a name that is no slug", () => ({ name: "My Birds" }), "422 validation", "/name"],
    [
      "a class without training images",
      () => ({ counts: { train: [3, 0], test: [1, 1] } }),
      "422 validation",
      "/counts/train",
    ],
    ["two classes of one name", () => ({ classNames: ["a", "a"] }), "422 validation", "/classNames"],
    ["a mean for every channel but one", () => ({ mean: [] }), "422 validation", "/mean"],
    ["shards that do not add up", ({ shards }) => ({ shards: shards.slice(1) }), "422 validation", "/shards"],
    [
      "more than the limit",
      () => ({
        image: { height: 1024, width: 1024, channels: 3 },
        counts: { train: [3000, 3000], test: [1, 1] },
        shards: [{ bytes: shardBytes, sha256: "0".repeat(64) }],
      }),
      "413 too-large",
      `at most ${maxDatasetBytes} bytes`,
    ],
  ])("with %s is refused with what to correct", async (_, change, problem, named) => {
    const { header } = await someData("refused");
    const response = await create({ ...header, ...change(header) });
    const text = await response.clone().text();
    expect(await problemOf(Promise.resolve(response))).toBe(problem);
    expect(text).toContain(named);
  });

  test("needs searches:write, reading needs searches:read, and a runner's token opens neither", async () => {
    const { header } = await push("guarded");
    const reader = callerWith(await tokenWith("searches:read"));
    const runner = callerWith(await tokenWith("runner"));
    for (const [call, status] of [
      [anonymous, "401 unauthorized"],
      [runner, "403 forbidden"],
    ] as const) {
      expect(await problemOf(call("/v1/datasets"))).toBe(status);
      expect(await problemOf(call("/v1/datasets/guarded"))).toBe(status);
    }
    for (const [call, status] of [
      [anonymous, "401 unauthorized"],
      [runner, "403 forbidden"],
      [reader, "403 forbidden"],
    ] as const) {
      expect(await problemOf(create(header, call))).toBe(status);
      expect(await problemOf(put("guarded", 1, Uint8Array.of(1), call))).toBe(status);
      expect(await problemOf(complete("guarded", call))).toBe(status);
      expect(await problemOf(call("/v1/datasets/guarded", { method: "DELETE" }))).toBe(status);
    }
    expect((await read("guarded", reader)).name).toBe("guarded");
    const writer = callerWith(await tokenWith("searches:write"));
    expect((await create(header, writer)).status).toBe(200);
  });
});

const onData = (name: string) => createSearch(admin, { dataset: { name } });
const cancel = (searchId: string) => ok(admin(`/v1/searches/${searchId}/cancel`, { method: "POST" }));

describe("a search on pushed data", () => {
  test("is refused for a name that nobody pushed, and for one whose shards are missing, saying how to push", async () => {
    const { header } = await someData("started");
    await create(header);
    for (const name of ["nowhere", "started"]) {
      const body = { ...tinySpecification, dataset: { name } };
      for (const path of ["/v1/searches", "/v1/profiles"]) {
        const response = await admin(path, { body });
        expect(response.status).toBe(422);
        const { errors } = (await response.json()) as { errors: { pointer: string; detail: string }[] };
        expect(errors).toEqual([
          {
            pointer: "/dataset/name",
            detail: expect.stringContaining(`push it with \`nasturtium data push DIR --name ${name}\``),
          },
        ]);
      }
    }
  });

  test("is refused for a mistyped name with the one that was meant", async () => {
    await push("songbirds");
    const response = await admin("/v1/searches", {
      body: { ...tinySpecification, dataset: { name: "songbrids" } },
    });
    expect(await response.text()).toContain('did you mean \\"songbirds\\"?');
  });

  test("is counted with the classes and the channels of the data, and is shown as it was sent", async () => {
    await push("counted");
    const profileOf = (name: string) =>
      ok<{ ranges: Record<string, { minimum: number }> }>(
        admin("/v1/profiles", { body: { ...tinySpecification, dataset: { name } } }),
      );
    const [own, fashion] = [await profileOf("counted"), await profileOf("fashion-mnist")];
    expect(own.ranges.parameters?.minimum).toBeLessThan(fashion.ranges.parameters?.minimum as number);
    expect(own.ranges.macs?.minimum).toBeLessThan(fashion.ranges.macs?.minimum as number);
    const searchId = await onData("counted");
    const search = await ok<{ specification: { dataset: object } }>(admin(`/v1/searches/${searchId}`));
    expect(search.specification.dataset).toEqual({ name: "counted" });
    await cancel(searchId);
  });

  test("gives its data to the runner that holds its lease, byte for byte, and to no other", async () => {
    const data = await push("leased");
    await push("foreign", 3);
    const searchId = await onData("leased");
    const runner = callerWith(await tokenWith("runner"));
    const { task, leaseId } = await leaseRound(runner, runnerId, searchId);
    expect(task.stage.dataset).toBe("leased");
    const path = `/v1/tasks/${task.taskId}/dataset`;
    expect(await ok(runner(`${path}?leaseId=${leaseId}`))).toEqual(data.header);
    for (const [index, shard] of data.shards.entries()) {
      const response = await runner(`${path}/shards/${index + 1}?leaseId=${leaseId}`);
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(shard);
    }
    const other = await leaseRound(runner, await registerRunner(admin), await onData("foreign"));
    for (const rest of ["", "/shards/1"]) {
      expect(await problemOf(runner(`${path}${rest}`))).toBe("422 validation");
      expect(await problemOf(runner(`${path}${rest}?leaseId=guess`))).toBe("409 lease-lost");
      expect(await problemOf(runner(`${path}${rest}?leaseId=${other.leaseId}`))).toBe("409 lease-lost");
      expect(await problemOf(anonymous(`${path}${rest}?leaseId=${leaseId}`))).toBe("401 unauthorized");
      const reader = callerWith(await tokenWith("searches:write"));
      expect(await problemOf(reader(`${path}${rest}?leaseId=${leaseId}`))).toBe("403 forbidden");
    }
    await ok(runner(`/v1/tasks/${task.taskId}/release`, { body: { leaseId } }));
    expect(await problemOf(runner(`${path}/shards/1?leaseId=${leaseId}`))).toBe("409 lease-lost");
    await cancel(searchId);
    await cancel(other.task.searchId);
  });

  test("of built-in data has none to fetch", async () => {
    const { task, leaseId } = await leaseRound(admin, runnerId, await createSearch(admin));
    expect(await problemOf(admin(`/v1/tasks/${task.taskId}/dataset?leaseId=${leaseId}`))).toBe(
      "404 not-found",
    );
  });

  test("keeps its data from being deleted until it is over; then a training on them is refused", async () => {
    await push("held");
    const searchId = await onData("held");
    expect(await problemOf(remove("held"))).toBe("409 dataset-in-use");
    const lease = await leaseRound(admin, runnerId, searchId);
    const training = (await finishRounds(admin, lease)) as LeasedTask;
    expect(training.task).toMatchObject({ kind: "finalTraining", dataset: "held" });
    expect(
      await ok(admin(`/v1/tasks/${training.task.taskId}/dataset?leaseId=${training.leaseId}`)),
    ).toMatchObject({ name: "held" });
    expect(await problemOf(remove("held"))).toBe("409 dataset-in-use");
    await ok(report(admin, training.task, trainingReportFor(training)));

    const { hash } = training.task as { hash: string };
    const further = await ok<{ id: string }>(admin(`/v1/searches/${searchId}/trainings`, { body: { hash } }));
    expect(further.id).toBeTruthy();
    expect(await problemOf(remove("held"))).toBe("409 dataset-in-use");
    const open = await ok<{ lease: LeasedTask }>(admin("/v1/tasks/lease", { body: { runnerId, searchId } }));
    await ok(report(admin, open.lease.task, trainingReportFor(open.lease)));

    const before = await objectsIn();
    expect((await remove("held")).status).toBe(204);
    expect(await objectsIn()).toBe(before - 3);
    expect(await problemOf(admin("/v1/datasets/held"))).toBe("404 not-found");
    expect(await ok(admin(`/v1/searches/${searchId}`))).toMatchObject({ state: "completed" });
    expect(await problemOf(admin(`/v1/searches/${searchId}/trainings`, { body: { hash } }))).toBe(
      "409 dataset-gone",
    );
    await push("held", 5);
    expect(await problemOf(admin(`/v1/searches/${searchId}/trainings`, { body: { hash } }))).toBe(
      "409 dataset-gone",
    );
  });
});

test("a list of data sets goes on where the page before ended", async () => {
  for (const name of ["page-a", "page-b", "page-c"]) await create((await someData(name)).header);
  const names: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: { data: { name: string }[]; nextCursor: string | null } = await ok(
      admin(`/v1/datasets?limit=2${query}`),
    );
    names.push(...page.data.map(({ name }) => name));
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(names.filter((name) => name.startsWith("page-"))).toEqual(["page-a", "page-b", "page-c"]);
  expect(new Set(names).size).toBe(names.length);
});
