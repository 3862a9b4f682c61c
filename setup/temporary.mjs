/** The folder for temporary files, and what is wrong with it: what the system says names neither it nor a way out. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** @type {Readonly<Record<string, string>>} */
const REASONS = {
  EACCES: "may not be written",
  EDQUOT: "is full: its quota is used up",
  ENOENT: "does not exist",
  ENOSPC: "is full",
  ENOTDIR: "is no folder",
  EPERM: "may not be written",
  EROFS: "is read-only",
};
/** What programs say whose temporary files cannot be written. */
const COMPLAINTS =
  /no space left|disk is full|disk quota|read-only file system|ENOSPC|EDQUOT|EROFS|SQLITE_FULL/i;
/** More than a small graph or a database's journal takes. */
const PROBE_BYTES = 1 << 20;

/**
 * @param {unknown} error met while something was written to a temporary folder
 * @param {string} [folder] for temporary files
 * @returns {unknown} with the folder and what to do, where the folder is to blame; else the error itself
 */
export function explained(error, folder = tmpdir()) {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  if (reason === undefined) return error;
  const fix = "Free some space there, or set TMPDIR to a folder that can be written.";
  return new Error(`The temporary folder ${folder} ${reason}. ${fix}`, { cause: error });
}

/**
 * A new folder for temporary files; whoever asks for it removes it.
 *
 * @param {string} prefix of its name
 * @returns {string} its path
 * @throws {Error} naming the folder in which none can be made, and what to do
 */
export function temporaryFolder(prefix) {
  try {
    return mkdtempSync(path.join(tmpdir(), prefix));
  } catch (error) {
    throw explained(error);
  }
}

/**
 * Makes the folder of the file, too, where it is not there.
 *
 * @param {string} file in a temporary folder
 * @param {string | Uint8Array} data
 * @param {{ mode?: number }} [options]
 * @throws {Error} naming the folder that cannot be written, and what to do
 */
export function writeTemporary(file, data, options = {}) {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, data, options);
  } catch (error) {
    throw explained(error);
  }
}

/**
 * Tries to write there.
 *
 * @param {string} [folder]
 * @returns {string | undefined} what is wrong with it and what to do; undefined where it can be written
 */
export function temporaryProblem(folder = tmpdir()) {
  let made;
  try {
    made = mkdtempSync(path.join(folder, "nasturtium-"));
    writeFileSync(path.join(made, "probe"), new Uint8Array(PROBE_BYTES));
    return undefined;
  } catch (error) {
    const found = explained(error, folder);
    return found instanceof Error ? found.message : String(found);
  } finally {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
  }
}

/**
 * @param {string} output of a program that failed
 * @param {string} [folder]
 * @returns {string | undefined} what is wrong with the folder for temporary files, where that may be why
 */
export function temporaryBlame(output, folder = tmpdir()) {
  return COMPLAINTS.test(output) ? temporaryProblem(folder) : undefined;
}
