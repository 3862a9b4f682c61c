/**
 * Step of the image: the packages that a runner needs, and the binding of native TensorFlow for CUDA, built. Needs
 * no GPU. Outside a container it does the same to the checkout it lies in.
 *
 *     NASTURTIUM_CACHE=DIR node gpu-runner/image/install.mjs
 */

import { rootDir } from "../../setup/node.mjs";
import { capture, log, step, tail } from "../../setup/progress.mjs";
import { ensureTensorFlow } from "../../setup/tensorflow.mjs";

const { ok, output } = await step("Installing npm packages", () =>
  capture("npm", ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: rootDir }),
);
if (!ok) {
  log(`npm ci failed:\n${tail(output)}`);
  process.exit(1);
}
const env = { ...process.env, NASTURTIUM_TENSORFLOW: "cuda", NASTURTIUM_BACKEND: "tensorflow" };
const { reason } = await ensureTensorFlow({ env });
if (reason !== undefined) {
  log(`Native TensorFlow for CUDA could not be made: ${reason}.`);
  process.exit(1);
}
