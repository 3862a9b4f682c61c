/**
 * Pushed data sets. A shard's key in the bucket holds its checksum, and the bucket refuses other bytes under it: an
 * object that is there is the right one, so listing the keys tells what is missing.
 */

import { isBuiltIn } from "../shared/datasets.ts";
import {
  type DatasetHeader,
  type DatasetView,
  datasetBytes,
  headerErrors,
  maxDatasetBytes,
  maxTableBytes,
} from "../shared/pushedDataset.ts";
import { isoTime } from "./app.ts";
import type { Env } from "./env.ts";
import { newId } from "./ids.ts";
import { invalid, Problem } from "./problems.ts";
import { removePrefix } from "./store/blobs.ts";
import {
  completeDataset,
  type Dataset,
  deleteDataset,
  findDataset,
  insertDataset,
} from "./store/datasets.ts";
import { storedObject } from "./upload.ts";

const prefixOf = (id: string): string => `datasets/${id}/`;

function shardOf({ id, header }: Dataset, number: number) {
  const shard = header.shards[number - 1];
  if (shard === undefined)
    throw new Problem("not-found", `The data set "${header.name}" has ${header.shards.length} shards.`);
  return { ...shard, key: `${prefixOf(id)}${number}-${shard.sha256}` };
}

export async function existingDataset(db: D1Database, name: string): Promise<Dataset> {
  const dataset = await findDataset(db, name);
  if (dataset === null) throw new Problem("not-found", `There is no pushed data set "${name}".`);
  return dataset;
}

