/** NumPy archives (.npz) with images as unsigned bytes and labels as whole numbers, named as is usual. */

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { unzipSync } from "fflate";
import { DataError, isFolder, reasonOf } from "../files.ts";
import {
  assignSplits,
  classesOf,
  type Format,
  type Found,
  joinFound,
  type SplitName,
  splitNamed,
} from "./format.ts";

const MAGIC = "\u0093NUMPY";
const kindWords: Record<string, "images" | "labels"> = {
  x: "images",
  images: "images",
  image: "images",
  data: "images",
  y: "labels",
  labels: "labels",
  label: "labels",
  targets: "labels",
};
const EXPECTED =
  "x_train, y_train and perhaps x_test, y_test, or x and y (also images and labels, with train_, val_ or test_ before or after)";

/** One array of an archive: its element type as NumPy writes it (`|u1`), and its bytes in C order. */
export interface NpyArray {
  type: string;
  shape: number[];
  bytes: Uint8Array;
}

/** @throws Error that says what is wrong, without naming the array */
export function parseNpy(file: Uint8Array): NpyArray {
  const text = (from: number, to: number) => Buffer.from(file.subarray(from, to)).toString("latin1");
  if (text(0, MAGIC.length) !== MAGIC) throw new Error("it is no NumPy array");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const isFirstVersion = file[MAGIC.length] === 1;
  const headerStart = isFirstVersion ? 10 : 12;
  const headerLength = isFirstVersion ? view.getUint16(8, true) : view.getUint32(8, true);
  const header = text(headerStart, headerStart + headerLength);
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (type === undefined || shape === undefined) throw new Error("its elements are not plain numbers");
  if (/'fortran_order':\s*True/.test(header))
    throw new Error("it is in Fortran order; save numpy.ascontiguousarray(it)");
  return {
    type,
    shape: shape.split(",").flatMap((length) => (length.trim() === "" ? [] : [Number(length)])),
    bytes: file.subarray(headerStart + headerLength),
  };
}

/** Bytes of one whole number of a type, and how it is read. */
const integerTypes: Record<string, [number, (view: DataView, at: number, little: boolean) => number]> = {
  u1: [1, (view, at) => view.getUint8(at)],
  i1: [1, (view, at) => view.getInt8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
};

const shapeText = (shape: readonly number[]): string => `(${shape.join(", ")})`;
const elements = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

function labelsOf({ type, shape, bytes }: NpyArray): number[] {
  const row = integerTypes[type.slice(1)];
  if (row === undefined)
    throw new Error(`it holds ${type}; labels are whole numbers: save it with .astype("int64")`);
  const isVector = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isVector)
    throw new Error(`its shape is ${shapeText(shape)}; labels are one number per image, not one-hot`);
  const [size, read] = row;
  const count = elements(shape);
  if (bytes.length !== count * size) throw new Error("it ends too early");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isLittle = !type.startsWith(">");
  return Array.from({ length: count }, (_, index) => read(view, index * size, isLittle));
}

/** Images as NHWC, from (N, H, W), (N, H, W, C) or (N, C, H, W) with 1 or 3 channels. */
function imagesOf({ type, shape, bytes }: NpyArray): { shape: number[]; pixels: Uint8Array } {
  if (type.slice(1) !== "u1")
    throw new Error(
      `it holds ${type}; pixels are bytes from 0 to 255: save it with .astype("uint8"), after * 255 where they are from 0 to 1`,
    );
  if (bytes.length !== elements(shape)) throw new Error("it ends too early");
  const [count = 0, second = 0, third = 0, fourth] = shape;
  const isChannels = (length: number | undefined) => length === 1 || length === 3;
  if (shape.length === 3) return { shape: [count, second, third, 1], pixels: bytes };
  if (shape.length === 4 && isChannels(fourth)) return { shape, pixels: bytes };
  if (shape.length === 4 && isChannels(second) && fourth !== undefined)
    return {
      shape: [count, third, fourth, second],
      pixels: channelsLast(bytes, count, second, third * fourth),
    };
  throw new Error(`its shape is ${shapeText(shape)}; images are (N, H, W), (N, H, W, 3) or (N, 3, H, W)`);
}

function channelsLast(planes: Uint8Array, count: number, channels: number, plane: number): Uint8Array {
  const pixels = new Uint8Array(planes.length);
  let to = 0;
  for (let image = 0; image < count; image++) {
    const start = image * channels * plane;
    for (let position = 0; position < plane; position++) {
      for (let channel = 0; channel < channels; channel++) {
        pixels[to++] = planes[start + channel * plane + position] as number;
      }
    }
  }
  return pixels;
}

/** Which part and what of it an array's name says, such as `x_train` or `val_labels`; `all` without a part. */
function roleOf(name: string): { split: SplitName | "all"; kind: "images" | "labels" } | undefined {
  const words = name.toLowerCase().split(/[_\-.]/);
  const kind = words.map((word) => kindWords[word]).find(Boolean);
  const split = words.map(splitNamed).find(Boolean);
  const isPlain = words.length === 1 || (words.length === 2 && split !== undefined);
  return kind === undefined || !isPlain ? undefined : { split: split ?? "all", kind };
}

