import { beforeAll, describe, expect, it } from "vitest";
import type { Network } from "../../shared/network.ts";
import { type Backend, loadBackend } from "../kernels/backend.ts";
import { EagerExecutor } from "./eager.ts";
import type { StepSettings } from "./executor.ts";

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
});

/** Softmax regression on the mean of two channels' pixels. */
const network: Network = {
  image: { height: 2, width: 2, channels: 2 },
  classes: 3,
  stems: [{ path: "stem", layers: [], isState: true }],
  cells: [],
  head: { path: "head", layers: [{ kind: "globalAvgPool" }, { kind: "linear", inputs: 2, outputs: 3 }] },
};

const x = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, -1, 0, 2, -3, 4, 1, 0, 2);
const means = [
  [4, 5],
  [1.25, 0],
];
const y = Int32Array.of(2, 0);

/** The same step in plain numbers: weights [2 x 3] then biases [3]. */
function plainStep(weights: number[], momentum: number[], settings: StepSettings, smoothing: number) {
  const gradient = new Array<number>(9).fill(0);
  let loss = 0;
  for (const [image, inputs] of means.entries()) {
    const logits = [0, 1, 2].map(
      (c) =>
        (weights[6 + c] as number) +
        inputs.reduce((sum, value, i) => sum + value * (weights[3 * i + c] as number), 0),
    );
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    for (const [c, logit] of logits.entries()) {
      const wanted = (c === y[image] ? 1 - smoothing : 0) + smoothing / 3;
      const probability = Math.exp(logit) / total;
      loss -= (wanted * Math.log(probability)) / 2;
      const delta = (probability - wanted) / 2;
      for (const [i, value] of inputs.entries())
        gradient[3 * i + c] = (gradient[3 * i + c] as number) + delta * value;
      gradient[6 + c] = (gradient[6 + c] as number) + delta;
    }
  }
  const norm = Math.hypot(...gradient);
  const factor = Math.min(1, settings.clipNorm / (norm + 1e-6));
  for (const [index, value] of gradient.entries()) {
    const decayed = value * factor + settings.weightDecay * (weights[index] as number);
    momentum[index] = settings.momentum * (momentum[index] as number) + decayed;
    weights[index] = (weights[index] as number) - settings.learningRate * (momentum[index] as number);
  }
  return { loss, norm };
}

describe("a gradient step", () => {
  it.each([
    ["without clipping", 100, 0],
    ["clipped", 0.5, 0],
    ["with label smoothing", 100, 0.1],
  ])("%s equals the same step in plain numbers, over several steps", (_name, clipNorm, labelSmoothing) => {
    const settings = {
      learningRate: 0.1,
      momentum: 0.9,
      weightDecay: 0.01,
      clipNorm,
      labelSmoothing,
      seed: 1,
    };
    const executor = new EagerExecutor(backend, network, 4);
    const read = () => [
      ...executor.weights.get("head.1.weight").dataSync(),
      ...executor.weights.get("head.1.bias").dataSync(),
    ];
    const weights = read();
    const momentum = new Array<number>(9).fill(0);
    for (let step = 0; step < 4; step++) {
      const { loss, gradientNorm } = executor.trainStep({ x, y }, { kind: "only" }, settings);
      const wanted = plainStep(weights, momentum, settings, labelSmoothing);
      expect(loss).toBeCloseTo(wanted.loss, 5);
      expect(gradientNorm).toBeCloseTo(wanted.norm, 4);
      for (const [index, value] of read().entries()) expect(value).toBeCloseTo(weights[index] as number, 5);
    }
    executor.dispose();
  });
});
