/** What runs networks under Node, one row each. */

import type { DeviceBackend } from "../backend.ts";

export interface BackendOptions {
  /** Default 1: what else runs on the machine then disturbs least. */
  threads?: number | undefined;
  /** URL of an external energy meter. */
  meter?: string | undefined;
}

/** Each loads its runtime when it is opened. @throws Error where that is not installed */
export const nodeBackends = {
  tensorflow: async (options: BackendOptions) => (await import("./tfjs.ts")).openTfjs("tensorflow", options),
  wasm: async (options: BackendOptions) => (await import("./tfjs.ts")).openTfjs("wasm", options),
  onnxruntime: async (options: BackendOptions) => (await import("./onnxruntime.ts")).openOnnxRuntime(options),
} satisfies Record<string, (options: BackendOptions) => Promise<DeviceBackend>>;

export type NodeBackendName = keyof typeof nodeBackends;
export const nodeBackendNames = Object.keys(nodeBackends) as NodeBackendName[];