/** Numbers of the shards that have not arrived. */
async function missingShards(env: Env, dataset: Dataset): Promise<number[]> {
  if (dataset.completedAt !== null) return [];
  const stored = new Map<string, number>();
  let cursor: string | undefined;
  do {
    const page = await env.BUCKET.list({
      prefix: prefixOf(dataset.id),
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { key, size } of page.objects) stored.set(key, size);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return dataset.header.shards.flatMap((_, index) => {
    const { key, bytes } = shardOf(dataset, index + 1);
    return stored.get(key) === bytes ? [] : [index + 1];
  });
}

export async function datasetView(env: Env, dataset: Dataset): Promise<DatasetView> {
  const { header, bytes, completedAt, createdAt } = dataset;
  const stored = {
    bytes,
    state: completedAt === null ? ("uploading" as const) : ("complete" as const),
    missing: await missingShards(env, dataset),
    createdAt: isoTime(createdAt),
  };
  return header.kind === "table" ? { ...header, ...stored } : { ...header, ...stored };
}

/** What the digest does not cover: of images, what their classes are called. */
const namesOf = (header: DatasetHeader): readonly string[] =>
  header.kind === "table" ? header.columns : header.classNames;

/** What tells pushed data from other data, however it is cut into shards. */
export const contentOf = (header: DatasetHeader) => ({
  name: header.name,
  kind: header.kind,
  digest: header.digest,
  names: [...namesOf(header)],
});

export const isSameContent = (
  a: ReturnType<typeof contentOf>,
  b: Omit<ReturnType<typeof contentOf>, "kind"> & { kind: string },
): boolean =>
  a.kind === b.kind && a.digest === b.digest && JSON.stringify(a.names) === JSON.stringify(b.names);

/**
 * Begins a push, or goes on with one: the same data again is what is there already. A push that was left unfinished
 * gives way to other data of the same name; data that is complete does not.
 */
export async function createDataset(
  env: Env,
  header: DatasetHeader,
): Promise<{ dataset: Dataset; isNew: boolean }> {
  assertPossible(header);
  const known = await findDataset(env.DB, header.name);
  if (known !== null) {
    const isEqual =
      known.completedAt === null
        ? JSON.stringify(known.header) === JSON.stringify(header)
        : isSameContent(contentOf(known.header), contentOf(header));
    if (isEqual) return { dataset: known, isNew: false };
    if (known.completedAt !== null) throw new Problem("dataset-exists", existsDetail(header.name));
    await removeDataset(env, known);
  }
  const dataset: Dataset = {
    id: newId(),
    name: header.name,
    header,
    bytes: datasetBytes(header),
    createdAt: Date.now(),
    completedAt: null,
  };
  if (!(await insertDataset(env.DB, dataset)))
    throw new Problem(
      "dataset-exists",
      `"${header.name}" is being pushed by somebody else right now. Push under another name, or try again.`,
    );
  return { dataset, isNew: true };
}

const existsDetail = (name: string): string =>
  `Push "${name}" under another name, or delete what is there: nasturtium data delete ${name}`;

function assertPossible(header: DatasetHeader): void {
  const bytes = datasetBytes(header);
  const { what, limit, fix } =
    header.kind === "table"
      ? { what: "table", limit: maxTableBytes, fix: "Push it gzipped, or with fewer columns." }
      : { what: "data set", limit: maxDatasetBytes, fix: "Push smaller images (--size) or fewer." };
  if (bytes > limit)
    throw new Problem("too-large", `A ${what} holds at most ${limit} bytes; this one has ${bytes}. ${fix}`);
  if (isBuiltIn(header.name))
    throw invalid([
      { pointer: "/name", detail: `"${header.name}" is the name of a built-in data set; choose another` },
    ]);
  const errors = headerErrors(header);
  if (errors.length > 0) throw invalid(errors);
}

export async function putShard(env: Env, name: string, number: number, request: Request): Promise<void> {
  const dataset = await existingDataset(env.DB, name);
  const { key, bytes, sha256 } = shardOf(dataset, number);
  if (dataset.completedAt !== null) return;
  const sent = Number(request.headers.get("content-length") ?? Number.NaN);
  if (sent !== bytes || request.body === null)
    throw new Problem(
      "part-size",
      `Shard ${number} must have ${bytes} bytes; content-length says ${sent}. Send what the header says.`,
    );
  try {
    await env.BUCKET.put(key, request.body, { sha256 });
  } catch (error) {
    if (!isChecksumError(error)) throw error;
    throw new Problem(
      "checksum-mismatch",
      `Shard ${number} is not what the header says: its SHA-256 differs. Nothing was stored; send it again.`,
    );
  }
  // Deleted meanwhile: nothing would ever delete this object.
  if ((await findDataset(env.DB, name))?.id !== dataset.id) await env.BUCKET.delete(key);
}

/** Whether the bucket refused bytes because their SHA-256 is another. */
export const isChecksumError = (error: unknown): boolean =>
  error instanceof Error && /10037|checksum|SHA-256/i.test(error.message);

export async function completePush(env: Env, name: string): Promise<Dataset> {
  const dataset = await existingDataset(env.DB, name);
  if (dataset.completedAt !== null) return dataset;
  const missing = await missingShards(env, dataset);
  if (missing.length > 0)
    throw new Problem(
      "upload-incomplete",
      `${missing.length} of ${dataset.header.shards.length} shards are missing: ${missing.slice(0, 10).join(", ")}${missing.length > 10 ? ", ..." : ""}.`,
    );
  const completedAt = Date.now();
  await completeDataset(env.DB, dataset.id, completedAt);
  return { ...dataset, completedAt };
}

/** The row goes first, atomically with the question whether it is used; nobody finds the objects after. */
export async function removeDataset(env: Env, dataset: Dataset): Promise<void> {
  if (!(await deleteDataset(env.DB, dataset.id)))
    throw new Problem(
      "dataset-in-use",
      `A search that is not over uses "${dataset.name}". Wait for it, or cancel it.`,
    );
  await removePrefix(env, prefixOf(dataset.id));
}

/** One shard's bytes, of a data set that is complete. */
export async function readShard(env: Env, dataset: Dataset, number: number): Promise<Response> {
  const { key, sha256 } = shardOf(dataset, number);
  return storedObject(env, { objectKey: key, sha256, fileName: `${dataset.name}-${number}.bin` });
}
