/** A user's own data: recognises its format, reads it, splits it where it has no split, and measures what normalises it. */

import { existsSync } from "node:fs";
import { imagesHeaderSchema, maxDatasetBytes } from "../../shared/pushedDataset.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { Dataset, Images, Labels } from "./dataset.ts";
import { loadDecoder } from "./decode.ts";
import { DataError, digestOf } from "./files.ts";
import { cifarBinary } from "./formats/cifarBinary.ts";
import { classFoldersFormat } from "./formats/classFolders.ts";
import type { Format, Found, ReadOptions, ReadResult, Size } from "./formats/format.ts";
import { idx } from "./formats/idx.ts";
import { npz } from "./formats/npz.ts";
import { eachInParallel } from "./parallel.ts";
import { countsOf } from "./shards.ts";

export const formats: readonly Format[] = [classFoldersFormat, idx, cifarBinary, npz];

/** Names listed in a message or report before the rest is only counted. */
const NAMED = 5;
/** Digits after the point of mean and deviation. */
const DECIMALS = 6;
/** Where every pixel is the same there is nothing to divide by. */
const SMALLEST_STD = 1 / 255;

export interface OwnDataOptions extends ReadOptions {
  /** Share of each class that tests, where the data has no test images of its own; above 0 and below 1. */
  testFraction: number;
  /** Decides which those are. */
  seed: number;
}

/** What was read, for people. */
export interface DataReport {
  format: string;
  images: { train: number; test: number };
  /** How the test images were chosen; null where the data has its own. */
  split: { testFraction: number; seed: number } | null;
  size: Size;
  channels: number;
  classes: { name: string; train: number; test: number }[];
  mean: number[];
  std: number[];
  bytes: number;
  digest: string;
  /** Files left out because they cannot be read. */
  skipped: string[];
  /** Files that are no images. */
  ignored: number;
  notes: string[];
}

export type OwnData = Omit<Dataset, "name"> & { report: DataReport };

/**
 * Reads a folder (or an .npz file) of images with their classes.
 *
 * @throws DataError with one line that says what is wrong and what to do
 */
export async function readOwnData(given: string, options: OwnDataOptions): Promise<OwnData> {
  const format = await formatOf(given);
  const read = await resized(await format.read(given, options), options);
  const { test, split } = withTest(read, options);
  const kept = split?.train ?? read.train;
  const sets = { train: imagesOf(read, kept), test: imagesOf(read, test) };
  assertUsable(read, sets);
  const { mean, std } = normalisation(sets.train);
  const digest = digestOf(sets).toString("hex");
  const [trainCounts, testCounts] = [countsOf(sets.train), countsOf(sets.test)];
  const untested = read.classNames.filter((_, label) => testCounts[label] === 0);
  const report: DataReport = {
    format: format.name,
    images: { train: sets.train.count, test: sets.test.count },
    split: split === undefined ? null : { testFraction: options.testFraction, seed: options.seed },
    size: { height: read.height, width: read.width },
    channels: read.channels,
    classes: read.classNames.map((name, label) => ({
      name,
      train: trainCounts[label] as number,
      test: testCounts[label] as number,
    })),
    mean,
    std,
    bytes: [sets.train, sets.test].reduce(
      (sum, { pixels, labels }) => sum + pixels.length + labels.byteLength,
      0,
    ),
    digest,
    skipped: read.skipped,
    ignored: read.ignored,
    notes: [
      ...read.notes,
      ...(untested.length > 0
        ? [`no test image shows ${listed(untested)}: its accuracy is not measured`]
        : []),
    ],
  };
  return { ...sets, mean, std, digest, report };
}

async function formatOf(given: string): Promise<Format> {
  if (!existsSync(given))
    throw new DataError(`${given} does not exist.`, "Name the folder that holds your data.");
  const found: Format[] = [];
  for (const format of formats) if (await format.detect(given)) found.push(format);
  const [format, another] = found;
  if (format === undefined) {
    throw new DataError(
      `No data was found in ${given}.`,
      `Understood are: ${formats.map(({ layout }, index) => `(${index + 1}) ${layout}`).join("; ")}.`,
    );
  }
  if (another !== undefined) {
    throw new DataError(
      `${given} holds ${format.name} and ${another.name}.`,
      "Put what you want to push in a folder of its own.",
    );
  }
  return format;
}

/** The images in the wanted size, where the reader did not see to it. */
async function resized(read: ReadResult, options: ReadOptions): Promise<ReadResult> {
  const { size } = options;
  if (size === undefined || (size.height === read.height && size.width === read.width)) return read;
  const decoder = await loadDecoder();
  const fromBytes = read.height * read.width * read.channels;
  const toBytes = size.height * size.width * read.channels;
  const total = read.train.labels.length + (read.test?.labels.length ?? 0);
  let done = 0;
  const resize = async ({ pixels, labels }: Found): Promise<Found> => {
    const into = new Uint8Array(labels.length * toBytes);
    await eachInParallel([...labels.keys()], async (index) => {
      const image = pixels.subarray(index * fromBytes, (index + 1) * fromBytes);
      into.set(await decoder.resize(image, read, size), index * toBytes);
      options.progress("Scaling", ++done, total);
    });
    return { pixels: into, labels };
  };
  const train = await resize(read.train);
  return { ...read, ...size, train, test: read.test && (await resize(read.test)) };
}