async function archiveIn(given: string): Promise<string[]> {
  if (given.endsWith(".npz")) return [given];
  if (!(await isFolder(given))) return [];
  const names = (await readdir(given)).filter((name) => name.endsWith(".npz") && !name.startsWith("."));
  return names.sort().map((name) => path.join(given, name));
}

interface Part {
  shape: number[];
  pixels: Uint8Array;
  labels: number[];
}

/** The arrays of one part, whole: an image for every label. */
function readPart(
  file: string,
  arrays: Partial<Record<"images" | "labels", string>>,
  members: Record<string, Uint8Array>,
): Part {
  const { images: imagesName, labels: labelsName } = arrays;
  if (imagesName === undefined || labelsName === undefined) {
    throw new DataError(
      `${file} has ${imagesName ?? labelsName} but not the ${imagesName === undefined ? "images" : "labels"} that belong to it.`,
      `It needs ${EXPECTED}.`,
    );
  }
  const parsed = <T>(name: string, read: (array: NpyArray) => T): T => {
    try {
      return read(parseNpy(members[name] as Uint8Array));
    } catch (err) {
      throw new DataError(`${name} in ${file} cannot be used: ${reasonOf(err)}.`, "Save the archive again.");
    }
  };
  const { shape, pixels } = parsed(imagesName, imagesOf);
  const labels = parsed(labelsName, labelsOf);
  if (labels.length !== shape[0]) {
    throw new DataError(
      `${file} has ${labels.length} labels in ${labelsName} for ${shape[0]} images in ${imagesName}.`,
      "Save the archive again.",
    );
  }
  return { shape, pixels, labels };
}

async function readParts(file: string): Promise<Partial<Record<SplitName | "all", Part>>> {
  const roles: Partial<Record<SplitName | "all", Partial<Record<"images" | "labels", string>>>> = {};
  const names: string[] = [];
  let members: Record<string, Uint8Array>;
  try {
    const packed = await readFile(file);
    members = unzipSync(packed, {
      filter: ({ name: member }) => {
        const name = member.replace(/\.npy$/, "");
        names.push(name);
        return roleOf(name) !== undefined;
      },
    });
  } catch (err) {
    throw new DataError(`${file} cannot be read: ${reasonOf(err)}.`, "Save the archive again.");
  }
  const arrays: Record<string, Uint8Array> = {};
  for (const [member, bytes] of Object.entries(members)) {
    const name = member.replace(/\.npy$/, "");
    const role = roleOf(name);
    if (role === undefined) continue;
    arrays[name] = bytes;
    const part = roles[role.split] ?? {};
    roles[role.split] = part;
    if (part[role.kind] !== undefined)
      throw new DataError(`${file} has both ${part[role.kind]} and ${name}.`, "Leave one out.");
    part[role.kind] = name;
  }
  if (Object.keys(roles).length === 0)
    throw new DataError(
      `${file} has only the arrays ${names.join(", ") || "(none)"}.`,
      `It needs ${EXPECTED}.`,
    );
  return Object.fromEntries(
    Object.entries(roles).map(([split, part]) => [split, readPart(file, part, arrays)]),
  );
}

export const npz: Format = {
  name: "NumPy archive",
  layout: `.npz: one archive with ${EXPECTED}`,
  detect: async (given) => (await archiveIn(given)).length > 0,
  async read(given) {
    const files = await archiveIn(given);
    const [file = given] = files;
    if (files.length > 1)
      throw new DataError(
        `${given} has ${files.length} archives: ${files.map((name) => path.basename(name)).join(", ")}.`,
        "Name one of them.",
      );
    const { all, ...parts } = await readParts(file);
    if (all !== undefined && Object.keys(parts).length > 0)
      throw new DataError(
        `${file} has images with and without a part in their name.`,
        `It needs ${EXPECTED}.`,
      );
    if (all === undefined && parts.train === undefined)
      throw new DataError(`${file} has no training images.`, `It needs ${EXPECTED}.`);
    const { train, test, notes } = assignSplits(all === undefined ? parts : { train: all });
    const shape = train[0]?.shape ?? [];
    for (const other of [...train, ...test]) {
      if (String(other.shape.slice(1)) === String(shape.slice(1))) continue;
      throw new DataError(
        `${file} has images of ${shapeText(shape.slice(1))} and of ${shapeText(other.shape.slice(1))}.`,
        "Make them one size.",
      );
    }
    const labelLists = (list: Part[]) => list.map(({ labels }) => labels);
    const { classNames, indexOf } = classesOf(labelLists(train), labelLists(test));
    const foundIn = (list: Part[]): Found =>
      joinFound(list.map(({ pixels, labels }) => ({ pixels, labels: Uint16Array.from(labels, indexOf) })));
    const [, height = 0, width = 0, channels = 1] = shape;
    const testing = test.length > 0 ? foundIn(test) : undefined;
    return {
      height,
      width,
      channels,
      classNames,
      train: foundIn(train),
      test: testing,
      skipped: [],
      ignored: 0,
      notes,
    };
  },
};
