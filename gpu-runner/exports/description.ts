/** What is said about a trained model in each of its formats. */

import { type Genotype, printGenotype } from "../../shared/genotype.ts";
import type { Network } from "../../shared/network.ts";
import type { FinalTrainingReport } from "../../shared/protocol.ts";
import type { Dataset } from "../data/dataset.ts";
import type { NamedValues } from "../weightShapes.ts";

export interface TrainedModel {
  /** Derived, one choice on each edge. */
  network: Network;
  /** Weights and moving statistics. */
  values: NamedValues;
  genotype: Genotype;
  hash: string;
  dataset: Pick<Dataset, "name" | "mean" | "std" | "test"> & { train: Pick<Dataset["train"], "classNames"> };
  size: { stem: "cifar" | "imagenet"; channels: number; layers: number };
  result: Omit<FinalTrainingReport, "kind" | "leaseId" | "exports">;
}

export function describe({ network, genotype, hash, dataset, size, result }: TrainedModel) {
  const { testAccuracy, testLoss, trainLoss, parameters, macs, steps, seconds } = result;
  return {
    architecture: hash,
    genotype: printGenotype(genotype),
    cells: genotype,
    network: { ...size, image: network.image, classes: network.classes },
    parameters,
    macs,
    training: { dataset: dataset.name, testAccuracy, testLoss, trainLoss, steps, seconds },
    classNames: dataset.train.classNames,
    preprocessing: {
      /** Models do this themselves: they take pixels from 0 to 255, [images, rows, columns, channels]. */
      pixelScale: 255,
      mean: dataset.mean,
      std: dataset.std,
    },
    /** One number per class, before the softmax. */
    output: "logits",
  };
}

/** The description where only texts can be kept: texts as they are, all else as JSON. */
export const asTexts = (description: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(description).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
