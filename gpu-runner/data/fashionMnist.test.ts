import { mkdtemp, open, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type Dataset, loadDataset } from "./dataset.ts";
import { fashionMnistIdxFiles, readFashionMnistIdx, readFashionMnistPackage } from "./fashionMnist.ts";

const IMAGE_BYTES = 784;

let cacheDir: string;
let dataset: Dataset;
let lines: string[];
const log = (line: string) => void lines.push(line);

beforeAll(async () => {
  lines = [];
  cacheDir = await mkdtemp(path.join(tmpdir(), "fashion-"));
  dataset = await loadDataset("fashion-mnist", { cacheDir, log });
});
beforeEach(() => {
  lines = [];
});
afterAll(() => rm(cacheDir, { recursive: true }));

async function cacheFile(): Promise<string> {
  const files = await readdir(cacheDir);
  expect(files.length).toBe(1);
  return path.join(cacheDir, files[0] ?? "");
}

test("the package gives 6,000 training and 1,000 test images of each class", () => {
  expect([dataset.train.count, dataset.test.count]).toEqual([60_000, 10_000]);
  for (let label = 0; label < 10; label++) {
    expect(dataset.train.labels.filter((found) => found === label).length).toBe(6000);
    expect(dataset.test.labels.filter((found) => found === label).length).toBe(1000);
  }
  expect(dataset.train.pixels.length).toBe(60_000 * IMAGE_BYTES);
  expect(dataset.train.classNames.length).toBe(10);
});

test("no test image is a training image or occurs twice", () => {
  const keys = ({ pixels, count }: Dataset["train"]) =>
    Array.from({ length: count }, (_, index) =>
      Buffer.from(pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES)).toString("latin1"),
    );
  const held = new Set(keys(dataset.test));
  expect(held.size).toBe(10_000);
  expect(keys(dataset.train).some((key) => held.has(key))).toBe(false);
});

test("the constants are the measured ones", () => {
  let sum = 0;
  let squares = 0;
  for (const byte of dataset.train.pixels) {
    sum += byte / 255;
    squares += (byte / 255) ** 2;
  }
  const mean = sum / dataset.train.pixels.length;
  expect(mean).toBeCloseTo(dataset.mean[0] ?? Number.NaN, 4);
  expect(Math.sqrt(squares / dataset.train.pixels.length - mean ** 2)).toBeCloseTo(
    dataset.std[0] ?? Number.NaN,
    4,
  );
});

test("a second load reads the cache, says nothing and gives the same data", async () => {
  const again = await loadDataset("fashion-mnist", { cacheDir, log });
  expect(lines).toEqual([]);
  expect(again.digest).toBe(dataset.digest);
  expect(Buffer.compare(again.test.pixels, dataset.test.pixels)).toBe(0);
});

const damages: Record<string, { reason: string; damage: (file: string) => Promise<void> }> = {
  "one changed byte": {
    reason: "its checksum does not match",
    damage: async (file) => {
      const handle = await open(file, "r+");
      const byte = Buffer.alloc(1);
      await handle.read(byte, 0, 1, 1_000_000);
      await handle.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 1_000_000);
      await handle.close();
    },
  },
  "a missing end": {
    reason: "bytes instead of",
    damage: async (file) => truncate(file, (await stat(file)).size - 10),
  },
  "other content": {
    reason: "does not start as a cache file does",
    damage: (file) => writeFile(file, "hello"),
  },
};

test.for(Object.entries(damages))("a cache with %s is rebuilt", async ([, { reason, damage }]) => {
  const file = await cacheFile();
  await damage(file);
  expect((await loadDataset("fashion-mnist", { cacheDir, log })).digest).toBe(dataset.digest);
  expect(lines).toEqual([expect.stringContaining(reason)]);
  lines = [];
  await loadDataset("fashion-mnist", { cacheDir, log });
  expect(lines).toEqual([]);
  expect(await cacheFile()).toBe(file);
});

test("a cache that cannot be written costs a conversion and not the run", async () => {
  const occupied = path.join(await temporaryFolder(), "file");
  await writeFile(occupied, "");
  const loaded = await loadDataset("fashion-mnist", { cacheDir: occupied, log });
  expect(loaded.digest).toBe(dataset.digest);
  expect(lines.at(-1)).toContain("cannot be written");
});

test("a package without images is answered with the file that is missing", async () => {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, "package.json"), '{"version":"0"}');
  await expect(readFashionMnistPackage(folder, log, folder)).rejects.toThrow(
    /0\.json cannot be read: ENOENT.*npm ci/,
  );
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "fashion-idx-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

function idx(shape: number[], values: number[]): Buffer {
  const header = Buffer.alloc(4 + shape.length * 4);
  header.writeUInt32BE(0x800 + shape.length);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + axis * 4);
  return Buffer.concat([header, Buffer.from(values)]);
}

const pixelValues = (count: number) => Array.from({ length: count * IMAGE_BYTES }, (_, i) => i % 251);

async function idxFolder(): Promise<string> {
  const folder = await temporaryFolder();
  const { train, test: held } = fashionMnistIdxFiles;
  await writeFile(path.join(folder, train.images), idx([3, 28, 28], pixelValues(3)));
  await writeFile(path.join(folder, train.labels), idx([3], [4, 0, 9]));
  await writeFile(path.join(folder, `${held.images}.gz`), gzipSync(idx([2, 28, 28], pixelValues(2))));
  await writeFile(path.join(folder, `${held.labels}.gz`), gzipSync(idx([2], [1, 2])));
  return folder;
}

test("official files are read plain and compressed with gzip", async () => {
  const sets = await readFashionMnistIdx(await idxFolder());
  expect([...sets.train.labels]).toEqual([4, 0, 9]);
  expect([...sets.train.pixels]).toEqual(pixelValues(3));
  expect([...sets.test.labels]).toEqual([1, 2]);
  expect([...sets.test.pixels]).toEqual(pixelValues(2));
});

test.for([
  ["train-images-idx3-ubyte", idx([3, 28, 28], pixelValues(2)), "bytes instead of"],
  ["train-images-idx3-ubyte", idx([1, 28, 27], Array(28 * 27).fill(0)), "images of 28x27 instead of 28x28"],
  ["train-images-idx3-ubyte", idx([3], [1, 2, 3]), "too short"],
  ["train-labels-idx1-ubyte", idx([3], [4, 0, 10]), "label 10 at 2; 9 is the largest"],
  ["train-labels-idx1-ubyte", idx([2], [4, 0]), "2 labels for 3 images"],
  ["train-labels-idx1-ubyte", Buffer.from("not an idx file"), "not an IDX file of 1 dimensions"],
] as const)("a damaged %s is refused (%#)", async ([name, content, reason]) => {
  const folder = await idxFolder();
  await writeFile(path.join(folder, name), content);
  const reading = readFashionMnistIdx(folder);
  await expect(reading).rejects.toThrow(path.join(folder, name));
  await expect(reading).rejects.toThrow(reason);
});
