/**
 * Mini-batches as NHWC floats. Batch number n depends on the seed and n alone: an epoch's order comes from
 * (seed, epoch) and the augmentation from (seed, n), so a run resumes by seeking, without generator states.
 */

import { deriveSeed, Random } from "../../shared/random.ts";
import type { Dataset, Images } from "./dataset.ts";

export interface Batch {
  /** NHWC, `y.length * height * width * channels`. */
  x: Float32Array;
  /** Class indices. */
  y: Int32Array;
}

export type Normalisation = Pick<Dataset, "mean" | "std">;

export interface Augmentation {
  /** Black border added on each side before a crop of the original size; 0 for no crop. */
  padPixels: number;
  /** Whether half of the images are mirrored left to right. */
  flip: boolean;
  /** Side of the square that is set to zero after normalisation (DeVries and Taylor 2017); 0 for none. */
  cutoutPixels: number;
}

/** The recipe of every data set here; final training adds a cutout. */
export const standardAugmentation: Augmentation = { padPixels: 4, flip: true, cutoutPixels: 0 };

export interface BatchOptions {
  batchSize: number;
  seed: number;
  augmentation: Augmentation;
}

/**
 * An endless run of mini-batches over some images. Every image comes once per epoch; a batch that reaches
 * the end of an epoch goes on in the next one, so all batches have the same size.
 *
 * @example
 * const source = new BatchSource(dataset.train, weights, dataset, { batchSize: 64, seed: 1, augmentation: standardAugmentation });
 * const { x, y } = source.next();
 */
export class BatchSource {
  readonly #images: Images;
  readonly #indices: Int32Array;
  readonly #table: Float32Array;
  readonly #options: BatchOptions;
  #position = 0;
  #epoch = -1;
  #order: number[] = [];

  /**
   * @param indices the images to draw from
   * @throws RangeError where there is nothing to draw or the batch size is no positive integer
   */
  constructor(images: Images, indices: Int32Array, normalisation: Normalisation, options: BatchOptions) {
    if (indices.length === 0) throw new RangeError("a batch source needs at least one image");
    if (!Number.isInteger(options.batchSize) || options.batchSize < 1) {
      throw new RangeError(`batchSize must be a positive integer, not ${options.batchSize}`);
    }
    assertInRange(images, indices);
    this.#images = images;
    this.#indices = indices;
    this.#table = normalisationTable(images, normalisation);
    this.#options = options;
  }

  /** Number of the batch that `next` will return. */
  position(): number {
    return this.#position;
  }

  /** Makes `next` return batch number `position`. */
  seek(position: number): void {
    if (!Number.isSafeInteger(position) || position < 0)
      throw new RangeError(`no batch has number ${position}`);
    this.#position = position;
  }

