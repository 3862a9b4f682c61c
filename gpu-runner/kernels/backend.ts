/**
 * Loads the machine that executes tensors: native TensorFlow, or WebAssembly where that cannot be had.
 * Everything goes through `createRequire`, because @tensorflow packages come as CommonJS and as ES modules, and
 * a kernel registered in one copy of tfjs-core does not exist in the other.
 */

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";

const require = createRequire(import.meta.url);

export type TensorFlow = typeof import("@tensorflow/tfjs-core");

export type BackendName = "tensorflow" | "wasm";

export interface Backend {
  tf: TensorFlow;
  name: BackendName;
  /** Versions of what computes, by package name. */
  versions: Record<string, string>;
  /** Threads a kernel may use. */
  threads: number;
}

interface Loaded {
  versions: Record<string, string>;
  threads: number;
}

const loaders: Record<BackendName, (tf: TensorFlow) => Loaded> = {
  tensorflow: loadTensorFlow,
  wasm: loadWasm,
};

/**
 * Loads a backend and makes it the one of this process: there is one per process, and the last one loaded wins.
 *
 * @param name setup/launch.mjs says which is ready in NASTURTIUM_BACKEND
 * @throws Error where the package is not installed or its native binding was not built
 * @example
 * const backend = await loadBackend("tensorflow");
 * const primitives = createPrimitives(backend);
 */
export async function loadBackend(name: BackendName): Promise<Backend> {
  const tf: TensorFlow = require("@tensorflow/tfjs-core");
  require("@tensorflow/tfjs"); // gives tfjs-core its gradients
  const loaded = loaders[name](tf);
  if (!(await tf.setBackend(name))) throw new Error(`The ${name} backend of tfjs did not start.`);
  await tf.ready();
  return { tf, name, ...loaded, versions: { "@tensorflow/tfjs-core": tf.version_core, ...loaded.versions } };
}

function loadTensorFlow(): Loaded {
  // tfjs-node calls it; Node removed it in version 23.
  const util: { isNullOrUndefined?: (value: unknown) => boolean } = require("node:util");
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  const tfjsNode: { version: Record<string, string> } = require("@tensorflow/tfjs-node-gpu");
  const libtensorflow = tfjsNode.version.tensorflow;
  return {
    versions: {
      "@tensorflow/tfjs-node-gpu": require("@tensorflow/tfjs-node-gpu/package.json").version,
      ...(libtensorflow === undefined ? {} : { tensorflow: libtensorflow }),
    },
    threads: availableParallelism(),
  };
}

function loadWasm(): Loaded {
  const wasm: typeof import("@tensorflow/tfjs-backend-wasm") = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}${path.sep}`);
  // tfjs has no threads under Node: its worker script is a blob that worker_threads does not load.
  return { versions: { "@tensorflow/tfjs-backend-wasm": wasm.version_wasm }, threads: 1 };
}
