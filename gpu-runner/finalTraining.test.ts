import { beforeAll, describe, expect, it } from "vitest";
import type { Genotype } from "../shared/genotype.ts";
import type { FinalTrainingTask } from "../shared/protocol.ts";
import { Random } from "../shared/random.ts";
import type { Dataset, Images } from "./data/dataset.ts";
import { FinalTraining, learningRateAt, resolveRecipe } from "./finalTraining.ts";
import { type Backend, loadBackend } from "./kernels/backend.ts";

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
});

/** Images whose class decides which quarter is bright. */
function images(count: number, seed: number): Images {
  const random = new Random(seed);
  const side = 12;
  const pixels = new Uint8Array(count * side * side * 2);
  const labels = Uint8Array.from({ length: count }, () => random.integer(4));
  for (let index = 0; index < pixels.length; index++) {
    const image = Math.floor(index / (side * side * 2));
    const row = Math.floor(index / (side * 2)) % side;
    const isBright = Math.floor(row / 3) === labels[image];
    pixels[index] = random.integer(128) + (isBright ? 127 : 0);
  }
  const classNames = ["one", "two", "three", "four"];
  return { count, height: side, width: side, channels: 2, classes: 4, classNames, pixels, labels };
}

const dataset: Dataset = {
  name: "quarters",
  train: images(256, 1),
  test: images(120, 2),
  mean: [0.37, 0.38],
  std: [0.22, 0.24],
  digest: "",
};

/** Every kind of layer a derived network can have, a node without inputs, and a strided dilated convolution. */
const genotype: Genotype = {
  space: "inline",
  cells: {
    normal: {
      nodes: [
        [
          { operation: "sep_conv_3x3", input: 0 },
          { operation: "dil_conv_5x5", input: 1 },
        ],
        [],
        [
          { operation: "conv_3x1_1x3", input: 1 },
          { operation: "avg_pool_3x3", input: 2 },
          { operation: "skip_connect", input: 0 },
        ],
      ],
      concat: [2, 3, 4],
    },
    reduction: {
      nodes: [
        [
          { operation: "max_pool_3x3", input: 0 },
          { operation: "dil_conv_3x3", input: 1 },
        ],
        [],
        [
          { operation: "avg_pool_5x5", input: 0 },
          { operation: "skip_connect", input: 1 },
          { operation: "max_pool_5x5", input: 2 },
          { operation: "sep_conv_5x5", input: 1 },
        ],
      ],
      concat: [2, 3, 4],
    },
  },
};

function task(recipe: Partial<FinalTrainingTask["recipe"]> = {}): FinalTrainingTask {
  return {
    kind: "finalTraining",
    taskId: "task",
    searchId: "search",
    trainingId: "training",
    genotype,
    hash: "abc",
    dataset: "fashion-mnist",
    stem: "cifar",
    channels: 4,
    layers: 3,
    recipe: { preset: "demo", top: 1, steps: 30, batchSize: 16, ...recipe },
    seed: 3,
  };
}

describe("final training", () => {
  it("learns, with every part of the recipe on", async () => {
    const recipe = { steps: 60, cutout: 2, auxiliaryWeight: 0.4, dropPath: 0.1, labelSmoothing: 0.05 };
    const training = new FinalTraining(backend, dataset, task(recipe));
    const result = await training.run();
    expect(result.testAccuracy).toBeGreaterThan(60);
    expect(result.steps).toBe(60);
    training.dispose();
  });

  it("goes on from a checkpoint as if it had not stopped", async () => {
    const whole = new FinalTraining(backend, dataset, task());
    let saved: Uint8Array = new Uint8Array();
    await whole.run({
      afterStep: () => {
        if (whole.step === 11) saved = whole.checkpoint();
      },
    });
    const resumed = new FinalTraining(backend, dataset, task());
    resumed.restore(saved);
    expect(resumed.step).toBe(11);
    await resumed.run();
    const indices = Array.from({ length: 40 }, (_, index) => index);
    expect(resumed.logits(indices)).toEqual(whole.logits(indices));
    whole.dispose();
    resumed.dispose();
  });

  it("refuses a checkpoint of another architecture", () => {
    const training = new FinalTraining(backend, dataset, task());
    const other = new FinalTraining(backend, dataset, { ...task(), hash: "other" });
    expect(() => training.restore(other.checkpoint())).toThrow(/other/);
    training.dispose();
    other.dispose();
  });
});

describe("the recipe", () => {
  it("is the preset with the specification's changes", () => {
    expect(resolveRecipe({ preset: "darts-cifar", top: 1, batchSize: 128 })).toMatchObject({
      batchSize: 128,
      learningRate: 0.025,
      cutout: 16,
      auxiliaryWeight: 0.4,
    });
  });

  it("warms up, peaks and falls to zero", () => {
    const rates = Array.from({ length: 101 }, (_, step) =>
      learningRateAt({ learningRate: 0.1, decay: "cosine", warmup: 0.1 }, step, 100, 10),
    );
    expect(rates[0]).toBeLessThan(0.02);
    expect(Math.max(...rates)).toBeCloseTo(0.1);
    expect(rates[100]).toBeCloseTo(0);
  });
});
