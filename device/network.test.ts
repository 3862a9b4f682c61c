import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { runInNewContext } from "node:vm";
import type { Tensor } from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor as OnnxTensor } from "onnxruntime-node";
import { build } from "vite";
import { describe, expect, test } from "vitest";
import { onnxFile } from "../gpu-runner/exports/onnx.ts";
import { loadBackend } from "../gpu-runner/kernels/backend.ts";
import { rootDir } from "../setup/node.mjs";
import { operations } from "../shared/operations.ts";
import { Random } from "../shared/random.ts";
import { graphModelOf, modelOfSubject } from "./network.ts";
import { operation, smallNetwork } from "./subjects.testing.ts";

const require = createRequire(import.meta.url);

describe("an operation alone", () => {
  test("computes the same in both formats, whatever layout they have", async () => {
    await loadBackend("wasm");
    for (const name of Object.keys(operations)) {
      for (const stride of name === "none" ? ([1] as const) : ([1, 2] as const)) {
        const [tensorflow, onnx] = [await inTensorFlow(name, stride), await inOnnx(name, stride)];
        expect(tensorflow.length).toBe(onnx.length);
        const differences = tensorflow.map((value, index) => Math.abs(value - (onnx[index] ?? Number.NaN)));
        expect(Math.max(...differences), name).toBeLessThan(1e-4);
      }
    }
  });

  test("is refused where there is none of that name, with the nearest", () => {
    expect(() => modelOfSubject(operation("sep_conv_3x4"))).toThrow('Did you mean "sep_conv_3x3"?');
  });
});

const SHAPE: [number, number, number, number] = [1, 9, 8, 6];

function input(): Float32Array {
  const random = new Random(2);
  return Float32Array.from({ length: 9 * 8 * 6 }, () => random.normal());
}

async function inTensorFlow(name: string, stride: 1 | 2): Promise<Float32Array> {
  const tf: typeof import("@tensorflow/tfjs") = require("@tensorflow/tfjs");
  const { artifacts, inputShape } = graphModelOf(operation(name, stride), 1);
  expect(inputShape).toEqual(SHAPE);
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
  const result = tf.tidy(() => {
    const output = model.predict(tf.tensor4d(input(), SHAPE)) as Tensor;
    return tf.transpose(output, [0, 3, 1, 2]).dataSync();
  });
  model.dispose();
  return result as Float32Array;
}

async function inOnnx(name: string, stride: 1 | 2): Promise<Float32Array> {
  const session = await InferenceSession.create(onnxFile(modelOfSubject(operation(name, stride)), {}));
  const nchw = Float32Array.from({ length: 9 * 8 * 6 }, (_, index) => {
    const channel = Math.floor(index / 72);
    return input()[(index % 72) * 6 + channel] ?? Number.NaN;
  });
  const { logits } = await session.run({ pixels: new OnnxTensor("float32", nchw, [1, 6, 9, 8]) });
  await session.release();
  return logits?.data as Float32Array;
}

test("what browsers need is bundled without anything of Node's, and works there", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-bundle-"));
  const entry = path.join(folder, "entry.js");
  const modules = ["network", "measure", "worker"].map((name) => path.join(rootDir, "device", `${name}.ts`));
  writeFileSync(entry, modules.map((name) => `export * from ${JSON.stringify(name)};\n`).join(""));
  const lib = { entry, formats: ["iife" as const], name: "device" };
  const result = await build({
    root: rootDir,
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: false, lib },
  });
  rmSync(folder, { recursive: true });
  const [output] = [result].flat().flatMap((one) => ("output" in one ? one.output : []));
  const code = output && "code" in output ? output.code : "";
  const ofNode = /\brequire\(|["']node:|\bprocess\.|\bBuffer\b|__vite-browser-external|lookupType/;
  expect(ofNode.exec(code)?.[0]).toBeUndefined();
  const scope = { TextEncoder, btoa, subject: smallNetwork, performance, setTimeout, AbortController, URL };
  const found = runInNewContext(`${code}\ndevice.graphModelOf(subject, 2)`, scope);
  const here = graphModelOf(smallNetwork, 2);
  expect([...found.inputShape]).toEqual([2, 16, 16, 3]);
  expect(
    Buffer.from(found.artifacts.weightData).equals(Buffer.from(here.artifacts.weightData as ArrayBuffer)),
  ).toBe(true);
});
