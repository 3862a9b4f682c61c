/** Runs exported models in the runtimes that they are written for, so that tests can compare their results. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readTar } from "../../cli/archive.ts";
import type { ExportFormat } from "../../shared/exportFormats.ts";
import { type BackendName, loadBackend } from "../kernels/backend.ts";

/** Images as every format takes them: numbers from 0 to 255, [images, rows, columns, channels]. */
export interface Pixels {
  values: Float32Array;
  shape: [images: number, rows: number, columns: number, channels: number];
}

export interface Runtime {
  name: string;
  format: ExportFormat;
  /** The backend of tfjs that has to be there. */
  backend?: BackendName;
  /** @returns class scores, [images, classes] */
  run(file: Uint8Array, pixels: Pixels): Promise<Float32Array>;
}

const require = createRequire(import.meta.url);

export const runtimes: Runtime[] = [
  { name: "tfjs on TensorFlow", format: "tfjs", backend: "tensorflow", run: runTfjs("tensorflow") },
  { name: "tfjs on WebAssembly", format: "tfjs", backend: "wasm", run: runTfjs("wasm") },
  { name: "TensorFlow", format: "saved-model", backend: "tensorflow", run: runSavedModel },
  { name: "ONNX Runtime", format: "onnx", run: runOnnx },
];

function runTfjs(backend: BackendName): Runtime["run"] {
  return async (file, { values, shape }) => {
    const [model, weights] = readTar(file);
    const json = JSON.parse(Buffer.from(model?.bytes ?? []).toString());
    await loadBackend(backend);
    const tf: typeof import("@tensorflow/tfjs") = require("@tensorflow/tfjs");
    const loaded = await tf.loadGraphModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest[0].weights,
        weightData: new Uint8Array(weights?.bytes ?? []).buffer,
        signature: json.signature,
      }),
    );
    const logits = tf.tidy(
      () => loaded.predict(tf.tensor4d(values, shape)) as import("@tensorflow/tfjs").Tensor,
    );
    const result = logits.dataSync() as Float32Array;
    logits.dispose();
    loaded.dispose();
    return result;
  };
}

async function runSavedModel(file: Uint8Array, { values, shape }: Pixels): Promise<Float32Array> {
  await loadBackend("tensorflow");
  const tf: typeof import("@tensorflow/tfjs-node-gpu") = require("@tensorflow/tfjs-node-gpu");
  const folder = mkdtempSync(path.join(tmpdir(), "saved-model-"));
  try {
    for (const { name, bytes } of readTar(file)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), bytes);
    }
    const model = await tf.node.loadSavedModel(folder);
    const pixels = tf.tensor4d(values, shape);
    const { logits } = model.predict({ pixels }) as { logits: import("@tensorflow/tfjs-core").Tensor };
    const result = logits.dataSync() as Float32Array;
    tf.dispose([pixels, logits]);
    model.dispose();
    return result;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runOnnx(file: Uint8Array, { values, shape }: Pixels): Promise<Float32Array> {
  const session = await InferenceSession.create(file);
  const { logits } = await session.run({ pixels: new Tensor("float32", values, shape) });
  await session.release();
  return logits?.data as Float32Array;
}
