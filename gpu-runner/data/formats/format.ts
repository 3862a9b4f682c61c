/** What a format of a user's own data is: how it is recognised, and what reading it gives. */

import { DataError } from "../files.ts";

export interface Size {
  height: number;
  width: number;
}

export interface ReadOptions {
  /** Wanted size of every image; without it the one that all have. */
  size?: Size | undefined;
  /** Whether images that cannot be read are left out; otherwise they are an error. */
  skipUnreadable: boolean;
  /** Told what is being done and how far it is. */
  progress: (phase: string, done: number, total: number) => void;
}

/** Labelled images in the order in which they were found. */
export interface Found {
  /** NHWC. */
  pixels: Uint8Array;
  /** Indices into `classNames`. */
  labels: Uint16Array;
}

/** What a reader found. Images have one size; nothing is split or resized unless the format says so itself. */
export interface ReadResult extends Size {
  channels: number;
  classNames: string[];
  train: Found;
  /** Absent where the data has no split of its own. */
  test?: Found | undefined;
  /** Files that were left out because they cannot be read. */
  skipped: string[];
  /** Files that are no images. */
  ignored: number;
  /** For people: what was decided that they may not expect. */
  notes: string[];
}

export interface Format {
  /** As a report names it. */
  name: string;
  /** For people whose folder is not understood: what it must hold. */
  layout: string;
  /** Whether a folder, or a file, looks like this format. */
  detect: (path: string) => Promise<boolean>;
  /** @throws DataError naming what is wrong */
  read: (path: string, options: ReadOptions) => Promise<ReadResult>;
}

/** Parts of a data set by the names people give them. Validation images join the training images. */
const splitWords = {
  train: ["train", "training"],
  test: ["test", "testing", "t10k"],
  val: ["val", "valid", "validation"],
} as const;
export type SplitName = keyof typeof splitWords;

/** The part that a word names, such as `training`. */
export function splitNamed(word: string): SplitName | undefined {
  const found = Object.entries(splitWords).find(([, words]) =>
    (words as readonly string[]).includes(word.toLowerCase()),
  );
  return found?.[0] as SplitName | undefined;
}

/**
 * What trains and what tests, from parts by name: `val` tests where there is no `test`, and joins the training
 * images where there is.
 */
export function assignSplits<T>(parts: Partial<Record<SplitName, T>>): {
  train: T[];
  test: T[];
  notes: string[];
} {
  const { train, test, val } = parts;
  const some = (...values: (T | undefined)[]) => values.filter((value) => value !== undefined);
  if (test === undefined) {
    const notes =
      val === undefined ? [] : ["there is no test part; the validation images are the test images"];
    return { train: some(train), test: some(val), notes };
  }
  const notes =
    val === undefined ? [] : ["the validation images join the training images: a search splits those itself"];
  return { train: some(train, val), test: [test], notes };
}

/** Several runs of images as one. */
export function joinFound(parts: readonly Found[]): Found {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const total = (length: (part: Found) => number) => parts.reduce((sum, part) => sum + length(part), 0);
  const joined = {
    pixels: new Uint8Array(total(({ pixels }) => pixels.length)),
    labels: new Uint16Array(total(({ labels }) => labels.length)),
  };
  let pixel = 0;
  let label = 0;
  for (const { pixels, labels } of parts) {
    joined.pixels.set(pixels, pixel);
    joined.labels.set(labels, label);
    pixel += pixels.length;
    label += labels.length;
  }
  return joined;
}

/**
 * Class names and indices from labels that are any whole numbers: the classes are the numbers that occur in the
 * training images, in order.
 *
 * @param nameOf what to call a number; the number itself where it gives nothing
 * @throws DataError where the test images have a label that no training image has
 */
export function classesOf(
  train: readonly ArrayLike<number>[],
  test: readonly ArrayLike<number>[],
  nameOf: (label: number) => string | undefined = () => undefined,
): { classNames: string[]; indexOf: (label: number) => number } {
  const numbers = new Set<number>();
  for (const labels of train) for (let i = 0; i < labels.length; i++) numbers.add(labels[i] as number);
  const sorted = [...numbers].sort((a, b) => a - b);
  const index = new Map(sorted.map((label, position) => [label, position]));
  for (const labels of test) {
    for (let i = 0; i < labels.length; i++) {
      if (index.has(labels[i] as number)) continue;
      throw new DataError(
        `Test image ${i} has label ${labels[i]}, which no training image has.`,
        "Correct the labels.",
      );
    }
  }
  return {
    classNames: sorted.map((label) => nameOf(label) ?? String(label)),
    indexOf: (label) => index.get(label) as number,
  };
}
