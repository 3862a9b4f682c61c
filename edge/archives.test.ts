/** Archives of whole searches through the API: what comes back after an import, and what is refused without a trace. */

import { beforeAll, describe, expect, test } from "vitest";
import { type LeasedTask, partBytes, protocolHeader, protocolVersion } from "../shared/protocol.ts";
import { maxFileBytes, maxRowBytes } from "../shared/searchArchive.ts";
import { readTarHeader, tarBlockBytes, tarEnd, tarHeader, tarPadding } from "../shared/tar.ts";
import { hex } from "./ids.ts";
import app from "./index.ts";
import { metered, noUsage } from "./metering.ts";
import {
  anonymous,
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
import { realPlatform } from "./webhooks/deliver.ts";
import { sweep } from "./webhooks/sweep.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Files = [name: string, bytes: Bytes][];

interface ImportedSearch {
  id: string;
  state: string;
  importedFrom: string;
  missingData: string | null;
}

const dayMs = 86_400_000;
let admin: Caller;
let runnerId: string;

beforeAll(async () => {
  admin = callerWith(await tokenWith("admin"));
  runnerId = await registerRunner(admin);
});

const sha256 = async (bytes: Bytes): Promise<string> => hex(await crypto.subtle.digest("SHA-256", bytes));
const bytesOf = (text: string): Bytes => Uint8Array.from(new TextEncoder().encode(text));
const textOf = (bytes: Bytes): string => new TextDecoder().decode(bytes);
const read = async (path: string, call = admin): Promise<Bytes> => {
  const response = await call(path);
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
};

async function upload(lease: LeasedTask, bytes: Bytes, change: Record<string, unknown>): Promise<string> {
  const { leaseId, task } = lease;
  const body = { leaseId, searchId: task.searchId, fileName: "f", bytes: bytes.length, ...change };
  const { blobId } = await ok<{ blobId: string }>(admin("/v1/blobs", { body }));
  await admin(`/v1/blobs/${blobId}/parts/1`, { method: "PUT", body: bytes });
  await ok(admin(`/v1/blobs/${blobId}/complete`, { body: { leaseId, sha256: await sha256(bytes) } }));
  return blobId;
}

const model = bytesOf("a model of some bytes");
const weights = new Uint8Array(70_000).map((_, index) => index % 251);

/** A search with its final training and an export. */
async function finishedSearch(): Promise<string> {
  const id = await createSearch(admin);
  const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
  if (lease?.task.kind !== "finalTraining") throw new Error("no final training came");
  const { trainingId } = lease.task;
  const tfjs = await upload(lease, model, { trainingId, purpose: "export", format: "tfjs" });
  await ok(report(admin, lease.task, trainingReportFor(lease, { tfjs })));
  return id;
}

/** A search that was paused after two rounds, its checkpoint stored. */
async function pausedSearch(change = {}): Promise<string> {
  const id = await createSearch(admin, change);
  const first = await leaseRound(admin, runnerId, id);
  const { next } = await ok<{ next: LeasedTask | null }>(report(admin, first.task, reportFor(first)));
  const second = roundOf(next);
  await ok(report(admin, second.task, reportFor(second)));
  await upload(second, weights, { purpose: "checkpoint", round: 1 });
  await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
  await admin(`/v1/tasks/${second.task.searchId}-r2/release`, { body: { leaseId: second.leaseId } });
  return id;
}

async function begin(archive: Bytes, call = admin): Promise<string> {
  const { id } = await ok<{ id: string }>(call("/v1/imports", { body: { bytes: archive.length } }));
  for (let part = 0; part * partBytes < archive.length; part++) {
    const body = archive.subarray(part * partBytes, (part + 1) * partBytes);
    await call(`/v1/imports/${id}/parts/${part + 1}`, { method: "PUT", body });
  }
  return id;
}

const complete = (id: string) => admin(`/v1/imports/${id}/complete`, { method: "POST" });
const importOf = async (archive: Bytes) => ok<ImportedSearch>(complete(await begin(archive)));
const archiveOf = (id: string, call = admin) => read(`/v1/searches/${id}/archive`, call);

function filesOf(archive: Bytes): Files {
  const files: Files = [];
  for (let offset = 0; ; ) {
    const entry = readTarHeader(archive.subarray(offset, offset + tarBlockBytes));
    if (entry === null) return files;
    const start = offset + tarBlockBytes;
    files.push([entry.name, archive.slice(start, start + entry.bytes)]);
    offset = start + entry.bytes + tarPadding(entry.bytes).length;
  }
}

async function tarOf(files: Files): Promise<Bytes> {
  const parts = files.flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    tarPadding(bytes.length),
  ]);
  return new Uint8Array(await new Blob([...parts, tarEnd()]).arrayBuffer());
}