/** The test images: the data's own, or a share of each class, the same for the same seed. */
function withTest(
  read: ReadResult,
  { testFraction, seed }: OwnDataOptions,
): { test: Found; split?: { train: Found } } {
  if (read.test !== undefined) return { test: read.test };
  const byClass = read.classNames.map((): number[] => []);
  for (const [index, label] of read.train.labels.entries()) byClass[label]?.push(index);
  const single = read.classNames.filter((_, label) => (byClass[label]?.length ?? 0) < 2);
  if (single.length > 0) {
    throw new DataError(
      `Too few images of ${listed(single)}.`,
      "Every class needs at least 2: one to train on and one to test.",
    );
  }
  const chosen = new Set<number>();
  for (const [label, members] of byClass.entries()) {
    new Random(deriveSeed(seed, "test images", label)).shuffle(members);
    const wanted = Math.round(members.length * testFraction);
    for (const index of members.slice(0, Math.min(members.length - 1, Math.max(1, wanted))))
      chosen.add(index);
  }
  const imageBytes = read.height * read.width * read.channels;
  const pick = (isWanted: (index: number) => boolean): Found => {
    const indices = [...read.train.labels.keys()].filter(isWanted);
    const pixels = new Uint8Array(indices.length * imageBytes);
    for (const [slot, index] of indices.entries())
      pixels.set(read.train.pixels.subarray(index * imageBytes, (index + 1) * imageBytes), slot * imageBytes);
    return { pixels, labels: Uint16Array.from(indices, (index) => read.train.labels[index] as number) };
  };
  return { test: pick((index) => chosen.has(index)), split: { train: pick((index) => !chosen.has(index)) } };
}

function imagesOf({ height, width, channels, classNames }: ReadResult, { pixels, labels }: Found): Images {
  const classes = classNames.length;
  const stored: Labels = classes > 256 ? labels : Uint8Array.from(labels);
  return { count: labels.length, height, width, channels, classes, classNames, pixels, labels: stored };
}

function assertUsable({ classNames }: ReadResult, sets: { train: Images; test: Images }): void {
  const { train, test } = sets;
  if (classNames.length < 2) {
    throw new DataError(
      `There is only one class, ${classNames[0] ?? "(none)"}.`,
      "A search needs at least 2 classes to tell apart: one folder, or one label, for each.",
    );
  }
  const counts = countsOf(train);
  const empty = classNames.filter((_, label) => counts[label] === 0);
  if (empty.length > 0)
    throw new DataError(`No training image shows ${listed(empty)}.`, "Add some, or remove the class.");
  if (test.count === 0)
    throw new DataError("There are no test images.", "Add some, or leave the test part out.");
  const { image, classNames: names } = imagesHeaderSchema.shape;
  for (const { error } of [
    image.safeParse({ height: train.height, width: train.width, channels: train.channels }),
    names.safeParse(classNames),
  ]) {
    if (error !== undefined)
      throw new DataError(
        `${train.height}x${train.width} pixels and ${classNames.length} classes are not possible: ${error.issues[0]?.message}.`,
        "Give another --size, or fewer classes.",
      );
  }
  const bytes = train.pixels.length + test.pixels.length + train.labels.byteLength + test.labels.byteLength;
  if (bytes > maxDatasetBytes)
    throw new DataError(
      `The images take ${(bytes / 1024 ** 3).toFixed(1)} GiB; at most ${maxDatasetBytes / 1024 ** 3} GiB are possible.`,
      "Give a smaller --size.",
    );
}

/** Mean and deviation of each channel, of pixels divided by 255. Exact: from how often each byte occurs. */
export function normalisation({ pixels, channels }: Pick<Images, "pixels" | "channels">): {
  mean: number[];
  std: number[];
} {
  const counts = new Float64Array(256 * channels);
  for (let i = 0; i < pixels.length; i++) {
    const slot = (pixels[i] as number) * channels + (i % channels);
    counts[slot] = (counts[slot] as number) + 1;
  }
  const count = pixels.length / channels;
  const moments = Array.from({ length: channels }, (_, channel) => {
    const sumOf = (term: (value: number) => number) => {
      let sum = 0;
      for (let byte = 0; byte < 256; byte++)
        sum += (counts[byte * channels + channel] as number) * term(byte / 255);
      return sum;
    };
    const mean = sumOf((value) => value) / count;
    return { mean, std: Math.sqrt(sumOf((value) => (value - mean) ** 2) / count) };
  });
  const rounded = (value: number) => Number(value.toFixed(DECIMALS));
  return {
    mean: moments.map(({ mean }) => rounded(mean)),
    std: moments.map(({ std }) => Math.max(rounded(std), rounded(SMALLEST_STD))),
  };
}

const listed = (names: readonly string[]): string =>
  names.length > NAMED
    ? `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} other classes`
    : names.join(", ");
