/** ONNX Runtime on the processor, as a device of Node's. It does not tell what memory it takes. */

import { createRequire } from "node:module";
import { onnxFile } from "../../gpu-runner/exports/onnx.ts";
import type { Subject } from "../../shared/measuring.ts";
import type { DeviceBackend, Loaded } from "../backend.ts";
import { findMeter } from "../energy.ts";
import { conditionsReader, readFingerprint } from "../fingerprint.ts";
import { ourObjectives } from "../measure.ts";
import { inputOf, modelOfSubject } from "../network.ts";
import type { BackendOptions } from "./index.ts";

const require = createRequire(import.meta.url);

export async function openOnnxRuntime({ threads = 1, meter }: BackendOptions): Promise<DeviceBackend> {
  const runtime: typeof import("onnxruntime-node") = require("onnxruntime-node");
  const energy = await findMeter({ url: meter });
  return {
    facts: {
      name: "onnxruntime",
      versions: { "onnxruntime-node": runtime.env.versions.node ?? "" },
      threads,
    },
    fingerprint: readFingerprint(),
    objectives: ourObjectives(energy ? ["latency", "energy"] : ["latency"]),
    energy,
    clock: { name: "performance.now", nowMs: () => performance.now() },
    conditions: conditionsReader(),
    load: (subject, batchSize) => load(runtime, subject, batchSize, threads),
  };
}

async function load(
  { InferenceSession, Tensor }: typeof import("onnxruntime-node"),
  subject: Subject,
  batchSize: number,
  threads: number,
): Promise<Loaded> {
  const model = modelOfSubject(subject);
  const session = await InferenceSession.create(onnxFile(model, {}), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const { shape, values } = inputOf(model, batchSize);
  const [images, rows, columns, channels] = shape;
  // In the middle of a network activations are NCHW there; only a whole network starts from the user's NHWC.
  const dims = model.pixels.op === "pixels" ? shape : [images, channels, rows, columns];
  return {
    async run() {
      await session.run({ pixels: new Tensor("float32", values, dims) });
    },
    peakBytes: async () => null,
    dispose: () => void session.release(),
  };
}
