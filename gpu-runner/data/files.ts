/** How data sets reach memory: the errors they raise, the cache file, and reading files that may be compressed. */

import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { cacheDir } from "../../setup/tensorflow.mjs";
import type { Images, Labels } from "./dataset.ts";

const CACHE_MAGIC = "NASTIMG1";
const HEADER_NUMBERS = 6;
const SHA256_BYTES = 32;
const HEADER_BYTES = CACHE_MAGIC.length + HEADER_NUMBERS * 4 + SHA256_BYTES;

/** Data that is absent or damaged. The message is one line: what is wrong, then what to do. */
export class DataError extends Error {
  /** What is wrong. */
  readonly problem: string;
  /** What to do. */
  readonly remedy: string;

  constructor(problem: string, remedy: string) {
    const [what, how] = [problem, remedy].map((text) => text.replaceAll(/\s+/g, " "));
    super(`${what} ${how}`);
    this.name = "DataError";
    this.problem = what as string;
    this.remedy = how as string;
  }
}

/** The two sets of images that a reader produces. */
export interface ImageSets {
  train: Images;
  test: Images;
}

/** Where converted and downloaded data sets are kept: the folder `data` of the project's cache. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  return path.join(cacheDir(env), "data");
}

/** SHA-256 of the shape, the pixels and the labels of both sets. */
export function digestOf(sets: ImageSets): Buffer {
  const hash = createHash("sha256").update(cacheNumbers(sets));
  for (const part of payload(sets)) hash.update(part);
  return hash.digest();
}

/** Writes both sets to one file that appears complete or not at all. */
export async function writeCache(file: string, sets: ImageSets): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    const handle = await open(temporary, "wx");
    try {
      const header = [Buffer.from(CACHE_MAGIC, "latin1"), cacheNumbers(sets), digestOf(sets)];
      for (const part of [...header, ...payload(sets)]) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (err) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw new DataError(
      `The cache file ${file} cannot be written: ${reasonOf(err)}.`,
      "Free some space or set NASTURTIUM_CACHE to a folder that can be written.",
    );
  }
}

/**
 * Reads a file of {@link writeCache}.
 *
 * @throws DataError where the file is damaged
 */
export async function readCache(file: string, classNames: string[]): Promise<ImageSets> {
  const bytes = await readShared(file);
  const damaged = (what: string) =>
    new DataError(`The cache file ${file} is damaged: ${what}.`, "Delete it.");
  if (bytes.length < HEADER_BYTES || bytes.toString("latin1", 0, CACHE_MAGIC.length) !== CACHE_MAGIC) {
    throw damaged("it does not start as a cache file does");
  }
  const number = (index: number) => bytes.readUInt32LE(CACHE_MAGIC.length + index * 4);
  const [height, width, channels, classes] = [number(2), number(3), number(4), number(5)];
  const imageBytes = height * width * channels;
  const expected = HEADER_BYTES + (number(0) + number(1)) * (imageBytes + 1);
  if (bytes.length !== expected) throw damaged(`it has ${bytes.length} bytes instead of ${expected}`);
  if (classes !== classNames.length) throw damaged(`it has ${classes} classes`);

  let offset = HEADER_BYTES;
  const take = (length: number) => {
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  const images = (count: number): Images => {
    const pixels = take(count * imageBytes);
    return { count, height, width, channels, classes, classNames, pixels, labels: take(count) };
  };
  const sets = { train: images(number(0)), test: images(number(1)) };
  const stored = bytes.subarray(HEADER_BYTES - SHA256_BYTES, HEADER_BYTES);
  if (!digestOf(sets).equals(stored)) throw damaged("its checksum does not match");
  return sets;
}

/** Into memory that the thread of a BatchLoader reads, too: it would need a copy otherwise. */
async function readShared(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const bytes = Buffer.from(new SharedArrayBuffer((await handle.stat()).size));
    let offset = 0;
    while (offset < bytes.length) {
      const { bytesRead } = await handle.read(bytes, offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
    }
    return bytes;
  } finally {
    await handle.close();
  }
}

function cacheNumbers({ train, test }: ImageSets): Buffer {
  const numbers = [train.count, test.count, train.height, train.width, train.channels, train.classes];
  const bytes = Buffer.alloc(HEADER_NUMBERS * 4);
  for (const [index, value] of numbers.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

/** All bytes of a data set, in the order in which they are stored and hashed. */
export function payload({ train, test }: ImageSets): Uint8Array[] {
  return [train.pixels, bytesOfLabels(train.labels), test.pixels, bytesOfLabels(test.labels)];
}

/** Labels as they are stored: one byte each, or two with the low one first. */
export function bytesOfLabels(labels: Labels): Uint8Array {
  return new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
}

/** Whether there is a folder of this name. */
export async function isFolder(name: string): Promise<boolean> {
  try {
    return (await stat(name)).isDirectory();
  } catch {
    return false;
  }
}

/** How a compressed variant of a file is opened, by what its name ends in. */
const decompressors: Record<string, (file: string) => Promise<Uint8Array>> = {
  ".gz": async (file) => promisify(gunzip)(await readFile(file)),
  ".xz": decompressXz,
};

/**
 * Reads `folder/name`, or the same file with `.gz` or `.xz` added.
 *
 * @throws DataError where no variant exists or the compressed one cannot be opened
 */
export async function readPlainOrCompressed(folder: string, name: string): Promise<Uint8Array> {
  const plain = path.join(folder, name);
  if (existsSync(plain)) return readFile(plain);
  for (const [suffix, decompress] of Object.entries(decompressors)) {
    const file = plain + suffix;
    if (!existsSync(file)) continue;
    try {
      return await decompress(file);
    } catch (err) {
      if (err instanceof DataError) throw err;
      throw new DataError(`${file} cannot be decompressed: ${reasonOf(err)}.`, "Fetch the file again.");
    }
  }
  throw new DataError(`${plain} is missing (also as .gz and .xz).`, "Name the folder that holds it.");
}

/** Whether {@link readPlainOrCompressed} would find the file. */
export function hasPlainOrCompressed(folder: string, name: string): boolean {
  return ["", ...Object.keys(decompressors)].some((suffix) => existsSync(path.join(folder, name + suffix)));
}

async function decompressXz(file: string): Promise<Uint8Array> {
  try {
    return await run("xz", ["-dc", "--", file]);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") {
      throw new DataError(
        `${file} needs the program xz, which is not installed.`,
        "Install xz-utils, or decompress the file elsewhere with `xz -dk`.",
      );
    }
    throw err;
  }
}

/** Runs a program to its end and returns what it wrote to stdout. */
export function run(program: string, args: string[]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(output));
      else reject(new Error(complaint.trim() || `${program} ended with status ${code}`));
    });
  });
}

/** The message of an error with the reason beneath it, as `fetch` hides it. */
export function reasonOf(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? `${err.message} (${err.cause.message || err.cause.name})` : err.message;
}
