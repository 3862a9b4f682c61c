/**
 * Keeps the built pages in step with their sources. The Worker serves `dist/dashboard/` as static files and does not
 * start without it, so whatever starts or bundles a Worker asks for it first. Building takes seconds, and only what
 * is newer than the last build is built again.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { rootDir } from "./node.mjs";
import { SetupError, log as stderrLog, step } from "./progress.mjs";

/** What the pages are made of: folders and files of the checkout. */
const SOURCES = [
  "dashboard",
  "device",
  "edge/client.ts",
  "gpu-runner",
  "shared",
  "package-lock.json",
  "setup/dashboard.mjs",
];
/** Made by each build. */
const RESULT = "index.html";

/**
 * Builds the pages unless they are newer than all that they are made of.
 *
 * @param {object} [options]
 * @param {string} [options.root] the checkout
 * @param {(line: string) => void} [options.log] where progress goes
 * @returns {Promise<boolean>} whether something was built
 * @throws {SetupError} where the build fails
 */
export async function ensureDashboard({ root = rootDir, log = stderrLog } = {}) {
  const outDir = path.join(root, "dist", "dashboard");
  const builtMs = modifiedMs(path.join(outDir, RESULT));
  if (SOURCES.every((source) => newestMs(path.join(root, source)) < builtMs)) return false;
  if (!existsSync(path.join(root, "node_modules", "vite"))) {
    // What is installed without tools for development was built elsewhere.
    if (builtMs > 0) return false;
    throw new SetupError("The dashboard is not built, and Vite is not installed.", "Run `npm ci`.");
  }
  await step("Building the dashboard", () => build(root, outDir), log);
  return true;
}

/**
 * Into a folder of its own first, so that whoever serves the old pages, or builds them too, meets whole ones.
 *
 * @param {string} root
 * @param {string} outDir
 */
async function build(root, outDir) {
  mkdirSync(path.dirname(outDir), { recursive: true });
  const fresh = mkdtempSync(`${outDir}-`);
  try {
    const vite = createRequire(path.join(root, "package.json")).resolve("vite");
    const { build: viteBuild } = await import(pathToFileURL(vite).href);
    const configFile = path.join(root, "dashboard", "vite.config.ts");
    await viteBuild({ configFile, build: { outDir: fresh, emptyOutDir: true } });
    replace(outDir, fresh);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SetupError(`The dashboard cannot be built: ${reason}`, "Run `npm run dashboard` to see more.");
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * @param {string} outDir
 * @param {string} fresh
 */
function replace(outDir, fresh) {
  rmSync(outDir, { recursive: true, force: true });
  try {
    renameSync(fresh, outDir);
  } catch (error) {
    // Who builds at the same time was faster, with the same sources.
    if (modifiedMs(path.join(outDir, RESULT)) === 0) throw error;
  }
}

/**
 * @param {string} place a file or a folder with all that is in it
 * @returns {number} when the newest of it was changed; 0 where nothing is there
 */
function newestMs(place) {
  const ownMs = modifiedMs(place);
  if (ownMs === 0 || !statSync(place).isDirectory()) return ownMs;
  const within = readdirSync(place, { recursive: true, encoding: "utf8" });
  return Math.max(ownMs, ...within.map((name) => modifiedMs(path.join(place, name))));
}

/** @param {string} file */
const modifiedMs = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
