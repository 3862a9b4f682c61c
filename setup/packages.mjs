/**
 * Keeps node_modules in step with package-lock.json. npm leaves a copy of what it installed in
 * node_modules/.package-lock.json as the last thing it does, so comparing the two finds a missing, an outdated
 * and a half-finished install alike, whoever made it.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { rootDir } from "./node.mjs";
import { capture, SetupError, step, tail } from "./progress.mjs";

/**
 * @param {string} [root] the folder of package-lock.json
 * @returns {boolean} whether every package of the lock file is installed in its version
 */
export function packagesAreReady(root = rootDir) {
  const wanted = readLock(path.join(root, "package-lock.json"));
  const installed = readLock(path.join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined) {
    throw new SetupError("package-lock.json is missing.", "Restore it: `git checkout package-lock.json`.");
  }
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([location, { version, optional, devOptional, peer }]) => {
    const found = installed[location];
    if (found === undefined) return location === "" || Boolean(optional || devOptional || peer);
    return found.version === version;
  });
}

/** Installs the packages of the lock file unless they are there. */
export async function ensurePackages() {
  if (!packagesAreReady()) await installPackages();
}

/**
 * Installs the packages of the lock file, whatever is there.
 *
 * @param {string[]} [options] more for `npm ci`, such as --omit=dev
 * @throws {SetupError} with npm's reason
 */
export async function installPackages(options = []) {
  const { ok, output } = await step("Installing npm packages", () =>
    capture("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...options], {
      cwd: rootDir,
      env: { ...process.env, PATH: pathWithoutPackages(), NODE_ENV: "development" },
      shell: process.platform === "win32",
    }),
  );
  if (ok) return;
  const fix = output.includes("EUSAGE")
    ? "package.json and package-lock.json disagree: run `npm install` and commit the lock file."
    : output.includes("ENOENT") && output.includes("spawn")
      ? "npm was not found: install it (it comes with Node) and try again."
      : "Check that the npm registry can be reached (`npm ping`) and that the disk has 1 GB free, then try again.";
  throw new SetupError(`npm ci failed:\n${tail(withoutUsage(output))}`, fix);
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }> | undefined}
 */
function readLock(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}

/**
 * npm prints the cause, then its manual page.
 *
 * @param {string} output
 */
function withoutUsage(output) {
  const [cause = ""] = output.split("npm error Clean install a project");
  return cause.replace(/^npm warn .*\n/gm, "");
}

/** `npm run` puts node_modules/.bin first, and npm must not run from the folder that it is about to replace. */
function pathWithoutPackages() {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  return folders.filter((folder) => !folder.includes("node_modules")).join(path.delimiter);
}
