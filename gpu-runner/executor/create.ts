/** The executor of a backend: one compiled graph on TensorFlow, layer by layer on WebAssembly. */

import type { Network } from "../../shared/network.ts";
import { GraphExecutor } from "../graph/executor.ts";
import type { Backend, BackendName } from "../kernels/backend.ts";
import { EagerExecutor } from "./eager.ts";
import type { Executor } from "./executor.ts";

const executors: Record<BackendName, (backend: Backend, network: Network, seed: number) => Executor> = {
  tensorflow: (backend, network, seed) => new GraphExecutor(backend, network, seed),
  wasm: (backend, network, seed) => new EagerExecutor(backend, network, seed),
};

/** @param seed of the start values of the weights */
export function createExecutor(backend: Backend, network: Network, seed: number): Executor {
  return executors[backend.name](backend, network, seed);
}
