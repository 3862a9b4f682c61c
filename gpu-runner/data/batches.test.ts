import { expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import {
  type Augmentation,
  type Batch,
  BatchSource,
  evaluationBatch,
  standardAugmentation,
} from "./batches.ts";
import type { Images } from "./dataset.ts";

const NORMALISATION = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };
const BLACK = -1;

/** Images whose first pixel holds their index, so that a batch shows what was drawn. */
function someImages(count: number, height = 8, width = 6): Images {
  const channels = 3;
  const random = new Random(11);
  const pixels = Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256));
  const labels = Uint8Array.from({ length: count }, (_, index) => index);
  return { count, height, width, channels, classes: count, classNames: [], pixels, labels };
}

function source(images: Images, options: { seed?: number; batchSize?: number } & Partial<Augmentation> = {}) {
  const { seed = 5, batchSize = 4, ...augmentation } = options;
  const indices = Int32Array.from({ length: images.count }, (_, index) => index);
  return new BatchSource(images, indices, NORMALISATION, {
    batchSize,
    seed,
    augmentation: { ...standardAugmentation, ...augmentation },
  });
}

function take(from: BatchSource, count: number): Batch[] {
  return Array.from({ length: count }, () => from.next());
}

/** Crop, flip and normalisation of one image the slow way: through a padded copy. */
function naive(
  images: Images,
  index: number,
  pad: number,
  top: number,
  left: number,
  flip: boolean,
): number[] {
  const { height, width, channels } = images;
  const at = (row: number, column: number, channel: number) =>
    row < 0 || column < 0 || row >= height || column >= width
      ? 0
      : (images.pixels[((index * height + row) * width + column) * channels + channel] ?? BLACK);
  const padded = Array.from({ length: height + 2 * pad }, (_, row) =>
    Array.from({ length: width + 2 * pad }, (_, column) =>
      NORMALISATION.mean.map((mean, channel) => {
        const value = at(row - pad, column - pad, channel) / 255;
        return (value - mean) / (NORMALISATION.std[channel] ?? Number.NaN);
      }),
    ),
  );
  const crop = padded.slice(top, top + height).map((row) => row.slice(left, left + width));
  return crop.map((row) => (flip ? row.toReversed() : row)).flat(2);
}

function slotOf(batch: Batch, slot: number): number[] {
  const imageFloats = batch.x.length / batch.y.length;
  return Array.from(batch.x.subarray(slot * imageFloats, (slot + 1) * imageFloats));
}

function differs(a: number[], b: number[]): boolean {
  return a.some((value, i) => Math.abs(value - (b[i] ?? Number.NaN)) > 1e-5);
}

test("every epoch draws every image once, in another order", () => {
  const batches = take(source(someImages(10), { batchSize: 5 }), 4);
  const [first, second] = [batches.slice(0, 2), batches.slice(2)].map((of) => of.flatMap(({ y }) => [...y]));
  const all = Array.from({ length: 10 }, (_, index) => index);
  expect(first?.toSorted((a, b) => a - b)).toEqual(all);
  expect(second?.toSorted((a, b) => a - b)).toEqual(all);
  expect(first).not.toEqual(second);
});

test("a batch that reaches the end of an epoch goes on in the next one", () => {
  const drawn = take(source(someImages(10), { batchSize: 4 }), 5).flatMap(({ y }) => [...y]);
  expect(new Set(drawn.slice(0, 10)).size).toBe(10);
  expect(new Set(drawn.slice(10)).size).toBe(10);
});

test("the same seed gives the same batches and another seed others", () => {
  const images = someImages(10);
  expect(take(source(images), 6)).toEqual(take(source(images), 6));
  expect(take(source(images), 6)).not.toEqual(take(source(images, { seed: 6 }), 6));
});

test("seeking to a batch gives what drawing up to it gives, forwards and backwards", () => {
  const images = someImages(10);
  const sequential = take(source(images, { cutoutPixels: 3 }), 12);
  const sought = source(images, { cutoutPixels: 3 });
  for (const position of [11, 0, 7, 2, 3]) {
    sought.seek(position);
    expect(sought.position()).toBe(position);
    expect(sought.next()).toEqual(sequential[position]);
    expect(sought.position()).toBe(position + 1);
  }
});

