/** Kernels on WebAssembly. */

import type { TensorFlow } from "./backend.ts";
import type { Kernels } from "./types.ts";

export function wasmKernels(_tf: TensorFlow): Kernels {
  throw new Error("Not there yet.");
}