  /** The next batch, in arrays of its own: TensorFlow may read them later. */
  next(): Batch {
    const { batchSize, seed, augmentation } = this.#options;
    const random = new Random(deriveSeed(seed, "batch", this.#position));
    const first = this.#position * batchSize;
    const batch = emptyBatch(this.#images, batchSize);
    for (let slot = 0; slot < batchSize; slot++) {
      const index = this.#indexAt(first + slot);
      batch.y[slot] = this.#images.labels[index] as number;
      writeAugmented(this.#images, index, this.#table, batch.x, slot, augmentation, random);
    }
    this.#position++;
    return batch;
  }

  #indexAt(draw: number): number {
    const count = this.#indices.length;
    const epoch = Math.floor(draw / count);
    if (epoch !== this.#epoch) {
      this.#order = Array.from(this.#indices);
      new Random(deriveSeed(this.#options.seed, "epoch", epoch)).shuffle(this.#order);
      this.#epoch = epoch;
    }
    return this.#order[draw % count] as number;
  }
}

/** The named images in the given order, normalised and otherwise untouched. */
export function evaluationBatch(
  images: Images,
  indices: ArrayLike<number>,
  normalisation: Normalisation,
): Batch {
  assertInRange(images, indices);
  const table = normalisationTable(images, normalisation);
  const batch = emptyBatch(images, indices.length);
  for (let slot = 0; slot < indices.length; slot++) {
    const index = indices[slot] as number;
    batch.y[slot] = images.labels[index] as number;
    writeWindow(images, index, table, batch.x, slot, 0, 0, false);
  }
  return batch;
}

function emptyBatch({ height, width, channels }: Images, size: number): Batch {
  return { x: new Float32Array(size * height * width * channels), y: new Int32Array(size) };
}

function assertInRange(images: Images, indices: ArrayLike<number>): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    if (!(index >= 0 && index < images.count)) throw new RangeError(`no image has index ${index}`);
  }
}

/** Normalised value by byte and channel: `table[byte * channels + channel]`. */
function normalisationTable({ channels }: Images, { mean, std }: Normalisation): Float32Array {
  if (mean.length !== channels || std.length !== channels) {
    throw new RangeError(`${channels} channels need as many means and deviations`);
  }
  const table = new Float32Array(256 * channels);
  for (let byte = 0; byte < 256; byte++) {
    for (let channel = 0; channel < channels; channel++) {
      table[byte * channels + channel] = (byte / 255 - (mean[channel] as number)) / (std[channel] as number);
    }
  }
  return table;
}

/** Draws always come in the same order and number, whatever they are used for. */
function writeAugmented(
  images: Images,
  index: number,
  table: Float32Array,
  x: Float32Array,
  slot: number,
  { padPixels, flip, cutoutPixels }: Augmentation,
  random: Random,
): void {
  const top = padPixels > 0 ? random.integer(2 * padPixels + 1) - padPixels : 0;
  const left = padPixels > 0 ? random.integer(2 * padPixels + 1) - padPixels : 0;
  const mirrored = flip && random.integer(2) === 1;
  writeWindow(images, index, table, x, slot, top, left, mirrored);
  if (cutoutPixels > 0) {
    cutOut(images, x, slot, cutoutPixels, random.integer(images.height), random.integer(images.width));
  }
}

/** Writes the window of the original size whose corner is at (top, left) of the image; outside it is black. */
function writeWindow(
  { height, width, channels, pixels }: Images,
  index: number,
  table: Float32Array,
  x: Float32Array,
  slot: number,
  top: number,
  left: number,
  mirrored: boolean,
): void {
  const imageStart = index * height * width * channels;
  const step = mirrored ? -channels : channels;
  let rowStart = slot * height * width * channels;
  for (let row = 0; row < height; row++, rowStart += width * channels) {
    const fromRow = row + top;
    const isInside = fromRow >= 0 && fromRow < height;
    let to = mirrored ? rowStart + (width - 1) * channels : rowStart;
    let from = imageStart + (fromRow * width + left) * channels;
    for (let column = left; column < left + width; column++, to += step, from += channels) {
      if (isInside && column >= 0 && column < width) {
        for (let channel = 0; channel < channels; channel++) {
          x[to + channel] = table[(pixels[from + channel] as number) * channels + channel] as number;
        }
      } else {
        for (let channel = 0; channel < channels; channel++) x[to + channel] = table[channel] as number;
      }
    }
  }
}

/** Zeroes a square around a centre, as much of it as lies in the image. */
function cutOut(
  { height, width, channels }: Images,
  x: Float32Array,
  slot: number,
  sidePixels: number,
  centreRow: number,
  centreColumn: number,
): void {
  const reach = Math.floor(sidePixels / 2);
  const left = Math.max(0, centreColumn - reach);
  const right = Math.min(width, centreColumn - reach + sidePixels);
  const bottom = Math.min(height, centreRow - reach + sidePixels);
  for (let row = Math.max(0, centreRow - reach); row < bottom; row++) {
    const rowStart = (slot * height + row) * width * channels;
    x.fill(0, rowStart + left * channels, rowStart + right * channels);
  }
}
