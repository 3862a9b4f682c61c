/**
 * CIFAR's binary layout with any number of files, images and classes: records of one label byte (or two, of which
 * the second counts) and the red, green and blue plane of a 32x32 image.
 */

import { readdir } from "node:fs/promises";
import path from "node:path";
import { cifarRecords, IMAGE_BYTES, SIDE_PIXELS } from "../cifar.ts";
import { DataError, isFolder, readPlainOrCompressed } from "../files.ts";
import { classesOf, type Format, type Found, joinFound } from "./format.ts";

const trainPattern = /^(data_batch_\d+|train)\.bin(?:\.gz|\.xz)?$/;
const testPattern = /^(test_batch|test)\.bin(?:\.gz|\.xz)?$/;
/** By bytes of label before the pixels. */
const nameFiles: Record<number, string> = { 1: "batches.meta.txt", 2: "fine_label_names.txt" };

async function namesOf(folder: string, pattern: RegExp): Promise<string[]> {
  if (!(await isFolder(folder))) return [];
  const names = (await readdir(folder)).flatMap((name) => pattern.exec(name)?.[1] ?? []);
  const batch = (name: string) => Number(/\d+$/.exec(name)?.[0] ?? 0);
  return [...new Set(names)].sort((a, b) => batch(a) - batch(b)).map((name) => `${name}.bin`);
}

/** Class names, one a line, where the folder has them. */
async function readClassNames(folder: string, file: string): Promise<string[]> {
  if (!(await readdir(folder)).includes(file)) return [];
  const text = new TextDecoder().decode(await readPlainOrCompressed(folder, file));
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

export const cifarBinary: Format = {
  name: "CIFAR binary files",
  layout: "CIFAR binary: data_batch_1.bin ... and test_batch.bin, or train.bin and test.bin",
  detect: async (folder) => (await namesOf(folder, trainPattern)).length > 0,
  async read(folder) {
    const read = async (pattern: RegExp) => {
      const names = await namesOf(folder, pattern);
      return Promise.all(
        names.map(async (name) => ({
          file: path.join(folder, name),
          bytes: await readPlainOrCompressed(folder, name),
        })),
      );
    };
    const [training, testing] = [await read(trainPattern), await read(testPattern)];
    const all = [...training, ...testing];
    const labelBytes = [1, 2].find((bytes) =>
      all.every(({ bytes: { length } }) => length > 0 && length % (bytes + IMAGE_BYTES) === 0),
    );
    if (labelBytes === undefined) {
      const odd = all.find(({ bytes }) => bytes.length === 0 || bytes.length % (1 + IMAGE_BYTES) !== 0);
      throw new DataError(
        `${odd?.file} has ${odd?.bytes.length} bytes, which is no whole number of records of 1 or 2 label bytes and ${SIDE_PIXELS}x${SIDE_PIXELS}x3 pixels.`,
        "Fetch it again, or save images of another size as .npz.",
      );
    }
    const decode = ({ bytes }: { bytes: Uint8Array }) => {
      const count = bytes.length / (labelBytes + IMAGE_BYTES);
      const into = { pixels: new Uint8Array(count * IMAGE_BYTES), labels: new Uint8Array(count) };
      cifarRecords(bytes, labelBytes, into);
      return into;
    };
    const [train, test] = [training.map(decode), testing.map(decode)];
    const labelsOf = (list: typeof train) => list.map(({ labels }) => labels);
    const names = await readClassNames(folder, nameFiles[labelBytes] as string);
    const { classNames, indexOf } = classesOf(labelsOf(train), labelsOf(test), (label) => names[label]);
    const foundIn = (list: typeof train): Found =>
      joinFound(list.map(({ pixels, labels }) => ({ pixels, labels: Uint16Array.from(labels, indexOf) })));
    return {
      height: SIDE_PIXELS,
      width: SIDE_PIXELS,
      channels: 3,
      classNames,
      train: foundIn(train),
      test: test.length > 0 ? foundIn(test) : undefined,
      skipped: [],
      ignored: 0,
      notes: [],
    };
  },
};
