/**
 * Images and tables that were pushed to the edge, on a machine that has never seen them: fetches the shards that are not in
 * the cache, verifies each, and keeps them for the next time. A shard is a file named by its SHA-256 that appears
 * whole or not at all, so a fetch that was cut off goes on with the shards it lacks.
 */

import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  type DatasetHeader,
  datasetBytes,
  type ImagesHeader,
  type TableHeader,
} from "../../shared/pushedDataset.ts";
import type { Dataset } from "./dataset.ts";
import { DataError, reasonOf } from "./files.ts";
import { eachInParallel } from "./parallel.ts";
import { sha256, unpack } from "./shards.ts";
import { textDigest } from "./tableFile.ts";
import { tableText } from "./tableText.ts";

/** Hides the time to the first byte of each without holding many in memory. */
const FETCHED_AT_ONCE = 4;
const LOG_SECONDS = 10;

/** Where the shards come from. */
export interface PushedSource {
  /** The bytes of a shard, numbered from 1. */
  shard: (number: number) => Promise<Uint8Array>;
}

export interface PushedOptions {
  /** Shards are kept in `datasets/<digest>` of it. */
  cacheDir: string;
  log: (line: string) => void;
  /** Throws where the work must not go on. */
  throwIfEnded?: (() => void) | undefined;
}

/**
 * Loads a pushed data set into memory.
 *
 * @throws DataError where what comes is not what the header says; whatever the source throws
 */
export async function loadPushed(
  header: ImagesHeader,
  source: PushedSource,
  options: PushedOptions,
): Promise<Dataset> {
  // Shared with the thread of a BatchLoader, which would need a copy otherwise.
  const bytes = new Uint8Array(new SharedArrayBuffer(datasetBytes(header)));
  await fillPushed(bytes, header, source, options);
  return unpack(header, bytes);
}

/**
 * Loads a pushed table's text.
 *
 * @throws DataError where what comes is not what the header says; whatever the source throws
 */
export async function loadPushedTable(
  header: TableHeader,
  source: PushedSource,
  options: PushedOptions,
): Promise<string> {
  const bytes = new Uint8Array(header.bytes);
  await fillPushed(bytes, header, source, options);
  const text = tableText(bytes, `The table ${header.name}`);
  if (textDigest(text) === header.digest) return text;
  throw new DataError(
    `The table ${header.name} is not what its digest says.`,
    "Delete it and push it again.",
  );
}

/** Fills `bytes` with the shards, those that are kept and those that the source has. */
async function fillPushed(
  bytes: Uint8Array,
  header: DatasetHeader,
  source: PushedSource,
  { cacheDir, log, throwIfEnded }: PushedOptions,
): Promise<void> {
  const folder = path.join(cacheDir, "datasets", header.digest);
  const starts: number[] = [];
  let end = 0;
  for (const shard of header.shards) {
    starts.push(end);
    end += shard.bytes;
  }
  if (end !== bytes.length)
    throw new DataError(`The header of ${header.name} contradicts itself.`, "Push it again.");

  const missing: number[] = [];
  for (const [index, { sha256: sum }] of header.shards.entries()) {
    const kept = await readKept(path.join(folder, sum), sum);
    if (kept === undefined) missing.push(index);
    else bytes.set(kept, starts[index]);
  }
  const keep = keeper(folder, log);
  const progress = fetchLog(header, missing, log);
  await eachInParallel(
    missing,
    async (index) => {
      throwIfEnded?.();
      const { sha256: sum, bytes: length } = header.shards[index] as DatasetHeader["shards"][number];
      const shard = await source.shard(index + 1);
      if (shard.length !== length || sha256(shard) !== sum)
        throw new DataError(`Shard ${index + 1} of ${header.name} arrived damaged.`, "Try again.");
      bytes.set(shard, starts[index]);
      await keep(sum, shard);
      progress(length);
    },
    FETCHED_AT_ONCE,
  );
}

/** A shard of the cache; nothing where it is absent or damaged. */
async function readKept(file: string, sum: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(file);
    return sha256(bytes) === sum ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps shards until one cannot be kept: the work goes on without, and says so once. */
function keeper(
  folder: string,
  log: (line: string) => void,
): (sum: string, bytes: Uint8Array) => Promise<void> {
  let isPossible = true;
  return async (sum, bytes) => {
    if (!isPossible) return;
    const temporary = path.join(folder, `.${sum}.${randomUUID()}`);
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(temporary, bytes, { flag: "wx", flush: true });
      await rename(temporary, path.join(folder, sum));
    } catch (err) {
      if (isPossible) log(notKept(folder, err));
      isPossible = false;
      await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    }
  };
}

/** Why data is not kept, and what to do about it. */
export function notKept(folder: string, err: unknown): string {
  const isFull = err instanceof Error && "code" in err && (err.code === "ENOSPC" || err.code === "EDQUOT");
  const reason = isFull ? "the disk is full" : reasonOf(err);
  return `The data cannot be kept in ${folder}: ${reason}. Free some space or set NASTURTIUM_CACHE to a folder that can be written; until then it is fetched again each time.`;
}

function fetchLog(header: DatasetHeader, missing: readonly number[], log: (line: string) => void) {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const what = header.kind === "table" ? "table" : "data set";
  const total = missing.reduce((sum, index) => sum + (header.shards[index]?.bytes ?? 0), 0);
  if (total > 0) {
    const kept = missing.length < header.shards.length ? ", the rest is here already" : "";
    log(`Fetching the ${what} ${header.name}: ${megabytes(total)}${kept}.`);
  }
  const startedAt = performance.now();
  let loggedAt = startedAt;
  let done = 0;
  return (length: number) => {
    done += length;
    const now = performance.now();
    const seconds = (now - startedAt) / 1000;
    if (done === total) log(`Fetched the ${what} ${header.name} in ${seconds.toFixed(1)} s.`);
    else if (now - loggedAt > LOG_SECONDS * 1000) {
      loggedAt = now;
      const left = (seconds / done) * (total - done);
      log(`Fetched ${megabytes(done)} of ${megabytes(total)}, about ${Math.ceil(left)} s left.`);
    }
  };
}
