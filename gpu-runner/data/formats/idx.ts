/** IDX files (LeCun): MNIST, Fashion-MNIST, EMNIST and what looks like them, plain or compressed. */

import { readdir } from "node:fs/promises";
import path from "node:path";
import { DataError, isFolder, readPlainOrCompressed } from "../files.ts";
import {
  assignSplits,
  classesOf,
  type Format,
  type Found,
  joinFound,
  type SplitName,
  splitNamed,
} from "./format.ts";

/** `emnist-letters-train-images-idx3-ubyte.gz`: what stands before `images`, and how many dimensions it has. */
const imagesPattern = /^(.*?)images[-._]idx([34])-ubyte(?:\.gz|\.xz)?$/;
const UNSIGNED_BYTE = 0x800;

/** An array of an IDX file. */
export interface IdxArray {
  shape: number[];
  values: Uint8Array;
}

/**
 * The array in an IDX file of unsigned bytes.
 *
 * @param rank how many dimensions it must have
 * @throws DataError where the bytes are not such a file
 */
export function parseIdx(file: string, bytes: Uint8Array, rank: number): IdxArray {
  const damaged = (what: string) => new DataError(`${file} is damaged: ${what}.`, "Fetch it again.");
  const headerBytes = 4 + rank * 4;
  if (bytes.length < headerBytes) throw damaged("it is too short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== UNSIGNED_BYTE + rank)
    throw damaged(`it is not an IDX file of ${rank} dimensions of unsigned bytes`);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + axis * 4));
  const expected = headerBytes + shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== expected) throw damaged(`it has ${bytes.length} bytes instead of ${expected}`);
  return { shape, values: bytes.subarray(headerBytes) };
}

interface Part {
  images: string;
  labels: string;
  rank: number;
}

async function findParts(folder: string): Promise<{ split: SplitName | undefined; part: Part }[]> {
  if (!(await isFolder(folder))) return [];
  const found = new Map<string, { split: SplitName | undefined; part: Part }>();
  for (const name of (await readdir(folder)).sort()) {
    const [, prefix, rank] = imagesPattern.exec(name) ?? [];
    if (prefix === undefined) continue;
    const split = prefix.split(/[-._]/).map(splitNamed).find(Boolean);
    const images = name.replace(/\.(?:gz|xz)$/, "");
    const labels = `${prefix}labels${images.slice(prefix.length + "images".length).replace(/idx\d/, "idx1")}`;
    found.set(images, { split, part: { images, labels, rank: Number(rank) } });
  }
  return [...found.values()];
}

async function readPart(
  folder: string,
  { images, labels, rank }: Part,
): Promise<IdxArray & { labels: Uint8Array }> {
  const file = path.join(folder, images);
  const array = parseIdx(file, await readPlainOrCompressed(folder, images), rank);
  const labelFile = path.join(folder, labels);
  const { values } = parseIdx(labelFile, await readPlainOrCompressed(folder, labels), 1);
  if (values.length !== array.shape[0]) {
    throw new DataError(
      `${labelFile} has ${values.length} labels for ${array.shape[0]} images.`,
      "Fetch both files again.",
    );
  }
  return { ...array, labels: values };
}

export const idx: Format = {
  name: "IDX files",
  layout:
    "IDX: train-images-idx3-ubyte and train-labels-idx1-ubyte, perhaps t10k-... or test-..., plain, .gz or .xz",
  detect: async (folder) => (await findParts(folder)).length > 0,
  async read(folder) {
    const parts: Partial<Record<SplitName, Part>> = {};
    const found = await findParts(folder);
    for (const { split = "train", part } of found) {
      const other = parts[split];
      if (other !== undefined) {
        throw new DataError(
          `${folder} has several sets of images for one part: ${other.images} and ${part.images}.`,
          "Put those that belong together in a folder of their own.",
        );
      }
      parts[split] = part;
    }
    if (parts.train === undefined) {
      throw new DataError(
        `${folder} has no training images, only ${found[0]?.part.images}.`,
        "Add train-images-idx3-ubyte.",
      );
    }
    const { train, test, notes } = assignSplits(parts);
    const read = (list: Part[]) => Promise.all(list.map((part) => readPart(folder, part)));
    const [training, testing] = [await read(train), await read(test)];
    const [, height = 0, width = 0, channels = 1] = training[0]?.shape ?? [];
    for (const [index, { shape }] of [...training, ...testing].entries()) {
      if (String(shape.slice(1)) === String(training[0]?.shape.slice(1))) continue;
      const { images } = [...train, ...test][index] as Part;
      throw new DataError(
        `${path.join(folder, images)} has images of ${shape.slice(1).join("x")}, ${parts.train.images} of ${training[0]?.shape.slice(1).join("x")}.`,
        "Make them one size.",
      );
    }
    const labelsOf = (list: { labels: Uint8Array }[]) => list.map(({ labels }) => labels);
    const { classNames, indexOf } = classesOf(labelsOf(training), labelsOf(testing));
    const foundIn = (list: typeof training): Found =>
      joinFound(
        list.map(({ values, labels }) => ({ pixels: values, labels: Uint16Array.from(labels, indexOf) })),
      );
    return {
      height,
      width,
      channels,
      classNames,
      train: foundIn(training),
      test: testing.length > 0 ? foundIn(testing) : undefined,
      skipped: [],
      ignored: 0,
      notes,
    };
  },
};
