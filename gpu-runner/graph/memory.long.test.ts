/** A run of thousands of steps must not grow: neither in tensors nor in memory. */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildSupernet } from "../../shared/network.ts";
import { Random } from "../../shared/random.ts";
import { fullChoices, type SearchSpace, spaces } from "../../shared/space.ts";
import { createExecutor } from "../executor/create.ts";
import { type Backend, loadBackend } from "../kernels/backend.ts";
import { pathAt } from "../paths.ts";

const STEPS = 2000;
/** By then allocators and caches hold what a step needs. */
const SETTLED_STEPS = 1000;
const LARGEST_GROWTH = 1.02;

describe.runIf(process.platform === "linux" && process.env.NASTURTIUM_BACKEND !== "wasm")("training", () => {
  let backend: Backend;

  beforeAll(async () => {
    backend = await loadBackend("tensorflow");
  });

  it("holds as many tensors and as much memory after 2,000 steps as before", { timeout: 1_800_000 }, () => {
    const space = spaces["tnd-nas"] as SearchSpace;
    const choices = fullChoices(space);
    const image = { height: 16, width: 16, channels: 3 };
    const network = buildSupernet({ space, choices, channels: 8, layers: 5, classes: 10, image });
    const sizes = Object.fromEntries(
      Object.entries(choices).map(([kind, edges]) => [kind, edges.map((names) => names.length)]),
    );
    const executor = createExecutor(backend, network, 1);
    const random = new Random(2);
    const tensors: number[] = [];
    const bytes: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const batch = {
        x: Float32Array.from({ length: 16 * 16 * 16 * 3 }, () => random.normal()),
        y: Int32Array.from({ length: 16 }, () => random.integer(10)),
      };
      const path = pathAt({ kind: "uniform", seed: 3, sizes, logits: {} }, step);
      executor.trainStep(batch, path, {
        learningRate: 0.01,
        momentum: 0.9,
        weightDecay: 3e-4,
        clipNorm: 5,
        skipDropout: 0.2,
        seed: step,
      });
      if (step % 10 === 0) executor.evaluate([batch], [path], "batch");
      tensors.push(backend.tf.memory().numTensors);
      bytes.push(residentBytes());
    }
    executor.dispose();
    expect(new Set(tensors.slice(SETTLED_STEPS)).size).toBe(1);
    const early = median(bytes.slice(SETTLED_STEPS, SETTLED_STEPS + 200));
    const late = median(bytes.slice(-200));
    console.log(
      `${tensors.at(-1)} tensors; ${(early / 1e6).toFixed(0)} MB after ${SETTLED_STEPS} steps, ${(late / 1e6).toFixed(0)} MB after ${STEPS}`,
    );
    expect(late / early).toBeLessThan(LARGEST_GROWTH);
  });
});

function residentBytes(): number {
  const found = /RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  return Number(found?.[1]) * 1024;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
