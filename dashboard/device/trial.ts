/**
 * Which backends really work in this browser, and how fast: each runs a small network whose answer is known. That a
 * browser has WebGPU or WebGL says little: drivers are blocked, contexts lost and numbers wrong.
 */

import type * as Core from "@tensorflow/tfjs-core";
import type { BrowserBackend } from "../../shared/measuring.ts";
import { startTfjs } from "./tfjs.ts";

export type Trial = { backend: BrowserBackend } & ({ medianMs: number } | { failure: string });

const START_LIMIT_MS = 20_000;
const WARM_UPS = 3;
const MOST_RUNS = 25;
const RUN_LIMIT_MS = 400;
const BLOCKS = 4;
const SIZE = 32;
const CHANNELS = 16;
/** Phones compute in half precision on WebGL. */
const TOLERANCE = 0.02;

/** Tries each, the fastest first in the result; those that do not work last. */
export async function tryBackends(
  backends: readonly BrowserBackend[],
  say: (backend: BrowserBackend) => void,
): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const backend of backends) {
    say(backend);
    trials.push(await tryBackend(backend));
  }
  return trials.sort((one, other) => speedOf(one) - speedOf(other));
}

const speedOf = (trial: Trial): number => ("medianMs" in trial ? trial.medianMs : Number.POSITIVE_INFINITY);

async function tryBackend(backend: BrowserBackend): Promise<Trial> {
  try {
    const tf = await within(START_LIMIT_MS, startTfjs(backend));
    return { backend, medianMs: await within(START_LIMIT_MS, medianOf(tf)) };
  } catch (error) {
    return { backend, failure: error instanceof Error ? error.message : String(error) };
  }
}

async function medianOf(tf: typeof Core): Promise<number> {
  const network = averagingNetwork(tf);
  try {
    for (let run = 0; run < WARM_UPS; run++) checkAnswer(await network.run());
    const tookMs: number[] = [];
    const startMs = performance.now();
    for (let beforeMs = startMs; tookMs.length < MOST_RUNS && beforeMs - startMs < RUN_LIMIT_MS; ) {
      await network.run();
      const afterMs = performance.now();
      tookMs.push(afterMs - beforeMs);
      beforeMs = afterMs;
    }
    return tookMs.sort((a, b) => a - b)[tookMs.length >> 1] ?? Number.POSITIVE_INFINITY;
  } finally {
    network.dispose();
  }
}

/** Each of its layers averages what it sees, so that of ones it makes ones. */
function averagingNetwork(tf: typeof Core) {
  const filter = tf.fill([3, 3, CHANNELS, CHANNELS], 1 / (9 * CHANNELS)) as Core.Tensor4D;
  const depthwise = tf.fill([3, 3, CHANNELS, 1], 1 / 9) as Core.Tensor4D;
  const input = tf.ones([1, SIZE, SIZE, CHANNELS]) as Core.Tensor4D;
  return {
    async run(): Promise<Float32Array> {
      const output = tf.tidy(() => {
        let image = input;
        for (let block = 0; block < BLOCKS; block++) {
          image = tf.relu(tf.conv2d(image, filter, 1, "valid"));
          image = tf.depthwiseConv2d(image, depthwise, 1, "valid");
        }
        return tf.mean(image, [1, 2]);
      });
      const values = (await output.data()) as Float32Array;
      output.dispose();
      return values;
    },
    dispose() {
      tf.dispose([filter, depthwise, input]);
    },
  };
}

function checkAnswer(values: Float32Array): void {
  const isRight = values.length === CHANNELS && values.every((value) => Math.abs(value - 1) < TOLERANCE);
  if (!isRight) throw new Error("it computes wrong numbers");
}

function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${limitMs / 1000} s`)), limitMs);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
