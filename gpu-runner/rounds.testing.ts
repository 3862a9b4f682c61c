/** Rounds of a tiny supernet on noise, for tests. */

import type { TrainRoundTask } from "../shared/protocol.ts";
import { Random } from "../shared/random.ts";
import type { Dataset, Images } from "./data/dataset.ts";

/** Weight steps of a round. */
export const STEPS = 2;

function images(count: number): Images {
  const random = new Random(count);
  const pixels = Uint8Array.from({ length: count * 64 }, () => random.integer(256));
  const labels = Uint8Array.from({ length: count }, () => random.integer(2));
  return { count, height: 8, width: 8, channels: 1, classes: 2, classNames: ["a", "b"], pixels, labels };
}

export const dataset: Dataset = {
  name: "noise",
  train: images(64),
  test: images(16),
  mean: [0.5],
  std: [0.3],
  digest: "",
};

const operations = ["none", "skip_connect", "sep_conv_3x3"];
const edges = [operations, operations];

/** A round of one stage; whatever its number, it can be trained after the one before. */
export function roundOf(number: number, steps = STEPS): TrainRoundTask {
  return {
    kind: "trainRound",
    taskId: `round-${number}`,
    searchId: "search",
    round: number,
    stage: {
      index: 0,
      seed: 7,
      dataset: "fashion-mnist",
      space: { normal: operations, reduction: operations, nodes: 1 },
      choices: { normal: edges, reduction: edges },
      stem: "cifar",
      channels: 4,
      layers: 3,
      batchSize: 8,
      validationFraction: 0.5,
      totalSteps: 10 * steps,
      learningRate: 0.05,
      momentum: 0.9,
      weightDecay: 3e-4,
      clipNorm: 5,
    },
    firstStep: number * steps,
    steps,
    paths: "fair",
    pathSeed: 9,
    logits: {},
    skipDropout: 0.2,
    ahead: { steps, paths: "fair", skipDropout: 0.2 },
    candidates: [{ selection: { normal: ["skip_connect", "none"], reduction: ["sep_conv_3x3", "none"] } }],
    evaluation: { images: 16, offset: 0 },
  };
}
