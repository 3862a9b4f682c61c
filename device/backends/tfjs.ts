/** TensorFlow.js as a device of Node's: native TensorFlow, or WebAssembly. */

import { createRequire } from "node:module";
import { usesGpu } from "../../gpu-runner/device.ts";
import { type Backend, type BackendName, loadBackend } from "../../gpu-runner/kernels/backend.ts";
import type { DeviceBackend } from "../backend.ts";
import { findMeter } from "../energy.ts";
import { conditionsReader, readFingerprint } from "../fingerprint.ts";
import { ourObjectives } from "../measure.ts";
import { loadTfjsGraph } from "../tfjsGraph.ts";
import type { BackendOptions } from "./index.ts";

const require = createRequire(import.meta.url);

/** @throws Error where the backend cannot be loaded or does not have so many threads */
export async function openTfjs(name: BackendName, options: BackendOptions): Promise<DeviceBackend> {
  const { meter } = options;
  const told = name === "tensorflow" ? Number(process.env.TF_NUM_INTRAOP_THREADS) : 1;
  const threads = options.threads ?? (told || 1);
  if (name === "wasm" && threads !== 1)
    throw new Error("TensorFlow.js on WebAssembly has one thread under Node.");
  // TensorFlow reads it while it loads.
  if (name === "tensorflow") process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  const backend = await loadBackend(name);
  if (backend.threads !== threads)
    throw new Error(`TensorFlow has started with ${backend.threads} threads; unset TF_NUM_INTRAOP_THREADS.`);
  return deviceOf(backend, meter);
}

/** A backend that is loaded already, such as a runner's, as a device. */
export async function deviceOf(
  backend: Pick<Backend, "tf" | "name" | "versions" | "threads">,
  meter?: string,
): Promise<DeviceBackend> {
  const { name, versions, threads } = backend;
  const onGpu = usesGpu(backend);
  const energy = await findMeter({ url: meter, usesGpu: onGpu });
  return {
    facts: { name, versions, threads },
    fingerprint: readFingerprint(onGpu),
    objectives: ourObjectives(energy ? ["latency", "energy", "memory"] : ["latency", "memory"]),
    energy,
    clock: { name: "performance.now", nowMs: () => performance.now() },
    conditions: conditionsReader(),
    load(subject, batchSize) {
      const { loadGraphModel }: typeof import("@tensorflow/tfjs-converter") = require("@tensorflow/tfjs");
      return loadTfjsGraph(backend.tf, loadGraphModel, { subject, batchSize });
    },
  };
}
