/**
 * Loads the machine that executes tensors: native TensorFlow, or WebAssembly where that cannot be had.
 * Everything goes through `createRequire`, because @tensorflow packages come as CommonJS and as ES modules, and
 * a kernel registered in one copy of tfjs-core does not exist in the other.
 */

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import path from "node:path";
import { requireThreads, runnerThreads } from "../limits/threads.ts";

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

/**
 * What TensorFlow is told, and tfjs-node cannot tell it. It reads these variables while it loads; what is set already
 * stays as it is. Not set on purpose: TF_DETERMINISTIC_OPS, which makes a GPU give the same bits every time but is
 * slower and refuses some operations, and NVIDIA_TF32_OVERRIDE, as training bears TF32's 10 bits of mantissa.
 */
const tensorflowOptions: Record<string, string> = {
  /** Errors only; otherwise it greets. */
  TF_CPP_MIN_LOG_LEVEL: "2",
  /** Takes GPU memory as it needs it, not all there is: the self-test, a second runner or a desktop find some too. */
  TF_FORCE_GPU_ALLOW_GROWTH: "true",
};

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
 * @throws TooFewThreads; Error where the package is not installed or its native binding was not built
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

function loadTensorFlow(tf: TensorFlow): Loaded {
  requireThreads("TensorFlow", runnerThreads()); // it aborts where it cannot start its own
  // tfjs-node calls it; Node removed it in version 23.
  const util: { isNullOrUndefined?: (value: unknown) => boolean } = require("node:util");
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  for (const [name, value] of Object.entries(tensorflowOptions)) process.env[name] ??= value;
  require("@tensorflow/tfjs-node-gpu");
  const { binding } = tf.findBackend("tensorflow") as unknown as { binding: { TF_Version: string } };
  return {
    versions: {
      "@tensorflow/tfjs-node-gpu": require("@tensorflow/tfjs-node-gpu/package.json").version,
      tensorflow: binding.TF_Version,
    },
    threads: Number(process.env.TF_NUM_INTRAOP_THREADS) || availableParallelism(),
  };
}

function loadWasm(): Loaded {
  const wasm: typeof import("@tensorflow/tfjs-backend-wasm") = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}${path.sep}`);
  // tfjs has no threads under Node: its worker script is a blob that worker_threads does not load.
  return { versions: { "@tensorflow/tfjs-backend-wasm": wasm.version_wasm }, threads: 1 };
}
