/** What a finished training leaves behind, as files: the genotype as DARTS text, a description, the trained model, images to try it on. */

import { type ExportFormat, exportFormatNames, exportFormats } from "../../shared/exportFormats.ts";
import { printGenotype } from "../../shared/genotype.ts";
import { samplesOf } from "../../shared/samples.ts";
import { type Model, modelOf } from "./computation.ts";
import { asTexts, describe, type TrainedModel } from "./description.ts";
import { onnxFile } from "./onnx.ts";
import { savedModelArchive } from "./savedModel.ts";
import { tfjsArchive } from "./tfjs.ts";

export interface ExportFile {
  format: ExportFormat;
  fileName: string;
  bytes: Uint8Array;
}

interface Source {
  trained: TrainedModel;
  model: Model;
  description: ReturnType<typeof describe>;
}

const utf8 = new TextEncoder();

const writers: Record<ExportFormat, (source: Source) => Uint8Array> = {
  genotype: ({ trained }) => utf8.encode(`${printGenotype(trained.genotype)}\n`),
  json: ({ description }) => utf8.encode(`${JSON.stringify(description, null, 2)}\n`),
  tfjs: ({ model, description }) => tfjsArchive(model, description),
  "saved-model": ({ model, description }) => savedModelArchive(model, description),
  samples: ({ trained }) => utf8.encode(JSON.stringify(samplesOf(trained.hash, trained.dataset.test))),
  onnx: ({ model, description }) => onnxFile(model, asTexts(description)),
};

/** One file for each format. */
export function exportFiles(trained: TrainedModel): ExportFile[] {
  const { network, values, dataset, hash } = trained;
  const source = { trained, model: modelOf(network, values, dataset), description: describe(trained) };
  return exportFormatNames.map((format) => ({
    format,
    fileName: `${hash}-${exportFormats[format].fileName}`,
    bytes: writers[format](source),
  }));
}