/** An archive of files with sums that are right. */
async function withSums(files: Files): Promise<Bytes> {
  const rest = files.filter(([name]) => name !== "SHA256SUMS");
  const sums = await Promise.all(rest.map(async ([name, bytes]) => `${await sha256(bytes)}  ${name}\n`));
  return tarOf([...rest, ["SHA256SUMS", bytesOf(sums.join(""))]]);
}

/** The text of one file of an archive changed. */
const changed = (files: Files, name: string, change: (text: string) => string): Files =>
  files.map(([other, bytes]) => [other, other === name ? bytesOf(change(textOf(bytes))) : bytes]);

/** Every answer about a search, but for ids and what an import adds. */
async function answersOf(id: string): Promise<unknown> {
  const all = async (path: string) =>
    (await ok<{ data: Record<string, unknown>[] }>(admin(`/v1/searches/${id}/${path}?limit=200`))).data;
  const front = await all("front");
  const trainings = await all("trainings");
  const architectures = await Promise.all(
    front.map(({ hash }) => ok(admin(`/v1/searches/${id}/architectures/${hash}`))),
  );
  const exports = await Promise.all(
    trainings.map(async (training) => {
      const { exports: named = {} } = (training.report ?? {}) as { exports?: Record<string, string> };
      const files = Object.keys(named).map((name) => read(`/v1/trainings/${training.id}/exports/${name}`));
      return { names: Object.keys(named), files: (await Promise.all(files)).map(textOf), named };
    }),
  );
  const events = (await all("events")).filter(({ type }) => type !== "search.imported");
  const {
    createdAt: _,
    visibility: __,
    ...search
  } = await ok<Record<string, unknown>>(admin(`/v1/searches/${id}`));
  const answers = {
    search,
    front,
    architectures,
    trainings,
    events,
    files: exports.map(({ named: _named, ...rest }) => rest),
    rounds: await all("rounds"),
    candidates: await all("candidates"),
    policy: await ok(admin(`/v1/searches/${id}/policy`)),
    scaled: await all("scaled"),
  };
  const own = [id, ...trainings.map((training) => String(training.id))];
  const blobs = exports.flatMap(({ named }) => Object.values(named));
  return JSON.parse(
    [...own, ...blobs].reduce(
      (text, name, index) => text.replaceAll(name, `#${index}`),
      JSON.stringify(answers),
    ),
  );
}

const owned = ["rounds", "architectures", "trainings", "events", "leases", "blobs", "controller_states"];

/** Everything of a search that is left. */
async function remainsOf(id: string): Promise<unknown[]> {
  const counts = await env.DB.batch<{ name: string; n: number }>([
    ...owned.map((name) =>
      env.DB.prepare(`SELECT '${name}' AS name, count(*) AS n FROM ${name} WHERE search_id = ?`).bind(id),
    ),
    env.DB.prepare("SELECT 'searches' AS name, count(*) AS n FROM searches WHERE id = ?").bind(id),
    env.DB.prepare("SELECT 'blob_parts' AS name, count(*) AS n FROM blob_parts WHERE blob_id = ?").bind(id),
  ]);
  const { objects } = await env.BUCKET.list({ prefix: `searches/${id}/` });
  return [...counts.flatMap(({ results }) => results).filter(({ n }) => n > 0), ...objects];
}

