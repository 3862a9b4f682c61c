import { beforeAll, describe, expect, it } from "vitest";
import type { Genotype } from "../shared/genotype.ts";
import type { FinalTrainingTask } from "../shared/protocol.ts";
import { Random } from "../shared/random.ts";
import type { Dataset, Images } from "./data/dataset.ts";
import { splitHalves } from "./data/split.ts";
import { createExecutor } from "./executor/create.ts";
import { TrainingFailure } from "./failure.ts";
import { FinalTraining, learningRateAt } from "./finalTraining.ts";
import { type Backend, loadBackend } from "./kernels/backend.ts";
import { deserialise } from "./weights.ts";

let backend: Backend;

beforeAll(async () => {
  backend = await loadBackend(process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
});

/** Images whose class decides which quarter is bright. */
function images(count: number, seed: number, side = 12): Images {
  const random = new Random(seed);
  const pixels = new Uint8Array(count * side * side * 2);
  const labels = Uint8Array.from({ length: count }, () => random.integer(4));
  for (let index = 0; index < pixels.length; index++) {
    const image = Math.floor(index / (side * side * 2));
    const row = Math.floor(index / (side * 2)) % side;
    const isBright = Math.floor((4 * row) / side) === labels[image];
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

  const short = (recipe: Partial<FinalTrainingTask["recipe"]> = {}): FinalTrainingTask => ({
    ...task(recipe),
    validation: { fraction: 0.25 },
  });
  /** Whoever reads a pixel or a label of the test set fails. */
  const unseen: Dataset = {
    ...dataset,
    test: new Proxy(dataset.test, {
      get(target, key) {
        if (key === "pixels" || key === "labels") throw new Error("the test set was looked at");
        return Reflect.get(target, key);
      },
    }),
  };

  it("that is short learns, is measured on the images it held out and never looks at the test set", async () => {
    const training = new FinalTraining(backend, unseen, short({ steps: 60 }));
    const result = await training.runShort();
    expect(result).toMatchObject({ images: 64, steps: 60, batchSize: 16 });
    expect(result.validationAccuracy).toBeGreaterThan(60);
    await expect(training.run()).rejects.toThrow(/not tested/);
    training.dispose();
    const fewer = { ...short({ steps: 1 }), validation: { fraction: 0.25, images: 10 } };
    const capped = new FinalTraining(backend, unseen, fewer);
    expect((await capped.runShort()).images).toBe(10);
    capped.dispose();
  });

  it("that is short trains no weight on an image it is measured on", async () => {
    const { rewards } = splitHalves(dataset.train, 3, { valid: 0.25 });
    // With other pixels in their place nothing that was trained may differ.
    const pixels = dataset.train.pixels.slice();
    const pixelsPerImage = pixels.length / dataset.train.count;
    for (const index of rewards) {
      pixels.fill(7, index * pixelsPerImage, (index + 1) * pixelsPerImage);
    }
    const other: Dataset = { ...dataset, train: { ...dataset.train, pixels } };
    const [first, second] = [dataset, other].map(
      (data) => new FinalTraining(backend, data, short({ epochs: 2, steps: undefined })),
    ) as [FinalTraining, FinalTraining];
    expect(first.totalSteps).toBe(2 * (192 / 16));
    const results = [await first.runShort(), await second.runShort()];
    expect(second.trainedValues()).toEqual(first.trainedValues());
    expect(results[1]?.validationLoss).not.toBe(results[0]?.validationLoss);
    first.dispose();
    second.dispose();
  });

  it("that is short goes on from a checkpoint as if it had not stopped", async () => {
    const whole = new FinalTraining(backend, dataset, short({ steps: 20 }));
    let saved: Uint8Array = new Uint8Array();
    const result = await whole.runShort({
      afterStep: () => {
        if (whole.step === 13) saved = whole.checkpoint();
      },
    });
    const resumed = new FinalTraining(backend, dataset, short({ steps: 20 }));
    resumed.restore(saved);
    expect(await resumed.runShort()).toMatchObject({
      validationAccuracy: result.validationAccuracy,
      validationLoss: result.validationLoss,
    });
    whole.dispose();
    resumed.dispose();
  });

  it("tests and exports the moving average of the weights, and goes on from a checkpoint with it", async () => {
    const recipe = { ema: 0.8, steps: 25 };
    const whole = new FinalTraining(backend, dataset, task(recipe));
    let saved: Uint8Array = new Uint8Array();
    const [first, second, last] = [10, 20, 25].map(() => new Map<string, Float32Array>());
    const into = new Map([
      [10, first],
      [20, second],
      [25, last],
    ]);
    const result = await whole.run({
      afterStep: () => {
        const file = whole.checkpoint();
        if (whole.step === 17) saved = file;
        for (const [name, { values }] of deserialise(file).values)
          if (name.startsWith("head.")) into.get(whole.step)?.set(name, values.slice());
      },
    });
    const exported = whole.trainedValues();
    // The definition, computed once more: the average after 10 steps starts it, then 10 and 5 steps' decay.
    expect(first?.size).toBeGreaterThan(0);
    for (const [name, start] of first as Map<string, Float32Array>) {
      const average = Float32Array.from(start);
      for (const [values, decay] of [
        [second?.get(name), Math.min(0.8, 21 / 30) ** 10],
        [last?.get(name), Math.min(0.8, 26 / 35) ** 5],
      ] as const)
        for (const index of average.keys()) {
          const value = average[index] as number;
          average[index] = value + (1 - decay) * ((values?.[index] as number) - value);
        }
      expect(exported.get(name)?.values).toEqual(average);
    }
    const resumed = new FinalTraining(backend, dataset, task(recipe));
    expect(resumed.restore(saved)).toEqual([]);
    const again = await resumed.run();
    expect(again.testLoss).toBe(result.testLoss);
    expect(resumed.trainedValues()).toEqual(exported);
    whole.dispose();
    resumed.dispose();
  });

  it("trains networks with an ImageNet stem, with every part of their recipe", async () => {
    const large: Dataset = { ...dataset, train: images(64, 3, 32), test: images(16, 4, 32) };
    const recipe = { preset: "darts-imagenet", steps: 4, batchSize: 8, warmup: 0.25, ema: 0.9 } as const;
    const training = new FinalTraining(backend, large, { ...task(recipe), stem: "imagenet", layers: 3 });
    const { testLoss, trainLoss } = await training.run();
    expect(Number.isFinite(testLoss + trainLoss)).toBe(true);
    training.dispose();
  });

  it("stops where it diverges and says at which step of which architecture", async () => {
    const training = new FinalTraining(backend, dataset, task({ learningRate: 1e30 }));
    const failure = await training.run().catch((err: unknown) => err);
    expect(failure).toBeInstanceOf(TrainingFailure);
    const { failure: cause, message } = failure as TrainingFailure;
    expect(cause).toEqual({ kind: "diverged", step: training.step, hash: "abc" });
    expect(message).toMatch(new RegExp(`diverged.*At step ${training.step} of architecture abc`));
    training.dispose();
  });

  it.each(["final", "short"] as const)(
    "ends a %s training whose last step leaves no numbers, which no loss of a step tells",
    async (kind) => {
      const validation = kind === "short" ? { validation: { fraction: 0.25 } } : {};
      const recipe = { learningRate: 1e30, steps: 1 };
      const training = new FinalTraining(backend, dataset, { ...task(recipe), ...validation });
      const run = kind === "short" ? training.runShort() : training.run();
      const failure = await run.catch((err: unknown) => err);
      expect(failure).toBeInstanceOf(TrainingFailure);
      const { failure: cause, message } = failure as TrainingFailure;
      expect(cause).toEqual({ kind: "diverged", step: 1, hash: "abc" });
      expect(message).toMatch(
        /^Training diverged: .*Lower the learning rate\. After step 1 of architecture abc/,
      );
      training.dispose();
    },
  );

  it("exports no statistics that are no numbers, though the test has a loss", async () => {
    const training = new FinalTraining(backend, dataset, task({ steps: 2 }), (...made) => {
      const executor = createExecutor(...made);
      const values = executor.values.bind(executor);
      executor.values = () => {
        const all = values();
        all.get("moving/variance")?.values.fill(Number.POSITIVE_INFINITY, 0, 1);
        return all;
      };
      return executor;
    });
    await expect(training.run()).rejects.toThrow(/diverged: moving\/variance holds what is no finite number/);
    training.dispose();
  });

  /** As TensorFlow fails when more images than these come at once. */
  const withMemoryFor = (most: number): ConstructorParameters<typeof FinalTraining>[3] => {
    return (...made) => {
      const executor = createExecutor(...made);
      const trainStep = executor.trainStep.bind(executor);
      executor.trainStep = (batch, ...rest) => {
        if (batch.y.length > most)
          throw new Error(`OOM when allocating tensor with shape[${batch.y.length},12,12,4]`);
        return trainStep(batch, ...rest);
      };
      return executor;
    };
  };

  it("goes on with half batches over the same images where memory runs out, once and on record", async () => {
    const notices: unknown[] = [];
    const whole = new FinalTraining(backend, dataset, task({ ema: 0.9 }), withMemoryFor(8));
    let saved: Uint8Array = new Uint8Array();
    const result = await whole.run({
      notice: (notice) => notices.push(notice),
      afterStep: () => {
        if (whole.step === 13) saved = whole.checkpoint();
      },
    });
    expect(result).toMatchObject({ batchSize: 8, steps: 60 });
    expect(notices).toEqual([
      { type: "memory.exhausted", data: { trainingId: "training", hash: "abc", step: 0, batchSize: 8 } },
    ]);
    // The next runner may have more memory: what is on record counts.
    const resumed = new FinalTraining(backend, dataset, task({ ema: 0.9 }));
    resumed.restore(saved);
    expect(await resumed.run()).toMatchObject({ batchSize: 8, testLoss: result.testLoss });
    whole.dispose();
    resumed.dispose();
  });

  it("fails with a clear reason where memory does not suffice for half batches either", async () => {
    const training = new FinalTraining(backend, dataset, task(), withMemoryFor(4));
    const failure = await training.run().catch((err: unknown) => err);
    expect(failure).toMatchObject({ failure: { kind: "out-of-memory", step: 0, hash: "abc" } });
    expect((failure as Error).message).toMatch(/OOM when allocating.*At step 0/);
    training.dispose();
  });

  it("refuses a checkpoint of another architecture", () => {
    const training = new FinalTraining(backend, dataset, task());
    const other = new FinalTraining(backend, dataset, { ...task(), hash: "other" });
    expect(() => training.restore(other.checkpoint())).toThrow(/other/);
    training.dispose();
    other.dispose();
  });
});

describe("the learning rate", () => {
  it("warms up, peaks and falls to zero", () => {
    const rates = Array.from({ length: 101 }, (_, step) =>
      learningRateAt({ learningRate: 0.1, decay: "cosine", warmup: 0.1 }, step, 100, 10),
    );
    expect(rates[0]).toBeLessThan(0.02);
    expect(Math.max(...rates)).toBeCloseTo(0.1);
    expect(rates[100]).toBeCloseTo(0);
  });
});
