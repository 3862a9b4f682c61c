/**
 * Milliseconds of each primitive, forwards and with its gradients, for the shapes of a small supernet:
 *
 *     node setup/launch.mjs --tensorflow bench/primitives.ts [tensorflow|wasm]
 */

import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { type BackendName, loadBackend } from "../gpu-runner/kernels/backend.ts";
import { createPrimitives } from "../gpu-runner/kernels/primitives.ts";

const REPEATS = 10;

const name = (process.argv[2] ?? process.env.NASTURTIUM_BACKEND ?? "tensorflow") as BackendName;
const { tf, threads, versions } = await loadBackend(name);
const { relu, conv, depthwiseConv, batchNorm, maxPool, avgPool } = createPrimitives({
  tf,
  name,
  threads,
  versions,
});

const image = (rows: number, channels: number): Tensor4D => tf.randomNormal([64, rows, rows, channels]);
const filter = (size: number, inputs: number, outputs: number): Tensor4D =>
  tf.randomNormal([size, size, inputs, outputs]);

/** What to time and the tensors to differentiate by. */
const cases: Record<string, { inputs: Tensor4D[]; run(...inputs: Tensor4D[]): Tensor4D }> = {
  relu: { inputs: [image(32, 16)], run: (x) => relu(x as Tensor4D) },
  batchNorm: { inputs: [image(32, 16)], run: (x) => batchNorm(x as Tensor4D, null, null).y },
};
for (const [rows, channels] of [
  [32, 16],
  [16, 32],
] as const) {
  const add = (label: string, inputs: Tensor4D[], run: (x: Tensor4D, w: Tensor4D) => Tensor4D): void => {
    cases[`${label} ${rows}x${rows}x${channels}`] = {
      inputs,
      run: run as (...inputs: Tensor4D[]) => Tensor4D,
    };
  };
  for (const [size, stride] of [
    [1, 1],
    [1, 2],
    [3, 1],
  ] as const) {
    add(`conv ${size}x${size}/${stride}`, [image(rows, channels), filter(size, channels, channels)], (x, w) =>
      conv(x, w, { stride: [stride, stride], padding: [(size - 1) / 2, (size - 1) / 2] }),
    );
  }
  for (const [size, dilation, stride] of [
    [3, 1, 1],
    [3, 1, 2],
    [5, 1, 1],
    [7, 1, 1],
    [3, 2, 1],
    [5, 2, 1],
    [3, 2, 2],
  ] as const) {
    add(
      `depthwise ${size}x${size}/${stride} dilation ${dilation}`,
      [image(rows, channels), filter(size, channels, 1)],
      (x, w) => depthwiseConv(x, w, { stride, dilation, padding: ((size - 1) / 2) * dilation }),
    );
  }
  for (const [size, stride] of [
    [3, 1],
    [3, 2],
    [7, 2],
  ] as const) {
    const options = { size, stride, padding: (size - 1) / 2 };
    add(`maxPool ${size}x${size}/${stride}`, [image(rows, channels)], (x) => maxPool(x, options));
    add(`avgPool ${size}x${size}/${stride}`, [image(rows, channels)], (x) => avgPool(x, options));
  }
}

console.log(`${name}, ${threads} threads, ${JSON.stringify(versions)}, batch 64, best of ${REPEATS}`);
console.log(`${"".padEnd(38)}forward  both (ms)`);
for (const [label, { inputs, run }] of Object.entries(cases)) {
  const forward = best(() => run(...inputs));
  const grads = tf.grads((...xs: Tensor[]) => run(...(xs as Tensor4D[])));
  const dy = tf.tidy(() => tf.randomNormal(run(...inputs).shape));
  const both = best(() => grads(inputs, dy)[0] as Tensor);
  console.log(`${label.padEnd(36)}${forward.toFixed(2).padStart(9)}${both.toFixed(2).padStart(9)}`);
  tf.dispose([dy, ...inputs]);
}

function best(run: () => Tensor): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now();
    // Reading one value waits for kernels that run apart.
    tf.tidy(() => tf.slice(run(), [0, 0, 0, 0], [1, 1, 1, 1]).dataSync());
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  return bestMs;
}
