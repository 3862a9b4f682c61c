/** Runs an exported network in the browser. Loaded when somebody tries a model, as TensorFlow.js is large. */

import "../../device/jitless.ts";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import type * as Core from "@tensorflow/tfjs-core";
import type { BrowserBackend } from "../../../shared/measuring.ts";
import { softmax } from "../../../shared/softmax.ts";
import { readTarHeader, tarBlockBytes, tarPadding } from "../../../shared/tar.ts";
import { startTfjs } from "../../device/tfjs.ts";

export interface Classifier {
  backend: BrowserBackend;
  /** Of the image that it takes. */
  height: number;
  width: number;
  channels: number;
  classNames: string[];
  /** @param pixels from 0 to 255, rows then columns then channels */
  classify(pixels: Float32Array): Promise<{ probabilities: number[]; tookMs: number }>;
  dispose(): void;
}

/** The first that works: WebAssembly does nearly everywhere, and needs no time to compile. */
const backends: readonly BrowserBackend[] = ["wasm", "webgl"];

/** @throws Error where the archive is none, or no backend works */
export async function openClassifier(archive: Uint8Array<ArrayBuffer>): Promise<Classifier> {
  const files = untar(archive);
  const [json, weights] = [files.get("model.json"), files.get("weights.bin")];
  if (json === undefined || weights === undefined) throw new Error("The export holds no model.");
  const { modelTopology, weightsManifest, signature, userDefinedMetadata } = JSON.parse(
    new TextDecoder().decode(json),
  ) as ModelJson;
  const { tf, backend } = await firstBackend();
  const model = await loadGraphModel(
    tf.io.fromMemory({
      modelTopology,
      signature,
      weightSpecs: weightsManifest[0]?.weights ?? [],
      weightData: weights.slice().buffer,
    }),
  );
  const { height, width, channels } = userDefinedMetadata.network.image;
  const infer = async (pixels: Float32Array) => {
    const output = tf.tidy(
      () => model.predict(tf.tensor4d(pixels, [1, height, width, channels])) as Core.Tensor,
    );
    try {
      return [...(await output.data())];
    } finally {
      output.dispose();
    }
  };
  // The first run compiles; what one takes is told of the others.
  await infer(new Float32Array(height * width * channels));
  return {
    backend,
    height,
    width,
    channels,
    classNames: userDefinedMetadata.classNames,
    async classify(pixels) {
      const startMs = performance.now();
      const logits = await infer(pixels);
      return { probabilities: softmax(logits), tookMs: performance.now() - startMs };
    },
    dispose: () => model.dispose(),
  };
}

interface ModelJson {
  modelTopology: object;
  signature: object;
  weightsManifest: { weights: Core.io.WeightsManifestEntry[] }[];
  userDefinedMetadata: {
    network: { image: { height: number; width: number; channels: number } };
    classNames: string[];
  };
}

async function firstBackend(): Promise<{ tf: typeof Core; backend: BrowserBackend }> {
  const failures: string[] = [];
  for (const backend of backends)
    try {
      return { tf: await startTfjs(backend), backend };
    } catch (error) {
      failures.push(`${backend}: ${error instanceof Error ? error.message : String(error)}`);
    }
  throw new Error(`This browser cannot run it. ${failures.join("; ")}`);
}

function untar(archive: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let offset = 0; offset + tarBlockBytes <= archive.length; ) {
    const entry = readTarHeader(archive.subarray(offset, offset + tarBlockBytes));
    if (entry === null) break;
    const start = offset + tarBlockBytes;
    files.set(entry.name, archive.subarray(start, start + entry.bytes));
    offset = start + entry.bytes + tarPadding(entry.bytes).length;
  }
  return files;
}
