/** The data sets that a runner can train on: one row each, loaded as plain bytes with their labels. */

import { existsSync } from "node:fs";
import path from "node:path";
import { type DatasetName, datasetNames } from "../../shared/datasets.ts";
import { type CifarLayout, cifar10, cifar100, downloadArchive, hasCifar, readCifar } from "./cifar.ts";
import { readFashionMnistIdx, readFashionMnistPackage } from "./fashionMnist.ts";
import { DataError, defaultCacheDir, digestOf, type ImageSets } from "./files.ts";

/** Class indices: bytes, or twice as wide above 256 classes. */
export type Labels = Uint8Array | Uint16Array;

/** Labelled images of one size. */
export interface Images {
  count: number;
  height: number;
  width: number;
  channels: number;
  classes: number;
  classNames: string[];
  /** NHWC, `count * height * width * channels` bytes. */
  pixels: Uint8Array;
  /** `count` class indices. */
  labels: Labels;
}

/** A data set with its fixed test images and the constants that normalise it. */
export interface Dataset {
  name: string;
  train: Images;
  test: Images;
  /** Per channel, of the training pixels divided by 255. */
  mean: number[];
  /** Per channel, of the training pixels divided by 255. */
  std: number[];
  /** SHA-256 in hexadecimal of shape, pixels and labels: two runs with the same digest saw the same data. */
  digest: string;
}

export interface LoadOptions {
  /** Folder with the data set's official files; without it `$NASTURTIUM_DATA/<name>` where that exists. */
  folder?: string | undefined;
  /** Where converted and downloaded files are kept; without it see `defaultCacheDir`. */
  cacheDir?: string | undefined;
  /** Receives a line before anything slow. */
  log: (line: string) => void;
}

interface ReadContext {
  folder: string | undefined;
  cacheDir: string;
  log: (line: string) => void;
}

interface DatasetRow {
  mean: number[];
  std: number[];
  read: (ctx: ReadContext) => Promise<ImageSets>;
}

/** The constants are the measured ones to four places; those of CIFAR are also in its published recipes. */
const datasets: Record<DatasetName, DatasetRow> = {
  "fashion-mnist": {
    mean: [0.2862],
    std: [0.3531],
    read: ({ folder, cacheDir, log }) =>
      folder === undefined ? readFashionMnistPackage(cacheDir, log) : readFashionMnistIdx(folder),
  },
  cifar10: {
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
    read: (ctx) => readOrDownload(cifar10, ctx),
  },
  cifar100: {
    mean: [0.5071, 0.4867, 0.4408],
    std: [0.2675, 0.2565, 0.2761],
    read: (ctx) => readOrDownload(cifar100, ctx),
  },
};

/**
 * Loads a data set into memory, fetching or converting it on the first call.
 *
 * @throws DataError with one line that says what is wrong and what to do
 * @example
 * const dataset = await loadDataset("fashion-mnist", { log: console.error });
 */
export async function loadDataset(name: string, options: LoadOptions): Promise<Dataset> {
  if (!isDatasetName(name))
    throw new DataError(`There is no data set ${name}.`, `Known: ${datasetNames.join(", ")}.`);
  const row = datasets[name];
  const sets = await row.read({
    folder: chooseFolder(name, options.folder),
    cacheDir: options.cacheDir ?? defaultCacheDir(),
    log: options.log,
  });
  return { name, ...sets, mean: row.mean, std: row.std, digest: digestOf(sets).toString("hex") };
}

function isDatasetName(name: string): name is DatasetName {
  return Object.hasOwn(datasets, name);
}

function chooseFolder(name: string, given: string | undefined): string | undefined {
  if (given !== undefined) {
    if (existsSync(given)) return given;
    throw new DataError(`The folder ${given} does not exist.`, `Name the folder with the files of ${name}.`);
  }
  const root = process.env.NASTURTIUM_DATA;
  const folder = root ? path.join(root, name) : undefined;
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

async function readOrDownload(layout: CifarLayout, ctx: ReadContext): Promise<ImageSets> {
  if (ctx.folder !== undefined) return readCifar(layout, ctx.folder);
  const folder = path.join(ctx.cacheDir, layout.name);
  if (!hasCifar(layout, folder)) await downloadArchive(layout.archive, folder, ctx.log);
  return readCifar(layout, folder);
}