describe("the archive of a search", () => {
  test("that is over is imported as a new private one that answers everything as the first does", async () => {
    const id = await finishedSearch();
    const imported = await importOf(await archiveOf(id));
    expect(imported).toMatchObject({ state: "completed", importedFrom: id, missingData: null });
    expect(imported.id).not.toBe(id);
    expect(await answersOf(imported.id)).toEqual(await answersOf(id));
    expect(await ok(admin(`/v1/searches/${imported.id}`))).toMatchObject({ visibility: "private" });
    const events = await ok<{ data: object[] }>(admin(`/v1/searches/${imported.id}/events?limit=200`));
    expect(events.data.at(-1)).toMatchObject({ type: "search.imported", data: { importedFrom: id } });
    // Objects of its own, so either may be deleted.
    await admin(`/v1/searches/${id}`, { method: "DELETE" });
    const again = await importOf(await archiveOf(imported.id));
    await admin(`/v1/searches/${imported.id}`, { method: "DELETE" });
    expect(await answersOf(again.id)).toMatchObject({ files: [{ names: ["tfjs"], files: [textOf(model)] }] });
    expect(await remainsOf(imported.id)).toEqual([]);
  });

  test("holds what was scored without training, and one of before there were scores gets none", async () => {
    const evaluation = {
      kind: "supernet" as const,
      network: { channels: 4, layers: 3 },
      untrained: { architectures: 16 },
    };
    const id = await createSearch(admin, { evaluation });
    const today = { headers: { [protocolHeader]: String(protocolVersion) } };
    const leased = await ok<{ lease: LeasedTask }>(
      admin("/v1/tasks/lease", { body: { runnerId, searchId: id }, ...today }),
    );
    const { leaseId, task } = leased.lease;
    if (task.kind !== "score") throw new Error("nothing was to be scored");
    const scores = task.codes.map((_, index) => ({
      expressivity: index,
      progressivity: index,
      trainability: 0,
      macs: index,
      distinctPatterns: index,
    }));
    const seconds = { train: 0, evaluate: 1, idle: 0 };
    const scored = { kind: "score", leaseId, scores, measurements: [], digest: "d", seconds };
    const { next } = await ok<{ next: LeasedTask }>(report(admin, task, scored));
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    await admin(`/v1/tasks/${next.task.taskId}/release`, { body: { leaseId: next.leaseId } });
    const archive = await archiveOf(id);
    const imported = await importOf(archive);
    expect(imported.state).toBe("paused");
    const specificationOf = async (search: string) =>
      (await ok<{ specification: { evaluation: object } }>(admin(`/v1/searches/${search}`))).specification;
    expect((await specificationOf(imported.id)).evaluation).toEqual((await specificationOf(id)).evaluation);

    const before = await createSearch(admin, { schedule: { preset: "demo-10" } });
    await ok(admin(`/v1/searches/${before}/pause`, { method: "POST" }));
    const files = changed(filesOf(await archiveOf(before)), "search.json", (text) =>
      text.replace(/,"untrained":\{"architectures":\d+\}/, ""),
    );
    const old = await importOf(await withSums(files));
    expect((await specificationOf(old.id)).evaluation).not.toHaveProperty("untrained");
  });

  test("that is paused goes on from its checkpoint, to the same end as the first", async () => {
    const id = await pausedSearch();
    const imported = await importOf(await archiveOf(id));
    expect(imported.state).toBe("paused");
    expect(await leaseOf(admin, runnerId, imported.id)).toBeNull();
    for (const search of [id, imported.id]) {
      await ok(admin(`/v1/searches/${search}/resume`, { method: "POST" }));
      const lease = await leaseRound(admin, runnerId, search);
      expect(lease.task).toMatchObject({ searchId: search, taskId: `${search}-r2`, round: 2 });
      const checkpoints = await ok<{ data: { blobId: string; round: number }[] }>(
        admin(`/v1/searches/${search}/checkpoints`),
      );
      expect(checkpoints.data).toMatchObject([{ round: 1 }]);
      expect(await read(`/v1/blobs/${checkpoints.data[0]?.blobId}`)).toEqual(weights);
      const replay = await ok<{ data: { task: { taskId: string } }[] }>(
        admin(`/v1/tasks?search=${search}&fromRound=0`),
      );
      expect(replay.data.map(({ task }) => task.taskId)).toEqual([`${search}-r0`, `${search}-r1`]);
      await finishRounds(admin, lease);
    }
    const found = async (search: string) => {
      const { data } = await ok<{ data: { hash: string; values: object }[] }>(
        admin(`/v1/searches/${search}/front`),
      );
      return data.map(({ hash, values }) => [hash, values]);
    };
    expect(await found(imported.id)).toEqual(await found(id));
  });

  test("holds no lease, no token and nothing that only this deployment knows", async () => {
    const id = await finishedSearch();
    const files = filesOf(await archiveOf(id));
    expect(files[0]).toEqual(["manifest.json", expect.anything()]);
    expect(files.at(-1)?.[0]).toBe("SHA256SUMS");
    for (const [name, bytes] of files.filter(([name]) => !name.startsWith("objects/")))
      expect([name, textOf(bytes)]).toEqual([
        name,
        expect.not.stringMatching(/leaseId|objectKey|uploadId|campaign|triggerId|nst_/),
      ]);
  });

  test("is not written while the search may change, and the refusal says what to wait for", async () => {
    const id = await createSearch(admin);
    const detailOf = async () =>
      ((await (await admin(`/v1/searches/${id}/archive`)).json()) as { detail: string }).detail;
    expect(await problemOf(admin(`/v1/searches/${id}/archive`))).toBe("409 invalid-state");
    const lease = await leaseRound(admin, runnerId, id);
    await ok(admin(`/v1/searches/${id}/pause`, { method: "POST" }));
    expect(await detailOf()).toMatch(/A runner still works on the search/);
    await admin(`/v1/tasks/${lease.task.taskId}/release`, { body: { leaseId: lease.leaseId } });
    expect(filesOf(await archiveOf(id)).length).toBeGreaterThan(3);
    const over = await finishedSearch();
    const { data } = await ok<{ data: { hash: string }[] }>(admin(`/v1/searches/${over}/front`));
    await ok(admin(`/v1/searches/${over}/trainings`, { body: { hash: data[0]?.hash } }));
    expect(await problemOf(admin(`/v1/searches/${over}/archive`))).toBe("409 invalid-state");
  });

  test("breaks off where the search changes while it is read", async () => {
    const id = await pausedSearch();
    const response = await admin(`/v1/searches/${id}/archive`);
    const reader = response.body?.getReader();
    await reader?.read();
    await ok(admin(`/v1/searches/${id}/resume`, { method: "POST" }));
    const rest = async () => {
      while (!(await reader?.read())?.done);
    };
    await expect(rest()).rejects.toThrow();
  });

  test("is for those who may read the search, and an import for those who may start one", async () => {
    const id = await finishedSearch();
    expect(await problemOf(anonymous(`/v1/searches/${id}/archive`))).toBe("401 unauthorized");
    const runner = callerWith(await tokenWith("runner"));
    expect(await problemOf(runner(`/v1/searches/${id}/archive`))).toBe("403 forbidden");
    const reader = callerWith(await tokenWith("searches:read"));
    const archive = await archiveOf(id, reader);
    expect(await problemOf(reader("/v1/imports", { body: { bytes: archive.length } }))).toBe("403 forbidden");
    const begun = await begin(archive);
    const part = { method: "PUT", body: archive };
    for (const call of [reader, runner]) {
      expect(await problemOf(call(`/v1/imports/${begun}/parts/1`, part))).toBe("403 forbidden");
      expect(await problemOf(call(`/v1/imports/${begun}/complete`, { method: "POST" }))).toBe(
        "403 forbidden",
      );
    }
    expect(await problemOf(runner(`/v1/blobs/${begun}/parts/1`, part))).toBe("409 lease-lost");
    const change = { method: "PATCH", body: { visibility: "public" }, headers: { "if-match": "*" } };
    await ok(admin(`/v1/searches/${id}`, change));
    expect((await archiveOf(id, anonymous)).length).toBeGreaterThan(1024);
  });

  test("tells no webhook of what happened elsewhere", async () => {
    const id = await finishedSearch();
    const archive = await archiveOf(id);
    const hook = { url: "https://1.1.1.1/", events: ["search.completed", "training.completed"] };
    const { id: webhook } = await ok<{ id: string }>(admin("/v1/webhooks", { body: hook }));
    await importOf(archive);
    const { data } = await ok<{ data: object[] }>(admin(`/v1/webhooks/${webhook}/deliveries`));
    await admin(`/v1/webhooks/${webhook}`, { method: "DELETE" });
    expect(data).toEqual([]);
  });
});

