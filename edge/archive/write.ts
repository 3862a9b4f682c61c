/** Writes the archive of a search as it is asked for: one page of rows or one piece of an object is in memory at a time. */

import {
  archiveFormat,
  archiveVersion,
  type Manifest,
  manifestName,
  searchName,
  sumsName,
} from "../../shared/searchArchive.ts";
import { tarEnd, tarHeader, tarPadding } from "../../shared/tar.ts";
import { version } from "../../shared/version.ts";
import { isoTime } from "../app.ts";
import { contentOf } from "../datasets.ts";
import type { Env } from "../env.ts";
import { hex } from "../ids.ts";
import { Problem } from "../problems.ts";
import { type Row, rowPages, type Standing, standingOf } from "../store/archive.ts";
import { objectKeyOf } from "../store/blobs.ts";
import { statement } from "../store/database.ts";
import { datasetOf } from "../store/datasets.ts";
import type { Search } from "../store/searches.ts";
import {
  type ArchivedBlob,
  type ArchivedSearch,
  type ArchivedTraining,
  archivedStates,
  archivedTables,
  objectName,
  pageName,
} from "./tables.ts";

type Bytes = AsyncGenerator<Uint8Array>;

/** The archive as a stream. It fails where the search changes meanwhile. @throws Problem where it cannot be archived now */
export async function archiveStream(env: Env, search: Search): Promise<ReadableStream<Uint8Array>> {
  const standing = await standingOf(env.DB, search.id);
  assertStill(search, standing);
  const bytes = archiveBytes(env, search, standing);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await bytes.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await bytes.return(undefined);
    },
  });
}

function assertStill(search: Search, standing: Standing | null): asserts standing is Standing {
  const refuse = (detail: string) => new Problem("invalid-state", detail);
  if (standing === null) throw new Problem("not-found", `There is no search "${search.id}".`);
  if (!archivedStates.some((state) => state === standing.state))
    throw refuse(
      `A search that is ${standing.state} changes while it is read. Pause it, or wait until it is over.`,
    );
  if (standing.leasedUntil > Date.now())
    throw refuse(
      `A runner still works on the search. Wait until it has given its task back, ${isoTime(standing.leasedUntil)} at the latest.`,
    );
  if (standing.state !== "paused" && standing.openTrainings > 0)
    throw refuse(`${standing.openTrainings} of its trainings are not over. Wait for them.`);
}

async function* archiveBytes(env: Env, search: Search, standing: Standing): Bytes {
  const writer = new TarWriter();
  const manifest: Manifest = {
    format: archiveFormat,
    version: archiveVersion,
    software: version,
    searchId: search.id,
    name: search.name,
    state: search.state,
    createdAt: isoTime(Date.now()),
  };
  yield* writer.file(manifestName, `${JSON.stringify(manifest, null, 2)}\n`);
  yield* writer.file(searchName, JSON.stringify(await archivedSearch(env.DB, search)));
  const blobs: ArchivedBlob[] = [];
  for (const table of archivedTables) {
    const isBlobs = table.name === "blobs";
    // A search that is over needs no checkpoint again.
    const wanted =
      standing.state === "paused" ? "sha256 IS NOT NULL" : "sha256 IS NOT NULL AND purpose = 'export'";
    let page = 0;
    for await (const rows of rowPages(env.DB, table, search.id, isBlobs ? wanted : undefined)) {
      if (isBlobs) blobs.push(...(rows as ArchivedBlob[]));
      const written = table.name === "trainings" ? rows.map((row) => withoutLease(row, blobs)) : rows;
      page += 1;
      const lines = written.map((row) => `${JSON.stringify(row)}\n`);
      yield* writer.file(pageName(table.name, page), lines.join(""));
    }
  }
  for (const blob of blobs) yield* writer.object(env.BUCKET, search.id, blob);
  const now = await standingOf(env.DB, search.id);
  if (JSON.stringify(now) !== JSON.stringify(standing))
    throw new Error(`search ${search.id} changed while it was archived`);
  yield* writer.end();
}

/** The report of a training as an archive has it: no lease, and only exports that are there. */
function withoutLease(row: Row, blobs: readonly ArchivedBlob[]): Row {
  if (row.report === null) return row;
  const { leaseId: _, ...report } = row.report as NonNullable<ArchivedTraining["report"]> & {
    leaseId: string;
  };
  if (report.kind !== "finalTraining") return { ...row, report };
  const exports = Object.entries(report.exports).filter(([, blob]) => blobs.some(({ id }) => id === blob));
  return { ...row, report: { ...report, exports: Object.fromEntries(exports) } };
}

async function archivedSearch(db: D1Database, search: Search): Promise<ArchivedSearch> {
  const dataset = search.datasetId === null ? null : await datasetOf(db, search.datasetId);
  const controller = await statement(
    db,
    "SELECT round, state, summary, busy_seconds FROM controller_states WHERE search_id = :id",
    { id: search.id },
  ).first<{ round: number; state: string; summary: string; busy_seconds: number }>();
  if (controller === null) throw new Problem("not-found");
  return {
    id: search.id,
    state: search.state,
    searching: search.searching,
    specification: search.specification,
    failure: search.failure,
    createdAt: search.createdAt,
    startedAt: search.startedAt,
    finishedAt: search.finishedAt,
    gpuHoursTold: search.gpuHoursTold,
    wallClockHoursTold: search.wallClockHoursTold,
    data: dataset === null ? null : contentOf(dataset.header),
    controller: {
      round: controller.round,
      state: JSON.parse(controller.state),
      summary: JSON.parse(controller.summary),
      busySeconds: controller.busy_seconds,
    },
  };
}

class TarWriter {
  readonly #sums: string[] = [];
  readonly #seconds = Math.floor(Date.now() / 1000);

  async *file(name: string, text: string): Bytes {
    const bytes = new TextEncoder().encode(text);
    yield tarHeader(name, bytes.length, this.#seconds);
    yield bytes;
    yield tarPadding(bytes.length);
    this.#sums.push(`${hex(await crypto.subtle.digest("SHA-256", bytes))}  ${name}\n`);
  }

  async *object(bucket: R2Bucket, searchId: string, { id, bytes, sha256 }: ArchivedBlob): Bytes {
    const name = objectName(id);
    const object = await bucket.get(objectKeyOf(searchId, id));
    if (object === null || object.size !== bytes) throw new Error(`the object of blob ${id} is not there`);
    yield tarHeader(name, bytes, this.#seconds);
    yield* object.body;
    yield tarPadding(bytes);
    this.#sums.push(`${sha256}  ${name}\n`);
  }

  async *end(): Bytes {
    yield* this.file(sumsName, this.#sums.join(""));
    yield tarEnd();
  }
}
