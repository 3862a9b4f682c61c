/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 colour images of 32x32, from the standard binary files.
 * An image there is one label byte (CIFAR-100: coarse label, fine label) and then its red, green and blue plane.
 */

import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Images } from "./dataset.ts";
import {
  DataError,
  hasPlainOrCompressed,
  type ImageSets,
  readPlainOrCompressed,
  reasonOf,
  run,
} from "./files.ts";

export const SIDE_PIXELS = 32;
const CHANNELS = 3;
const PLANE_BYTES = SIDE_PIXELS * SIDE_PIXELS;
export const IMAGE_BYTES = PLANE_BYTES * CHANNELS;
/** Generous for 170 MB over a slow line; a host that does not answer fails within seconds. */
const DOWNLOAD_TIMEOUT_MS = 20 * 60_000;

/** An archive that is fetched once and checked against its MD5. */
export interface Archive {
  url: string;
  md5: string;
}

/** How one of the two data sets is laid out on disk. */
export interface CifarLayout {
  name: string;
  trainFiles: string[];
  testFiles: string[];
  imagesPerFile: { train: number; test: number };
  /** Bytes before the pixels; the last of them is the label. */
  labelBytes: number;
  classNames: string[];
  archive: Archive;
}

export const cifar10: CifarLayout = {
  name: "cifar10",
  trainFiles: [1, 2, 3, 4, 5].map((part) => `data_batch_${part}.bin`),
  testFiles: ["test_batch.bin"],
  imagesPerFile: { train: 10_000, test: 10_000 },
  labelBytes: 1,
  classNames: "airplane automobile bird cat deer dog frog horse ship truck".split(" "),
  archive: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
  },
};

export const cifar100: CifarLayout = {
  name: "cifar100",
  trainFiles: ["train.bin"],
  testFiles: ["test.bin"],
  imagesPerFile: { train: 50_000, test: 10_000 },
  labelBytes: 2,
  classNames: (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can " +
    "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin " +
    "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster " +
    "man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck " +
    "pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk " +
    "skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger " +
    "tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
  ).split(" "),
  archive: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5: "03b5dce01913d631647c71ecec9e9cb8",
  },
};

/** Whether the folder holds every file of the data set, plain or compressed. */
export function hasCifar(layout: CifarLayout, folder: string): boolean {
  return [...layout.trainFiles, ...layout.testFiles].every((name) => hasPlainOrCompressed(folder, name));
}

/**
 * Reads the files of a folder, each plain or with `.gz` or `.xz` added.
 *
 * @throws DataError where a file is absent, has a wrong size or a label out of range
 */
export async function readCifar(layout: CifarLayout, folder: string): Promise<ImageSets> {
  const { train, test } = layout.imagesPerFile;
  return {
    train: await readFiles(layout, folder, layout.trainFiles, train),
    test: await readFiles(layout, folder, layout.testFiles, test),
  };
}

async function readFiles(
  layout: CifarLayout,
  folder: string,
  names: string[],
  imagesPerFile: number,
): Promise<Images> {
  const count = names.length * imagesPerFile;
  const pixels = new Uint8Array(new SharedArrayBuffer(count * IMAGE_BYTES)); // for the thread of a BatchLoader
  const labels = new Uint8Array(count);
  const decodeInto = async (name: string, part: number) => {
    const bytes = await readPlainOrCompressed(folder, name);
    const first = part * imagesPerFile;
    decodeCifar(path.join(folder, name), bytes, layout, {
      pixels: pixels.subarray(first * IMAGE_BYTES, (first + imagesPerFile) * IMAGE_BYTES),
      labels: labels.subarray(first, first + imagesPerFile),
    });
  };
  await Promise.all(names.map(decodeInto));
  const { classNames } = layout;
  const shape = { height: SIDE_PIXELS, width: SIDE_PIXELS, channels: CHANNELS };
  return { count, ...shape, classes: classNames.length, classNames, pixels, labels };
}

/** Turns the planes of one file into NHWC pixels; `into` fixes how many images the file must have. */
function decodeCifar(
  file: string,
  bytes: Uint8Array,
  { labelBytes, classNames }: CifarLayout,
  into: { pixels: Uint8Array; labels: Uint8Array },
): void {
  const { labels } = into;
  const expected = labels.length * (labelBytes + IMAGE_BYTES);
  if (bytes.length !== expected) {
    throw new DataError(`${file} has ${bytes.length} bytes instead of ${expected}.`, "Fetch it again.");
  }
  cifarRecords(bytes, labelBytes, into);
  const wrong = labels.findIndex((label) => label >= classNames.length);
  if (wrong >= 0) {
    throw new DataError(
      `${file} has label ${labels[wrong]} at image ${wrong}; ${classNames.length - 1} is the largest.`,
      "Fetch it again.",
    );
  }
}

/** Turns records of label bytes, of which the last counts, and three planes into NHWC pixels and labels. */
export function cifarRecords(
  bytes: Uint8Array,
  labelBytes: number,
  { pixels, labels }: { pixels: Uint8Array; labels: Uint8Array },
): void {
  const recordBytes = labelBytes + IMAGE_BYTES;
  let to = 0;
  for (let image = 0; image < labels.length; image++) {
    const red = image * recordBytes + labelBytes;
    labels[image] = bytes[red - 1] as number;
    for (let from = red; from < red + PLANE_BYTES; from++) {
      pixels[to++] = bytes[from] as number;
      pixels[to++] = bytes[from + PLANE_BYTES] as number;
      pixels[to++] = bytes[from + 2 * PLANE_BYTES] as number;
    }
  }
}

/**
 * Fetches an archive, checks it and unpacks it without its top folder, so that `folder` appears complete or
 * not at all.
 *
 * @throws DataError naming the folder option where any step fails
 */
export async function downloadArchive(
  { url, md5 }: Archive,
  folder: string,
  log: (line: string) => void,
  timeoutMs = DOWNLOAD_TIMEOUT_MS,
): Promise<void> {
  const temporary = `${folder}.${randomUUID()}`;
  const archive = path.join(temporary, "archive.tar.gz");
  const unpacked = path.join(temporary, "unpacked");
  try {
    log(`Downloading ${url}`);
    await mkdir(unpacked, { recursive: true });
    const found = await fetchTo(url, archive, timeoutMs);
    if (found !== md5) throw new Error(`its MD5 is ${found} instead of ${md5}`);
    await run("tar", ["-xzf", archive, "-C", unpacked, "--strip-components=1"]);
    await rm(folder, { recursive: true, force: true });
    await rename(unpacked, folder);
  } catch (err) {
    throw new DataError(
      `${url} cannot be fetched: ${reasonOf(err)}.`,
      `Put its files in a folder by hand and name that folder (--data of the runner, or as ${path.basename(folder)} under NASTURTIUM_DATA).`,
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Streams a URL to a file and returns the MD5 of what came. */
async function fetchTo(url: string, file: string, timeoutMs: number): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
  const hash = createHash("md5");
  const hashing = new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(response.body as ReadableStream), hashing, createWriteStream(file));
  return hash.digest("hex");
}
