/**
 * Step of the image: loads native TensorFlow for CUDA, multiplies with it, and loads every library of NVIDIA's that
 * it may ask for, so that a system library that the image lacks is found here. Needs no GPU: says whether there is
 * one, and leaves it to the self-test to insist on it.
 *
 *     node gpu-runner/image/verify.mjs
 */

import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { rootDir } from "../../setup/node.mjs";
import { NVIDIA_LIBRARIES } from "../../setup/wheels.mjs";

/** What Node says of a library that did load, but is no addon. */
const LOADED = "did not self-register";

const require = createRequire(import.meta.url);
const packageDir = path.join(rootDir, "node_modules", "@tensorflow", "tfjs-node-gpu");

try {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const libraries = loadNvidiaLibraries();
  const { version, usesGpu } = multiply();
  const gpu = usesGpu ? "it computes on the GPU" : `no GPU is visible: ${reason()}`;
  process.stdout.write(
    `TensorFlow ${version} (CUDA build) loaded, with ${libraries} libraries of NVIDIA's; ${gpu}.\n`,
  );
} catch (error) {
  process.stderr.write(`nasturtium: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

/** @returns how many there are */
function loadNvidiaLibraries() {
  const folder = path.join(packageDir, NVIDIA_LIBRARIES);
  if (!existsSync(folder)) {
    throw new Error(
      "This is not TensorFlow's CUDA build: NVIDIA's libraries are missing. Run gpu-runner/image/install.mjs.",
    );
  }
  const names = readdirSync(folder);
  for (const name of names) {
    try {
      process.dlopen({ exports: {} }, path.join(folder, name));
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      if (!message.includes(LOADED)) throw new Error(`NVIDIA's ${name} does not load: ${message}`);
    }
  }
  return names.length;
}

/** @returns {{ version: string, usesGpu: boolean }} */
function multiply() {
  // tfjs-node calls it; Node removed it in version 23.
  require("node:util").isNullOrUndefined ??= (/** @type {unknown} */ value) =>
    value === null || value === undefined;
  const tf = load();
  const product = tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync();
  if (product[0] !== 11) throw new Error(`TensorFlow multiplies wrongly: 1·3 + 2·4 gave ${product[0]}.`);
  const { binding, isUsingGpuDevice } = tf.backend();
  return { version: binding.TF_Version, usesGpu: isUsingGpuDevice === true };
}

function load() {
  try {
    return require("@tensorflow/tfjs-node-gpu");
  } catch (error) {
    throw new Error(`TensorFlow's binding does not load: ${/** @type {Error} */ (error).message}`);
  }
}

function reason() {
  return existsSync("/dev/nvidiactl")
    ? "NVIDIA's driver is here, but TensorFlow cannot use it"
    : "there is no NVIDIA driver in this container or machine (/dev/nvidiactl)";
}