describe("a search on pushed data", () => {
  test("a table, in a space of its own, answers everything as the first does", async () => {
    const bytes = bytesOf("arch,accuracy");
    const digest = await sha256(bytes);
    const shards = [{ bytes: bytes.length, sha256: digest }];
    const rest = { columns: ["arch", "accuracy"], rows: 81, bytes: bytes.length, digest, shards };
    await ok(admin("/v1/datasets", { body: { kind: "table", name: "cells", ...rest } }));
    await admin("/v1/datasets/cells/shards/1", { method: "PUT", body: bytes });
    await ok(admin("/v1/datasets/cells/complete", { method: "POST" }));
    const { id } = await ok<{ id: string }>(
      admin("/v1/searches", {
        body: {
          name: "tabular",
          space: { positions: 4, operations: ["a", "none", "c"] },
          evaluation: { kind: "tabular", table: "cells", architecture: "arch", reward: "accuracy" },
          objectives: [{ name: "accuracy", goal: "maximize" }],
          budget: { evaluations: 25 },
        },
      }),
    );
    let lease = await leaseOf(admin, runnerId, id);
    while (lease?.task.kind === "tabular") {
      const { candidates, round } = lease.task;
      const measurements = candidates.map((_, candidate) => {
        return { candidate, values: { accuracy: (round + candidate) / 7 }, images: 0, loss: null };
      });
      const body = { kind: "tabular", leaseId: lease.leaseId, measurements, digest: "d" };
      const seconds = { train: 0, evaluate: 0.1, idle: 0 };
      lease = (await ok<{ next: LeasedTask | null }>(report(admin, lease.task, { ...body, seconds }))).next;
    }
    const imported = await importOf(await archiveOf(id));
    expect(imported.missingData).toBeNull();
    const answers = async (search: string) =>
      Promise.all(
        ["front", "policy", "rounds", "candidates"].map((path) =>
          ok(admin(`/v1/searches/${search}/${path}`)),
        ),
      );
    expect(await answers(imported.id)).toEqual(await answers(id));
    expect(((await answers(id))[0] as unknown as { data: unknown[] }).data.length).toBeGreaterThan(0);
  });

  async function push(name: string, byte: number): Promise<void> {
    const bytes = new Uint8Array(200 * 17).fill(byte);
    bytes.fill(0, 200 * 16);
    const digest = await sha256(bytes);
    const header = {
      name,
      image: { height: 4, width: 4, channels: 1 },
      classNames: ["a", "b"],
      counts: { train: [50, 50], test: [50, 50] },
      mean: [0],
      std: [1],
      digest,
      shards: [{ bytes: bytes.length, sha256: digest }],
    };
    await ok(admin("/v1/datasets", { body: header }));
    await admin(`/v1/datasets/${name}/shards/1`, { method: "PUT", body: bytes });
    await ok(admin(`/v1/datasets/${name}/complete`, { method: "POST" }));
  }

  test("goes on where the same data is, and says what to push where it is not", async () => {
    await push("own", 1);
    const id = await pausedSearch({ dataset: { name: "own" } });
    const archive = await archiveOf(id);
    const here = await importOf(archive);
    expect(here.missingData).toBeNull();
    expect((await admin(`/v1/searches/${here.id}/resume`, { method: "POST" })).status).toBe(200);
    for (const search of [id, here.id]) await admin(`/v1/searches/${search}`, { method: "DELETE" });
    await admin("/v1/datasets/own", { method: "DELETE" });
    const check = async () => {
      const imported = await importOf(archive);
      expect(imported.missingData).toBe("own");
      expect(await ok(admin(`/v1/searches/${imported.id}/front`))).toHaveProperty("data");
      const resumed = await admin(`/v1/searches/${imported.id}/resume`, { method: "POST" });
      expect(await resumed.text()).toMatch(/dataset-gone.*Push it, then import the archive again/);
    };
    await check();
    await push("own", 2); // other data of that name
    await check();
  });
});

