/**
 * A folder per class of image files; or folders `train` and `test` (or `val`) that hold a folder per class each.
 * Images may lie in folders of their own below a class. Files whose name begins with a dot do not count.
 */

import { readdir } from "node:fs/promises";
import path from "node:path";
import { maxDatasetBytes } from "../../../shared/pushedDataset.ts";
import { type Decoder, type ImageFacts, loadDecoder } from "../decode.ts";
import { DataError, isFolder, reasonOf } from "../files.ts";
import { eachInParallel } from "../parallel.ts";
import {
  assignSplits,
  type Format,
  type Found,
  type ReadOptions,
  type Size,
  type SplitName,
  splitNamed,
} from "./format.ts";

const imageNames = /\.(?:png|jpe?g|jpe|webp|gif|tiff?|avif|bmp)$/i;

interface ImageFile {
  file: string;
  className: string;
}

interface ClassFolder {
  name: string;
  folder: string;
  files: string[];
  ignored: number;
}

/** Names as they are written everywhere, whatever the file system made of their accents. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

async function visibleFolders(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith(".") && (await isFolder(path.join(folder, name)))) names.push(name);
  }
  return names.sort(byName);
}

async function classFolder(parent: string, name: string): Promise<ClassFolder> {
  const folder = path.join(parent, name);
  const files: string[] = [];
  let ignored = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const relative = path.relative(folder, path.join(entry.parentPath, entry.name));
    if (entry.isDirectory() || relative.split(path.sep).some((part) => part.startsWith("."))) continue;
    if (imageNames.test(entry.name)) files.push(relative.split(path.sep).join("/"));
    else ignored++;
  }
  return { name: name.normalize("NFC"), folder, files: files.sort(byName), ignored };
}

async function classFolders(parent: string): Promise<ClassFolder[]> {
  return Promise.all((await visibleFolders(parent)).map((name) => classFolder(parent, name)));
}

/** The parts of a data set that has a folder for each, or nothing: then its folders are its classes. */
async function splitFolders(folder: string): Promise<Partial<Record<SplitName, string>> | undefined> {
  const names = await visibleFolders(folder);
  const parts: Partial<Record<SplitName, string>> = {};
  for (const name of names) {
    const split = splitNamed(name);
    if (split === undefined) return undefined;
    if (parts[split] !== undefined)
      throw new DataError(`${folder} has both ${path.basename(parts[split])} and ${name}.`, "Leave one out.");
    parts[split] = path.join(folder, name);
  }
  const isSplit = parts.train !== undefined && (await visibleFolders(parts.train)).length > 0;
  return isSplit ? parts : undefined;
}

async function detect(folder: string): Promise<boolean> {
  if (!(await isFolder(folder))) return false;
  const parts = await splitFolders(folder);
  const classes = await classFolders(parts?.train ?? folder);
  return classes.some(({ files }) => files.length > 0);
}

function imagesIn(classes: readonly ClassFolder[]): ImageFile[] {
  return classes.flatMap(({ name, folder, files }) => {
    if (files.length === 0)
      throw new DataError(`The class folder ${folder} holds no image.`, "Put images in it, or remove it.");
    return files.map((file) => ({ file: path.join(folder, file), className: name }));
  });
}

/** What was found out about a file; undefined for one that is left out. */
async function lookAll(
  decoder: Decoder,
  files: readonly ImageFile[],
  options: ReadOptions,
): Promise<(ImageFacts | undefined)[]> {
  const facts: (ImageFacts | undefined)[] = Array.from({ length: files.length });
  let done = 0;
  await eachInParallel(files, async ({ file }, index) => {
    facts[index] = await orLeaveOut(file, options, () => decoder.look(file));
    options.progress("Looking", ++done, files.length);
  });
  return facts;
}

async function orLeaveOut<T>(
  file: string,
  { skipUnreadable }: ReadOptions,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (err) {
    if (skipUnreadable) return undefined;
    const reason = reasonOf(err).replaceAll(/\s+/g, " ").replace(`${file}: `, "").replace(/\.$/, "");
    throw new DataError(
      `${file} cannot be read as an image: ${reason}.`,
      "Repair or remove it, or leave such images out with --skip-unreadable.",
    );
  }
}

const sizeText = ({ height, width }: Size): string => `${height}x${width}`;

