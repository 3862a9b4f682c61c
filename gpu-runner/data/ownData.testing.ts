/** Small data sets of images on disk, for tests. */

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { zipSync } from "fflate";
import sharp from "sharp";
import { Random } from "../../shared/random.ts";

export interface Drawing {
  height?: number;
  width?: number;
  channels?: 1 | 3 | 4;
  /** Decides the noise. */
  seed?: number;
  /** Brightness around which the noise is, 0 to 255. */
  level?: number;
}

/** Noise around a brightness, HWC. */
export function noise({
  height = 8,
  width = 8,
  channels = 3,
  seed = 1,
  level = 128,
}: Drawing = {}): Uint8Array {
  const random = new Random(seed);
  return Uint8Array.from({ length: height * width * channels }, () =>
    Math.min(255, Math.max(0, level + random.integer(41) - 20)),
  );
}

/** Writes an image file whose format its name says. */
export async function writeImage(file: string, drawing: Drawing = {}): Promise<Uint8Array> {
  const { height = 8, width = 8, channels = 3 } = drawing;
  const pixels = noise(drawing);
  await mkdir(path.dirname(file), { recursive: true });
  await sharp(pixels, { raw: { height, width, channels } }).toFile(file);
  return pixels;
}

/** A folder per class with so many images each; every class has a brightness of its own. */
export async function writeClasses(
  folder: string,
  counts: Record<string, number>,
  drawing: Drawing = {},
): Promise<void> {
  let seed = drawing.seed ?? 1;
  for (const [position, [name, count]] of Object.entries(counts).entries()) {
    await mkdir(path.join(folder, name), { recursive: true });
    for (let image = 0; image < count; image++) {
      const level = 40 + Math.round((170 * position) / Math.max(1, Object.keys(counts).length - 1));
      await writeImage(path.join(folder, name, `${String(image).padStart(3, "0")}.png`), {
        level,
        ...drawing,
        seed: seed++,
      });
    }
  }
}

export function idxBytes(shape: number[], values: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + shape.length * 4);
  header.writeUInt32BE(0x800 + shape.length);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + axis * 4);
  return Buffer.concat([header, Buffer.from(values)]);
}

/** An array as NumPy's `save` writes it (format version 1). */
export function npyBytes(type: string, shape: number[], bytes: Uint8Array, fortran = false): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${type}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${tuple}, }`;
  const padded = `${dictionary.padEnd(Math.ceil((dictionary.length + 11) / 64) * 64 - 11)}\n`;
  const head = Buffer.alloc(10);
  head.write("\u0093NUMPY\u0001\u0000", "latin1");
  head.writeUInt16LE(padded.length, 8);
  return Buffer.concat([head, Buffer.from(padded, "latin1"), bytes]);
}

/** Whole numbers as NumPy's default type for them, `<i8`. */
export function int64(values: readonly number[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

export async function writeNpz(file: string, arrays: Record<string, Uint8Array>): Promise<void> {
  const members = Object.entries(arrays).map(([name, bytes]) => [`${name}.npy`, bytes]);
  await writeFile(file, zipSync(Object.fromEntries(members)));
}