describe("an archive is refused, and leaves nothing, when", () => {
  let finished: Bytes;
  let paused: Bytes;

  beforeAll(async () => {
    finished = await archiveOf(await finishedSearch());
    paused = await archiveOf(await pausedSearch());
  });

  async function refusal(archive: Bytes): Promise<string> {
    const id = await begin(archive);
    const response = await complete(id);
    const text = await response.text();
    expect([response.status, text]).toEqual([422, expect.stringContaining("archive-refused")]);
    expect(await remainsOf(id)).toEqual([]);
    expect(await problemOf(complete(id))).toBe("404 not-found");
    return (JSON.parse(text) as { detail: string }).detail;
  }

  test("it is cut short anywhere", async () => {
    for (const share of [0.05, 0.3, 0.6, 0.9])
      expect(await refusal(finished.slice(0, Math.floor(finished.length * share)))).toMatch(
        /cut short|damaged|missing/,
      );
    expect(await refusal(finished.slice(0, -1024))).toMatch(/ends before its end mark/);
  });

  test("a byte of a row, of an object or of a header was changed", async () => {
    const files = filesOf(finished);
    const swapped = async (prefix: string) => {
      const [name = "", bytes] = files.find(([other]) => other.startsWith(prefix)) ?? [];
      const other = bytes?.slice() ?? new Uint8Array();
      const at = prefix === "objects/" ? 3 : textOf(other).search(/\d\.\d/);
      other[at] = prefix === "objects/" ? 0 : "7".charCodeAt(0);
      return [
        name,
        await refusal(await tarOf(files.map((file) => (file[0] === name ? [name, other] : file)))),
      ];
    };
    for (const prefix of ["rounds/", "objects/"]) {
      const [name, detail] = await swapped(prefix);
      expect(detail).toMatch(new RegExp(`^${name} has another SHA-256`));
    }
    const header = finished.slice();
    header[1] = 66;
    expect(await refusal(header)).toMatch(/a header's checksum is wrong/);
  });

  test("it is none, or of another version", async () => {
    expect(await refusal(new Uint8Array(2048))).toMatch(/manifest\.json is missing/);
    expect(await refusal(crypto.getRandomValues(new Uint8Array(2048)))).toMatch(/damaged/);
    const files = filesOf(finished);
    const version = changed(files, "manifest.json", (text) => text.replace('"version": 1', '"version": 2'));
    expect(await refusal(await withSums(version))).toMatch(/format version 2, version 1 is read here/);
    const other = changed(files, "manifest.json", () => "{}");
    expect(await refusal(await withSums(other))).toMatch(/no archive of a search/);
  });

  const edits: [what: string, file: string, edit: (text: string) => string, message: RegExp][] = [
    [
      "a row lacks a column",
      "rounds/000001.ndjson",
      (text) => text.replace('"digest":', '"digits":'),
      /line 1, is wrong: .*digest/,
    ],
    ["a row is no JSON", "events/000001.ndjson", (text) => text.replace("{", "["), /line 1, is no JSON/],
    [
      "a row is larger than the database takes",
      "events/000001.ndjson",
      (text) => text.replace('"data":{', `"data":{"x":"${"x".repeat(maxRowBytes)}",`),
      /line 1, has \d+ bytes, more than the 2000000/,
    ],
    [
      "a row is nested too deep",
      "events/000001.ndjson",
      (text) => text.replace('"data":{', `"data":{"x":${"[".repeat(5000)}${"]".repeat(5000)},`),
      /nested deeper/,
    ],
    [
      "a file is larger than any that is written",
      "events/000001.ndjson",
      (text) => text + " ".repeat(maxFileBytes),
      /bytes, more than/,
    ],
    ["a row is there twice", "architectures/000001.ndjson", (text) => text + text, /holds a row twice/],
    [
      "a round is missing",
      "rounds/000001.ndjson",
      (text) => text.slice(text.indexOf("\n") + 1),
      /has round 1 where 0 is next/,
    ],
    [
      "the last rounds are missing",
      "rounds/000001.ndjson",
      (text) => `${text.split("\n")[0]}\n`,
      /rounds are there/,
    ],
    [
      "a training is of an architecture that is not there",
      "trainings/000001.ndjson",
      (text) => text.replace(/"hash":"\w+"/, '"hash":"nowhere"'),
      /trains nowhere, which is not in the archive/,
    ],
    [
      "an export is reported that is not there",
      "trainings/000001.ndjson",
      (text) => text.replace(/"tfjs":"\w+"/, `"tfjs":"${"a".repeat(16)}"`),
      /which is not in the archive/,
    ],
    [
      "an export is of a training that is not there",
      "blobs/000001.ndjson",
      (text) => text.replace(/"trainingId":"\w+"/, `"trainingId":"${"a".repeat(16)}"`),
      /not in the archive/,
    ],
    [
      "an object has another size",
      "blobs/000001.ndjson",
      (text) => text.replace(/"bytes":\d+/, '"bytes":5'),
      /bytes instead of 5/,
    ],
    [
      "a blob's id leads elsewhere",
      "blobs/000001.ndjson",
      (text) => text.replace(/"id":"\w+"/, '"id":"../../x"'),
      /is no id/,
    ],
    [
      "the search is running",
      "search.json",
      (text) => text.replace('"completed"', '"running"'),
      /not paused and not over/,
    ],
    [
      "the search is of a campaign",
      "search.json",
      (text) => text.replace("{", '{"campaignId":"c",'),
      /unknown key "campaignId"/,
    ],
    [
      "the specification asks for what cannot be",
      "search.json",
      (text) => text.replace('"channels":4', '"channels":-4'),
      /specification|channels/,
    ],
    [
      "the controller's state is of another space",
      "search.json",
      (text) => text.replaceAll('"tnd-nas"', '"nas-bench-201"'),
      /does not fit its specification|specification/,
    ],
    [
      "an architecture is not of the search's space",
      "architectures/000001.ndjson",
      (text) => text.replace(/"operation":"\w+"/, '"operation":"nonsense"'),
      /line 1, holds an architecture that is not of the search's space/,
    ],
    [
      "a sum is missing",
      "SHA256SUMS",
      (text) => text.slice(text.indexOf("\n") + 1),
      /another SHA-256 than SHA256SUMS/,
    ],
  ];
  test.each(edits)("%s", async (_, file, edit, message) => {
    const files = changed(filesOf(finished), file, edit);
    expect(await refusal(await (file === "SHA256SUMS" ? tarOf(files) : withSums(files)))).toMatch(message);
  });

  test("a file is missing, is too many or has a name that leads out of it", async () => {
    const files = filesOf(paused);
    const without = files.filter(([name]) => !name.startsWith("objects/"));
    expect(await refusal(await withSums(without))).toMatch(/objects\/\w+ is missing/);
    const evil: Files[number] = ["../../etc/passwd", bytesOf("x")];
    for (const at of [0, 2, files.length - 1])
      expect(await refusal(await withSums(files.toSpliced(at, 0, evil)))).toMatch(/passwd/);
    const behind = await tarOf([...filesOf(await withSums(files)), evil]);
    expect(await refusal(behind)).toMatch(/does not belong/);
  });

  test("parts are missing, and then it can still be sent whole", async () => {
    const { id } = await ok<{ id: string }>(admin("/v1/imports", { body: { bytes: finished.length } }));
    expect(await problemOf(complete(id))).toBe("409 upload-incomplete");
    const put = (body: Bytes) => admin(`/v1/imports/${id}/parts/1`, { method: "PUT", body });
    expect(await problemOf(put(finished.slice(1)))).toBe("422 part-size");
    expect((await put(finished)).status).toBe(204);
    expect((await complete(id)).status).toBe(201);
  });
});

test("an import that two complete at the same time makes one search", async () => {
  const id = await begin(await archiveOf(await finishedSearch()));
  const answers = await Promise.all([complete(id), complete(id)]);
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses[0]).toBe(201);
  expect([404, 409]).toContain(statuses[1]);
  expect((await admin(`/v1/searches/${id}`)).status).toBe(200);
});

