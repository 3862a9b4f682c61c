/** What a finished training leaves behind, as files: the genotype as DARTS text, a description, a tfjs model. */

import { type Genotype, printGenotype } from "../shared/genotype.ts";
import type { Network } from "../shared/network.ts";
import type { Dataset } from "./data/dataset.ts";
import type { FinalTrainingResult } from "./finalTraining.ts";
import { graphModel } from "./graphModel.ts";
import { tar } from "./tar.ts";
import type { NamedValues } from "./weights.ts";

export interface ExportFile {
  format: "genotype" | "json" | "tfjs";
  fileName: string;
  bytes: Uint8Array;
}

export interface TrainedModel {
  /** Derived, one choice on each edge. */
  network: Network;
  /** Weights and moving statistics. */
  values: NamedValues;
  genotype: Genotype;
  hash: string;
  dataset: Pick<Dataset, "name" | "mean" | "std"> & { train: Pick<Dataset["train"], "classNames"> };
  size: { stem: "cifar" | "imagenet"; channels: number; layers: number };
  result: FinalTrainingResult;
}

const formats: Record<
  ExportFile["format"],
  { extension: string; write: (model: TrainedModel) => Uint8Array }
> = {
  genotype: { extension: "txt", write: ({ genotype }) => Buffer.from(`${printGenotype(genotype)}\n`) },
  json: { extension: "json", write: (model) => Buffer.from(`${JSON.stringify(describe(model), null, 2)}\n`) },
  /** A tar of model.json and weights.bin. */
  tfjs: {
    extension: "tar",
    write(model) {
      const { json, weights } = graphModel(model.network, model.values, model.dataset);
      return tar([
        {
          name: "model.json",
          bytes: Buffer.from(JSON.stringify({ ...json, userDefinedMetadata: describe(model) })),
        },
        { name: "weights.bin", bytes: weights },
      ]);
    },
  },
};

/** One file for each format. */
export function exportFiles(model: TrainedModel): ExportFile[] {
  return (Object.keys(formats) as ExportFile["format"][]).map((format) => {
    const { extension, write } = formats[format];
    return { format, fileName: `${model.hash}.${format}.${extension}`, bytes: write(model) };
  });
}

function describe({ network, genotype, hash, dataset, size, result }: TrainedModel) {
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
      /** The tfjs model does this itself: it takes pixels from 0 to 255, [images, rows, columns, channels]. */
      pixelScale: 255,
      mean: dataset.mean,
      std: dataset.std,
    },
    /** One number per class, before the softmax. */
    output: "logits",
  };
}
