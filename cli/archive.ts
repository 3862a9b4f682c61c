/** Unpacks the tar archives that the edge serves (POSIX ustar: plain files and folders) and nothing else. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readTarHeader, TarError, tarBlockBytes, tarPadding } from "../shared/tar.ts";
import { CliError } from "./errors.ts";

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
  while (offset + tarBlockBytes <= archive.length) {
    const entry = headerAt(archive, offset);
    if (entry === null) return files;
    const { name, bytes: size, type } = entry;
    const start = offset + tarBlockBytes;
    if (start + size > archive.length) throw damaged("it ends within a file");
    if (type === "file") files.push({ name, bytes: archive.subarray(start, start + size) });
    else if (type !== "folder") throw damaged(`"${name}" is neither a file nor a folder`);
    offset = start + size + tarPadding(size).length;
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

function headerAt(archive: Uint8Array, offset: number) {
  try {
    return readTarHeader(archive.subarray(offset, offset + tarBlockBytes));
  } catch (error) {
    throw error instanceof TarError ? damaged(error.message) : error;
  }
}

const damaged = (why: string) => new CliError(`The archive is damaged: ${why}.`, "Download it again.");