test("only the given images are drawn", () => {
  const images = someImages(10);
  const from = new BatchSource(images, Int32Array.of(2, 7, 9), NORMALISATION, {
    batchSize: 4,
    seed: 1,
    augmentation: standardAugmentation,
  });
  expect(new Set(take(from, 5).flatMap(({ y }) => [...y]))).toEqual(new Set([2, 7, 9]));
});

test("an augmented image is a normalised crop of the padded image, mirrored or not, and all of them occur", () => {
  const images = someImages(1);
  const pad = 2;
  const crops: number[][] = [];
  for (let top = 0; top <= 2 * pad; top++) {
    for (let left = 0; left <= 2 * pad; left++) {
      for (const flip of [false, true]) crops.push(naive(images, 0, pad, top, left, flip));
    }
  }
  const seen = new Set<number>();
  for (const batch of take(source(images, { padPixels: pad, batchSize: 20 }), 30)) {
    for (let slot = 0; slot < 20; slot++) {
      const found = slotOf(batch, slot);
      const match = crops.findIndex((crop) => !differs(found, crop));
      expect(match).toBeGreaterThanOrEqual(0);
      seen.add(match);
    }
  }
  expect(seen.size).toBe(crops.length);
});

test("without augmentation a batch is the evaluation batch of its images", () => {
  const images = someImages(10);
  const batch = source(images, { padPixels: 0, flip: false }).next();
  expect(batch).toEqual(evaluationBatch(images, batch.y, NORMALISATION));
});

test("an evaluation batch holds the named images in order, normalised", () => {
  const images = someImages(10);
  const batch = evaluationBatch(images, [3, 0, 3], NORMALISATION);
  expect([...batch.y]).toEqual([3, 0, 3]);
  for (const [slot, index] of [3, 0, 3].entries()) {
    expect(differs(slotOf(batch, slot), naive(images, index, 0, 0, 0, false))).toBe(false);
  }
});

test("a cutout zeroes one square clipped by the border and nothing else", () => {
  const images = someImages(1, 8, 8);
  const whole = naive(images, 0, 0, 0, 0, false);
  const areas = new Set<number>();
  for (const batch of take(
    source(images, { padPixels: 0, flip: false, cutoutPixels: 4, batchSize: 10 }),
    20,
  )) {
    for (let slot = 0; slot < 10; slot++) {
      const found = slotOf(batch, slot);
      const isCut = (position: number) => [0, 1, 2].every((channel) => found[position * 3 + channel] === 0);
      const cut = Array.from({ length: 64 }, (_, position) => position).filter(isCut);
      const rows = new Set(cut.map((position) => Math.floor(position / 8)));
      const columns = new Set(cut.map((position) => position % 8));
      expect(cut.length).toBe(rows.size * columns.size);
      areas.add(cut.length);
      expect(
        differs(
          found,
          whole.map((value, i) => (isCut(Math.floor(i / 3)) ? 0 : value)),
        ),
      ).toBe(false);
    }
  }
  expect(Math.max(...areas)).toBe(16);
  expect(Math.min(...areas)).toBe(4);
});

test("each batch has arrays of its own", () => {
  const from = source(someImages(10));
  const first = from.next();
  const copy = first.x.slice();
  from.next();
  expect(first.x).toEqual(copy);
});

test("images that do not exist, empty sources and wrong channels are refused", () => {
  const images = someImages(3);
  const options = { batchSize: 1, seed: 1, augmentation: standardAugmentation };
  expect(() => new BatchSource(images, Int32Array.of(3), NORMALISATION, options)).toThrow(
    "no image has index 3",
  );
  expect(() => new BatchSource(images, Int32Array.of(), NORMALISATION, options)).toThrow(
    "at least one image",
  );
  expect(() => source(images, { batchSize: 0 })).toThrow("batchSize");
  expect(() => source(images).seek(-1)).toThrow("no batch has number -1");
  expect(() => evaluationBatch(images, [-1], NORMALISATION)).toThrow("no image has index -1");
  expect(() => evaluationBatch(images, [0], { mean: [0], std: [1] })).toThrow("3 channels");
});