test("what an import that never ended has left is gone after a day", async () => {
  const archive = await archiveOf(await finishedSearch());
  const ids = [await begin(archive), await begin(archive)];
  const [cut = ""] = ids;
  // Its Worker died between.
  await env.DB.prepare("UPDATE blobs SET upload_id = '' WHERE id = ?").bind(cut).run();
  await env.DB.prepare(
    "INSERT INTO events (search_id, sequence, type, data, created_at) VALUES (?, 1, 'search.created', '{}', 0)",
  )
    .bind(cut)
    .run();
  await env.BUCKET.put(`searches/${cut}/object`, "x");
  const later = (days: number) => sweep(env, { ...realPlatform(), now: () => Date.now() + days * dayMs });
  await later(0.9);
  for (const id of ids) expect(await remainsOf(id)).not.toEqual([]);
  // A few in each sweep, with those that other tests left.
  for (let sweeps = 0; sweeps < 5; sweeps++) await later(1.1);
  for (const id of ids) expect(await remainsOf(id)).toEqual([]);
});

test("a search of 2,000 rounds goes both ways in files and queries of bounded size, within 50 of them", async () => {
  const rounds = 2000;
  const files = filesOf(await archiveOf(await pausedSearch()));
  const line = textOf(files.find(([name]) => name.startsWith("rounds/"))?.[1] ?? new Uint8Array()).split(
    "\n",
  )[1];
  const row = JSON.parse(line ?? "") as { task: { taskId: string }; digest: string; candidates: object[] };
  // About 10 KB a round, so that the archive has several parts, too.
  const candidates = Array.from({ length: 6 }, () => row.candidates).flat();
  const rows = Array.from({ length: rounds }, (_, round) => {
    const task = { ...row.task, round, taskId: row.task.taskId.replace(/\d+$/, String(round)) };
    return JSON.stringify({ ...row, round, task, candidates });
  });
  const search = JSON.parse(textOf(files[1]?.[1] ?? new Uint8Array())) as {
    controller: { round: number; state: { round: number; task: { round: number; taskId: string } } };
  };
  const { controller } = search;
  controller.round = controller.state.round = controller.state.task.round = rounds;
  controller.state.task.taskId = controller.state.task.taskId.replace(/\d+$/, String(rounds));
  const perPage = 200;
  const pages = Array.from({ length: Math.ceil(rounds / perPage) }, (_, page): Files[number] => [
    `rounds/${String(page + 1).padStart(6, "0")}.ndjson`,
    bytesOf(`${rows.slice(page * perPage, (page + 1) * perPage).join("\n")}\n`),
  ]);
  const large = files.flatMap((file): Files => {
    if (file[0] === "search.json") return [["search.json", bytesOf(JSON.stringify(search))]];
    return file[0].startsWith("rounds/") ? pages : [file];
  });
  const usage = noUsage();
  const counted = callerWith(await tokenWith("admin"), async (request) =>
    app.fetch(request, { ...env, DB: metered(env.DB, usage) }),
  );
  const archive = await withSums(large);
  expect(archive.length).toBeGreaterThan(partBytes);
  const id = await begin(archive);
  const imported = await ok<ImportedSearch>(counted(`/v1/imports/${id}/complete`, { method: "POST" }));
  expect(usage.queries).toBeLessThanOrEqual(50);
  Object.assign(usage, noUsage());
  const back = filesOf(await archiveOf(imported.id, counted));
  expect(usage.queries).toBeLessThanOrEqual(50);
  const written = back.filter(([name]) => name.startsWith("rounds/"));
  expect(written.length).toBeGreaterThan(5);
  for (const [, bytes] of written) expect(bytes.length).toBeLessThan(maxFileBytes);
  const numbers = written.flatMap(([, bytes]) =>
    textOf(bytes)
      .trim()
      .split("\n")
      .map((text) => (JSON.parse(text) as { round: number }).round),
  );
  expect(numbers).toEqual(rows.map((_, round) => round));
});
