/** Archives of searches on their way between a file and an edge; neither is held in memory. */

import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import type { InferResponseType } from "hono/client";
import { manifestName, manifestProblem, maxFileBytes } from "../shared/searchArchive.ts";
import { readTarHeader, TarError, tarBlockBytes, tarEnd } from "../shared/tar.ts";
import type { EdgeClient } from "./client.ts";
import { badInput, CliError, reasonOf } from "./errors.ts";

/** For a large archive over a slow line, and for the edge to check one. */
const ARCHIVE_TIMEOUT_MS = 6 * 3_600_000;

export type ImportedSearch = InferResponseType<EdgeClient["v1"]["imports"][":id"]["complete"]["$post"]>;

/**
 * Stores the archive of a search. A file of that name is there only once the archive is whole.
 *
 * @returns its bytes
 * @throws CliError where the file exists, or the archive breaks off
 */
export async function downloadArchive(
  client: EdgeClient,
  id: string,
  file: string,
  onReceived: (bytes: number) => void = () => {},
): Promise<number> {
  if (existsSync(file)) throw badInput(`${file} exists already.`, "Choose another --out, or remove it.");
  const { v1 } = client.patient(ARCHIVE_TIMEOUT_MS);
  const { body } = await v1.searches[":id"].archive.$get({ param: { id } }, { headers: { accept: "*/*" } });
  if (body === null) throw brokenOff("there is nothing in it");
  const partial = `${file}.part`;
  const target = await open(partial, "w");
  try {
    let bytes = 0;
    const tail = new Uint8Array(tarEnd().length);
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
      await target.write(piece);
      bytes += piece.length;
      const kept = [...tail.subarray(Math.min(piece.length, tail.length)), ...piece.subarray(-tail.length)];
      tail.set(kept);
      onReceived(bytes);
    }
    if (bytes < tail.length || tail.some((byte) => byte !== 0)) throw brokenOff("its end is missing");
    await target.close();
    await rename(partial, file);
    return bytes;
  } catch (error) {
    await target.close().catch(() => {});
    await rm(partial, { force: true });
    throw error instanceof CliError || (error instanceof Error && error.name === "AbortError")
      ? error
      : brokenOff(reasonOf(error));
  }
}

const brokenOff = (why: string): CliError =>
  new CliError(
    `The archive broke off: ${why}.`,
    "Nothing is kept of it. The search may have changed meanwhile: see `nasturtium searches show`, then try again.",
  );

/**
 * Sends an archive and has it imported.
 *
 * @param onSent told after each part how many bytes of how many were sent
 * @throws CliError where the file is no archive, or the edge refuses it
 */
export async function sendArchive(
  client: EdgeClient,
  file: string,
  onSent: (bytes: number, of: number) => void = () => {},
): Promise<ImportedSearch> {
  const source = await open(file).catch((error: unknown) => {
    throw badInput(`${file} cannot be read: ${reasonOf(error)}.`, "Name the file of an export.");
  });
  try {
    const { size } = await source.stat();
    await assertArchive(source, file, size);
    const { v1 } = client;
    const created = client.json(v1.imports.$post({ json: { bytes: size } }), ["id", "partBytes"]);
    const { id, partBytes } = await created;
    for (let offset = 0, part = 1; offset < size; offset += partBytes, part++) {
      const bytes = await bytesAt(source, offset, Math.min(partBytes, size - offset));
      await v1.imports[":id"].parts[":part"].$put({ param: { id, part } }, { init: { body: bytes } });
      onSent(offset + bytes.length, size);
    }
    const patient = client.patient(ARCHIVE_TIMEOUT_MS);
    const completed = patient.v1.imports[":id"].complete.$post({ param: { id } });
    return await patient.json(completed, ["id", "state", "importedFrom", "missingData"]);
  } finally {
    await source.close();
  }
}

/** Refuses what is no archive that can be read before any of it is sent. */
async function assertArchive(source: FileHandle, file: string, size: number): Promise<void> {
  const problem = await headProblem(source, size);
  if (problem === null) return;
  throw badInput(`${file} cannot be imported: ${problem}.`, "Name the file of `nasturtium searches export`.");
}

async function headProblem(source: FileHandle, size: number): Promise<string | null> {
  try {
    const entry = size < tarBlockBytes ? null : readTarHeader(await bytesAt(source, 0, tarBlockBytes));
    if (entry?.name !== manifestName || entry.bytes > maxFileBytes) return manifestProblem(undefined);
    const text = new TextDecoder().decode(await bytesAt(source, tarBlockBytes, entry.bytes));
    return manifestProblem(JSON.parse(text));
  } catch (error) {
    if (error instanceof TarError || error instanceof SyntaxError) return manifestProblem(undefined);
    throw error;
  }
}

async function bytesAt(source: FileHandle, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, bytesRead } = await source.read(new Uint8Array(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}
