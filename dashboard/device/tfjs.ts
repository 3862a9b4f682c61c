/** TensorFlow.js in the browser on one of its backends; loaded when it is needed, as it is most of what the page weighs. */

import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import type { DeviceBackend } from "../../device/backend.ts";
import { ourObjectives } from "../../device/measure.ts";
import { loadTfjsGraph } from "../../device/tfjsGraph.ts";
import type { BrowserBackend } from "../../shared/measuring.ts";
import { readFingerprint } from "./fingerprint.ts";

/** WebGL keeps textures for the next time; a phone has memory for so many. */
const TEXTURE_BYTES = 256 * 1024 ** 2;

const starters: Record<BrowserBackend, () => Promise<unknown>> = {
  async webgpu() {
    const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
    if (!gpu) throw new Error(whyNoWebGpu());
    if (!(await gpu.requestAdapter())) throw new Error("this browser has no GPU for it");
    await import("@tensorflow/tfjs-backend-webgpu");
  },
  async webgl() {
    await import("@tensorflow/tfjs-backend-webgl");
    tf.env().set("WEBGL_DELETE_TEXTURE_THRESHOLD", TEXTURE_BYTES);
  },
  wasm: () => import("./wasm.ts"),
};

const whyNoWebGpu = (): string =>
  isSecureContext
    ? "this browser does not have it"
    : "browsers have it on https and localhost only; this address is neither";

/** Starts a backend and ends the one before. @throws Error where it does not work */
export async function startTfjs(backend: BrowserBackend): Promise<typeof tf> {
  await starters[backend]();
  if (!(await tf.setBackend(backend))) throw new Error("this browser cannot start it");
  await tf.ready();
  return tf;
}

/** This browser as a device. @throws Error where the backend does not work */
export async function openDevice(
  backend: BrowserBackend,
  clock: DeviceBackend["clock"],
): Promise<DeviceBackend> {
  await startTfjs(backend);
  for (const other of tf.engine().backendNames()) if (other !== backend) tf.removeBackend(other);
  return {
    facts: { name: backend, versions: { "tfjs-core": tf.version_core }, threads: 1 },
    fingerprint: await readFingerprint(),
    objectives: ourObjectives(["latency", "memory"]),
    energy: null,
    clock,
    // Browsers tell neither.
    conditions: async () => ({ temperatureCelsius: null, isThrottled: null }),
    load: (subject, batchSize) => loadTfjsGraph(tf, loadGraphModel, { subject, batchSize }),
  };
}