/** The size that was asked for, or that all images have. */
function commonSize(facts: readonly ImageFacts[], wanted: Size | undefined): Size {
  if (wanted !== undefined) return wanted;
  const sizes = new Map(facts.map((size) => [sizeText(size), size]));
  const [only] = sizes.values();
  if (only !== undefined && sizes.size === 1) return only;
  const sorted = (of: (size: Size) => number) => facts.map(of).sort((a, b) => a - b);
  const [heights, widths] = [sorted(({ height }) => height), sorted(({ width }) => width)];
  const at = (share: number) =>
    sizeText({
      height: heights[Math.round(share * (heights.length - 1))] as number,
      width: widths[Math.round(share * (widths.length - 1))] as number,
    });
  throw new DataError(
    `The images have ${sizes.size} sizes, heights and widths from ${at(0)} to ${at(1)}, median ${at(0.5)}.`,
    `Give one to scale and crop them to: --size HEIGHTxWIDTH, such as --size 32x32.`,
  );
}

function assertFits(images: number, { height, width, channels }: Size & { channels: number }): void {
  const bytes = images * height * width * channels;
  if (bytes <= maxDatasetBytes) return;
  throw new DataError(
    `${images} images of ${sizeText({ height, width })} take ${(bytes / 1024 ** 3).toFixed(1)} GiB; at most ${maxDatasetBytes / 1024 ** 3} GiB are possible.`,
    "Give a smaller --size.",
  );
}

/** Keeps one channel where all three are equal everywhere: grey images are often stored as colour. */
function withoutEqualChannels(parts: readonly Found[]): { parts: Found[]; channels: number } {
  for (const { pixels } of parts) {
    for (let i = 0; i < pixels.length; i += 3) {
      if (pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2])
        return { parts: [...parts], channels: 3 };
    }
  }
  const grey = parts.map(({ pixels, labels }) => {
    const single = new Uint8Array(pixels.length / 3);
    for (let i = 0; i < single.length; i++) single[i] = pixels[3 * i] as number;
    return { pixels: single, labels };
  });
  return { parts: grey, channels: 1 };
}

export const classFoldersFormat: Format = {
  name: "folders of images",
  layout:
    "a folder per class of images (.png, .jpg, .webp, .gif, .tif, .avif), or folders train and test (or val) that hold a folder per class each",
  detect,
  async read(folder, options) {
    const folders = (await splitFolders(folder)) ?? { train: folder };
    const assigned = assignSplits(folders);
    const listed = (list: string[]) => Promise.all(list.map(classFolders));
    const [training, testing] = [(await listed(assigned.train)).flat(), (await listed(assigned.test)).flat()];
    const classNames = [...new Set(training.map(({ name }) => name))].sort(byName);
    const foreign = testing.find(({ name }) => !classNames.includes(name));
    if (foreign !== undefined)
      throw new DataError(
        `${foreign.folder} is a class that has no training images.`,
        "Correct its name, or remove it.",
      );
    const train = imagesIn(training);
    const files = [...train, ...imagesIn(testing)];

    const decoder = await loadDecoder();
    const facts = await lookAll(decoder, files, options);
    const known = facts.filter((found) => found !== undefined);
    if (known.length === 0)
      throw new DataError(`No image in ${folder} can be read.`, "Give .png or .jpg files.");
    const shape = {
      ...commonSize(known, options.size),
      channels: known.every(({ isGrey }) => isGrey) ? 1 : 3,
    };
    assertFits(files.length, shape);

    const index = new Map(classNames.map((name, label) => [name, label]));
    const imageBytes = shape.height * shape.width * shape.channels;
    const pixels = new Uint8Array(files.length * imageBytes);
    const isRead = files.map(() => false);
    let done = 0;
    await eachInParallel(files, async ({ file }, position) => {
      const image = facts[position] && (await orLeaveOut(file, options, () => decoder.decode(file, shape)));
      if (image !== undefined) {
        pixels.set(image, position * imageBytes);
        isRead[position] = true;
      }
      options.progress("Reading", ++done, files.length);
    });

    const foundIn = (from: number, to: number): Found => {
      const kept = Array.from({ length: to - from }, (_, i) => from + i).filter(
        (position) => isRead[position],
      );
      // Images move forward over those that were left out.
      for (const [slot, position] of kept.entries())
        pixels.copyWithin((from + slot) * imageBytes, position * imageBytes, (position + 1) * imageBytes);
      return {
        pixels: pixels.subarray(from * imageBytes, (from + kept.length) * imageBytes),
        labels: Uint16Array.from(kept, (position) => index.get(files[position]?.className ?? "") as number),
      };
    };
    const found = [foundIn(0, train.length), foundIn(train.length, files.length)];
    const { parts, channels } =
      shape.channels === 3 ? withoutEqualChannels(found) : { parts: found, channels: 1 };
    return {
      ...shape,
      channels,
      classNames,
      train: parts[0] as Found,
      test: testing.length > 0 ? parts[1] : undefined,
      skipped: files
        .filter((_, position) => !isRead[position])
        .map(({ file }) => path.relative(folder, file)),
      ignored: [...training, ...testing].reduce((sum, { ignored }) => sum + ignored, 0),
      notes: assigned.notes,
    };
  },
};
