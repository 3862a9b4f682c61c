/**
 * Step of the image: removes from node_modules what a runner never reads. Not for a checkout that is worked in.
 *
 *     node gpu-runner/image/prune.mjs
 */

import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { rootDir } from "../../setup/node.mjs";
import { log } from "../../setup/progress.mjs";

/** What goes, by a pattern on its path below node_modules. */
const unneeded = [
  /^node-linux-[^/]+$/, // a Node for machines that have an old one
  /^onnxruntime-node\/bin\/[^/]+\/(?!linux$)[^/]+$/, // of other operating systems
  /\.map$/,
  /\.d\.[cm]?ts$/,
];

const packages = path.join(rootDir, "node_modules");
let bytes = 0;
for (const file of readdirSync(packages, { recursive: true, encoding: "utf8" })) {
  const location = path.join(packages, file);
  if (!unneeded.some((pattern) => pattern.test(file))) continue;
  bytes += sizeOf(location);
  rmSync(location, { recursive: true, force: true });
}
log(`Removed ${Math.round(bytes / 1e6)} MB of packages that a runner does not need.`);

/**
 * @param {string} location
 * @returns {number}
 */
function sizeOf(location) {
  const status = statSync(location, { throwIfNoEntry: false });
  if (status === undefined) return 0; // it went with its folder
  if (!status.isDirectory()) return status.size;
  return readdirSync(location).reduce((sum, name) => sum + sizeOf(path.join(location, name)), 0);
}
