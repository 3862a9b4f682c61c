/** Unpacks the tar archives that the edge serves (POSIX ustar: plain files and folders) and nothing else. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CliError } from "./errors.ts";

const BLOCK_BYTES = 512;
const NAME = [0, 100] as const;
const SIZE = [124, 136] as const;
const CHECKSUM = [148, 156] as const;
const TYPE = 156;
const PREFIX = [345, 500] as const;
const FILE_TYPES = new Set(["0", "\0"]);
const FOLDER_TYPE = "5";

export interface ArchiveFile {
  name: string;
  bytes: Uint8Array;
}

/**
 * The files of an archive.
 *
 * @throws CliError when it is cut short or damaged, or holds a link or another special file
 */
export function readTar(archive: Uint8Array): ArchiveFile[] {
  const files: ArchiveFile[] = [];
  let offset = 0;
  while (offset + BLOCK_BYTES <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) return files;
    checkHeader(header);
    const prefix = text(header, PREFIX);
    const name = prefix === "" ? text(header, NAME) : `${prefix}/${text(header, NAME)}`;
    const size = octal(header, SIZE);
    const type = String.fromCharCode(header[TYPE] ?? 0);
    const start = offset + BLOCK_BYTES;
    if (start + size > archive.length) throw damaged("it ends within a file");
    if (FILE_TYPES.has(type)) files.push({ name, bytes: archive.subarray(start, start + size) });
    else if (type !== FOLDER_TYPE) throw damaged(`"${name}" is neither a file nor a folder`);
    offset = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return files;
}

/**
 * Writes files under a folder, which is created.
 *
 * @param overwrite without it an existing file is refused before anything is written
 * @returns the paths written
 * @throws CliError for a name that leads out of the folder
 */
export function writeFiles(files: readonly ArchiveFile[], folder: string, overwrite: boolean): string[] {
  const root = path.resolve(folder);
  const targets = files.map(({ name, bytes }) => ({ target: safePath(root, name), bytes }));
  const existing = targets.find(({ target }) => existsSync(target));
  if (existing && !overwrite) {
    throw new CliError(
      `${path.relative("", existing.target)} exists already.`,
      "Choose another --out, or add --force to overwrite.",
    );
  }
  for (const { target, bytes } of targets) {
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
  return targets.map(({ target }) => target);
}

function safePath(root: string, name: string): string {
  const target = path.resolve(root, name);
  const isInside = target.startsWith(root + path.sep);
  if (isInside && !path.isAbsolute(name) && !name.includes("\0") && !name.includes("\\")) return target;
  throw new CliError(
    `The archive holds "${name}", which leads out of the folder.`,
    "Do not trust this edge; nothing was written.",
  );
}

function checkHeader(header: Uint8Array): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) {
    sum += index >= CHECKSUM[0] && index < CHECKSUM[1] ? 32 : byte;
  }
  if (sum !== octal(header, CHECKSUM)) throw damaged("a header's checksum is wrong");
}

function text(header: Uint8Array, [start, end]: readonly [number, number]): string {
  const field = header.subarray(start, end);
  const length = field.indexOf(0);
  return new TextDecoder().decode(length < 0 ? field : field.subarray(0, length));
}

function octal(header: Uint8Array, field: readonly [number, number]): number {
  const digits = text(header, field).trim();
  if (!/^[0-7]+$/.test(digits)) throw damaged("a header's number is wrong");
  return Number.parseInt(digits, 8);
}

const damaged = (why: string) => new CliError(`The archive is damaged: ${why}.`, "Download it again.");
