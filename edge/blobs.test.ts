import { beforeAll, describe, expect, test } from "vitest";
import { type LeasedTask, partBytes } from "../shared/protocol.ts";
import { hex } from "./ids.ts";
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
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(new TextEncoder().encode(text));

const create = (lease: LeasedTask, bytes: number, change: Record<string, unknown> = {}) =>
  admin("/v1/blobs", {
    body: {
      leaseId: lease.leaseId,
      purpose: "checkpoint",
      searchId: lease.task.searchId,
      round: 0,
      fileName: "weights.bin",
      bytes,
      ...change,
    },
  });
const put = (blobId: string, part: number, body: Uint8Array) =>
  admin(`/v1/blobs/${blobId}/parts/${part}`, { method: "PUT", body });

async function upload(
  lease: LeasedTask,
  bytes: Uint8Array<ArrayBuffer>,
  change: Record<string, unknown> = {},
) {
  const { blobId } = await ok<{ blobId: string }>(create(lease, bytes.length, change));
  for (let part = 0; part < Math.max(1, Math.ceil(bytes.length / partBytes)); part++) {
    const { status } = await put(blobId, part + 1, bytes.subarray(part * partBytes, (part + 1) * partBytes));
    expect(status).toBe(204);
  }
  const sha = await sha256(bytes);
  await ok(admin(`/v1/blobs/${blobId}/complete`, { body: { leaseId: lease.leaseId, sha256: sha } }));
  return blobId;
}

describe("an upload", () => {
  test("of several parts comes back as it was sent, with its checksum", async () => {
    const lease = await leaseRound(admin, runnerId, await createSearch(admin));
    const bytes = new Uint8Array(partBytes + 1000).map((_, index) => index % 251);
    const blobId = await upload(lease, bytes);
    const response = await admin(`/v1/blobs/${blobId}`);
    expect(await sha256(new Uint8Array(await response.arrayBuffer()))).toBe(await sha256(bytes));
    expect(response.headers.get("repr-digest")).toMatch(/^sha-256=:.+:$/);
  });

  test("of an empty file works", async () => {
    const lease = await leaseRound(admin, runnerId, await createSearch(admin));
    const blobId = await upload(lease, new Uint8Array());
    expect((await (await admin(`/v1/blobs/${blobId}`)).arrayBuffer()).byteLength).toBe(0);
  });

  test("with a wrong checksum is refused and deleted", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const { blobId } = await ok<{ blobId: string }>(create(lease, 3));
    await put(blobId, 1, bytesOf("abc"));
    const complete = { body: { leaseId: lease.leaseId, sha256: await sha256(bytesOf("abd")) } };
    expect(await problemOf(admin(`/v1/blobs/${blobId}/complete`, complete))).toBe("422 checksum-mismatch");
    expect(await problemOf(admin(`/v1/blobs/${blobId}`))).toBe("404 not-found");
    expect((await env.BUCKET.list({ prefix: `searches/${id}/` })).objects).toEqual([]);
  });

  test("with a part missing, or of another size, is refused", async () => {
    const lease = await leaseRound(admin, runnerId, await createSearch(admin));
    const { blobId } = await ok<{ blobId: string }>(create(lease, 3));
    expect(await problemOf(put(blobId, 1, bytesOf("ab")))).toBe("422 part-size");
    expect(await problemOf(put(blobId, 2, bytesOf("abc")))).toBe("422 part-size");
    const complete = { body: { leaseId: lease.leaseId, sha256: "0".repeat(64) } };
    expect(await problemOf(admin(`/v1/blobs/${blobId}/complete`, complete))).toBe("409 upload-incomplete");
  });

  test("under a lost lease is refused", async () => {
    const id = await createSearch(admin);
    const lease = await leaseRound(admin, runnerId, id);
    const { blobId } = await ok<{ blobId: string }>(create(lease, 3));
    await env.DB.prepare("UPDATE leases SET expires_at = 1 WHERE resource = ?").bind(id).run();
    expect(await problemOf(put(blobId, 1, bytesOf("abc")))).toBe("409 lease-lost");
    expect(await problemOf(create(lease, 3))).toBe("409 lease-lost");
  });

  test("cannot be filed under another search", async () => {
    const lease = await leaseRound(admin, runnerId, await createSearch(admin));
    expect(await problemOf(create(lease, 3, { searchId: await createSearch(admin) }))).toBe("409 lease-lost");
  });
});

test("the last two checkpoints are kept, newest first", async () => {
  const id = await createSearch(admin);
  const lease = await leaseRound(admin, runnerId, id);
  for (const round of [0, 1, 2]) await upload(lease, bytesOf(`round ${round}`), { round });
  const { data } = await ok<{ data: { round: number; bytes: number }[] }>(
    admin(`/v1/searches/${id}/checkpoints`),
  );
  expect(data.map(({ round }) => round)).toEqual([2, 1]);
  expect((await env.BUCKET.list({ prefix: `searches/${id}/` })).objects).toHaveLength(2);
  await admin(`/v1/searches/${id}`, { method: "DELETE" });
  expect((await env.BUCKET.list({ prefix: `searches/${id}/` })).objects).toEqual([]);
});

test("what a lost runner left half uploaded goes with the next checkpoint", async () => {
  const id = await createSearch(admin);
  const lost = await leaseRound(admin, runnerId, id);
  const { blobId } = await ok<{ blobId: string }>(create(lost, 3));
  await put(blobId, 1, bytesOf("abc"));
  const lease = await leaseRound(admin, runnerId, id);
  const stored = await upload(lease, bytesOf("round 1"), { round: 1 });
  const { results } = await env.DB.prepare("SELECT id FROM blobs WHERE search_id = ?").bind(id).all();
  expect(results).toEqual([{ id: stored }]);
});

test("exports of a training are downloaded by all who may read its search, and by nobody else", async () => {
  const id = await createSearch(admin, { visibility: "public" });
  const lease = await finishRounds(admin, await leaseOf(admin, runnerId, id));
  if (lease?.task.kind !== "finalTraining") throw new Error("no final training came");
  const { trainingId } = lease.task;
  const mine = { trainingId, purpose: "export", format: "tfjs", fileName: "model.tar" };
  await upload(lease, bytesOf("step 5"), { trainingId, round: 5 });
  const tfjs = await upload(lease, bytesOf("model"), mine);
  const ofImages = { ...mine, format: "samples", fileName: "samples.json" };
  const samples = await upload(lease, bytesOf("images"), ofImages);
  await ok(report(admin, lease.task, trainingReportFor(lease, { tfjs, samples })));
  const path = `/v1/trainings/${trainingId}/exports`;
  const response = await anonymous(`${path}/tfjs`);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytesOf("model"));
  expect(response.headers.get("content-disposition")).toContain("model.tar");
  expect(response.headers.get("content-type")).toBe("application/x-tar");
  expect(new Uint8Array(await (await anonymous(`${path}/samples`)).arrayBuffer())).toEqual(bytesOf("images"));
  expect(await (await anonymous(`${path}/genotype`)).text()).toContain("Genotype");
  expect(await problemOf(anonymous(`${path}/onnx`))).toBe("404 not-found");
  expect((await env.BUCKET.list({ prefix: `searches/${id}/` })).objects).toHaveLength(2);
  const change = { method: "PATCH", body: { visibility: "private" }, headers: { "if-match": "*" } };
  await ok(admin(`/v1/searches/${id}`, change));
  for (const rest of ["", "/exports/tfjs", "/exports/genotype"])
    expect(await problemOf(anonymous(`/v1/trainings/${trainingId}${rest}`))).toBe("401 unauthorized");
});
