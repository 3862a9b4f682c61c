import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CifarLayout, cifar10, cifar100, downloadArchive, hasCifar, readCifar } from "./cifar.ts";
import { loadDataset } from "./dataset.ts";

const REAL_FOLDER = fileURLToPath(new URL("../../../shared/data/cifar10", import.meta.url));
const PLANE_BYTES = 1024;
const silent = () => {};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "cifar-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** The layout with two images per file. */
function small(layout: CifarLayout): CifarLayout {
  return { ...layout, imagesPerFile: { train: 2, test: 2 } };
}

/** Record `image` of a file: its planes hold (image, column), (image + 1, row) and noise. */
function record(labels: number[], image: number): Uint8Array {
  const bytes = new Uint8Array(labels.length + 3 * PLANE_BYTES);
  bytes.set(labels);
  for (let position = 0; position < PLANE_BYTES; position++) {
    bytes[labels.length + position] = image + (position % 32);
    bytes[labels.length + PLANE_BYTES + position] = 100 + image + Math.floor(position / 32);
    bytes[labels.length + 2 * PLANE_BYTES + position] = (position * 7) % 256;
  }
  return bytes;
}

async function writeFiles(layout: CifarLayout, target = folder): Promise<void> {
  const prefix = layout.labelBytes === 2 ? [200] : [];
  for (const [part, name] of [...layout.trainFiles, ...layout.testFiles].entries()) {
    const records = [record([...prefix, part], part), record([...prefix, part + 1], 50 + part)];
    await writeFile(path.join(target, name), Buffer.concat(records));
  }
}

test.for([cifar10, cifar100])(
  "$name: planes become interleaved pixels and the last label byte the label",
  async (layout) => {
    await writeFiles(layout);
    const { train, test: held } = await readCifar(small(layout), folder);
    const parts = layout.trainFiles.length;
    expect(train).toMatchObject({ count: 2 * parts, height: 32, width: 32, channels: 3 });
    expect(train.classes).toBe(train.classNames.length);
    expect([...train.labels]).toEqual(Array.from({ length: parts }, (_, part) => [part, part + 1]).flat());
    expect([...held.labels]).toEqual([parts, parts + 1]);
    for (let image = 0; image < 2; image++) {
      for (const [row, column] of [
        [0, 0],
        [0, 31],
        [17, 5],
        [31, 31],
      ] as const) {
        const at = ((image * 32 + row) * 32 + column) * 3;
        const base = image * 50;
        const expected = [base + column, 100 + base + row, ((row * 32 + column) * 7) % 256];
        expect([...train.pixels.subarray(at, at + 3)]).toEqual(expected);
      }
    }
  },
);

test("the class names are as many as the classes and all different", () => {
  expect(new Set(cifar10.classNames).size).toBe(10);
  expect(new Set(cifar100.classNames).size).toBe(100);
});

test("a file of the wrong size is named with both sizes", async () => {
  await writeFiles(cifar10);
  const file = path.join(folder, "data_batch_3.bin");
  await writeFile(file, (await readFile(file)).subarray(1));
  await expect(readCifar(small(cifar10), folder)).rejects.toThrow(`${file} has 6145 bytes instead of 6146.`);
});

test("a label out of range is named with its image", async () => {
  await writeFiles(cifar10);
  const file = path.join(folder, "test_batch.bin");
  await writeFile(file, Buffer.concat([record([1], 0), record([10], 0)]));
  await expect(readCifar(small(cifar10), folder)).rejects.toThrow(
    `${file} has label 10 at image 1; 9 is the largest.`,
  );
});

test("a missing file is named, and so is one that is no xz file", async () => {
  await writeFiles(cifar10);
  const file = path.join(folder, "data_batch_2.bin");
  await rm(file);
  await expect(readCifar(small(cifar10), folder)).rejects.toThrow(`${file} is missing`);
  await writeFile(`${file}.xz`, "no xz");
  await expect(readCifar(small(cifar10), folder)).rejects.toThrow(/data_batch_2\.bin\.xz (cannot be|needs)/);
});

/** Serves one body at a local address for the time of `use`. */
async function serve(body: Uint8Array | undefined, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_req, res) => (body ? res.end(body) : void res.writeHead(404).end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.tar.gz`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function packedArchive(): Promise<Buffer> {
  const inner = path.join(folder, "packed", "cifar-10-batches-bin");
  await mkdir(inner, { recursive: true });
  await writeFiles(cifar10, inner);
  const packed = spawnSync("tar", ["-czf", "-", "-C", path.dirname(inner), path.basename(inner)]);
  return packed.stdout;
}

test("a download with the right checksum is unpacked and read", async () => {
  const body = await packedArchive();
  const target = path.join(folder, "cache", "cifar10");
  await serve(body, (url) =>
    downloadArchive({ url, md5: createHash("md5").update(body).digest("hex") }, target, silent),
  );
  expect(hasCifar(cifar10, target)).toBe(true);
  expect((await readCifar(small(cifar10), target)).train.count).toBe(10);
  expect(await readdir(path.dirname(target))).toEqual(["cifar10"]);
});

test("a download with a wrong checksum or status leaves nothing and says what to do", async () => {
  const body = await packedArchive();
  const target = path.join(folder, "cache", "cifar10");
  const archive = (url: string) => ({ url, md5: "0" });
  await serve(body, (url) =>
    expect(downloadArchive(archive(url), target, silent)).rejects.toThrow(/its MD5 is .* name that folder/),
  );
  await serve(undefined, (url) =>
    expect(downloadArchive(archive(url), target, silent)).rejects.toThrow("the server answered 404"),
  );
  expect(await readdir(path.dirname(target))).toEqual([]);
});

test("a host that does not answer is given up after the timeout", async () => {
  const server = createServer(silent);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const target = path.join(folder, "cifar10");
  await expect(downloadArchive({ url, md5: "0" }, target, silent, 50)).rejects.toThrow("timeout");
  server.closeAllConnections();
  server.close();
});

test("the real CIFAR-10 decodes to the bytes of its files", async ({ skip }) => {
  if (!existsSync(REAL_FOLDER)) return skip("../shared/data/cifar10 is absent");
  if (spawnSync("xz", ["--version"]).status !== 0) return skip("xz is not installed");
  const dataset = await loadDataset("cifar10", { folder: REAL_FOLDER, log: silent });
  const { train, test: held } = dataset;
  expect([train.count, held.count]).toEqual([50_000, 10_000]);
  for (const [images, perClass] of [
    [train, 5000],
    [held, 1000],
  ] as const) {
    for (let label = 0; label < 10; label++) {
      expect(images.labels.filter((found) => found === label).length).toBe(perClass);
    }
  }

  const file = path.join(REAL_FOLDER, "data_batch_2.bin.xz");
  const raw = spawnSync("xz", ["-dc", file], { maxBuffer: 64 << 20 }).stdout;
  let mismatches = 0;
  for (let image = 0; image < 10_000; image += 97) {
    if (train.labels[10_000 + image] !== raw[image * 3073]) mismatches++;
    for (let i = 0; i < 3072; i++) {
      const [position, channel] = [Math.floor(i / 3), i % 3];
      const expected = raw[image * 3073 + 1 + channel * PLANE_BYTES + position];
      if (train.pixels[(10_000 + image) * 3072 + i] !== expected) mismatches++;
    }
  }
  expect(mismatches).toBe(0);

  const sums = [0, 0, 0];
  for (let i = 0; i < train.pixels.length; i++) sums[i % 3] = (sums[i % 3] ?? 0) + (train.pixels[i] ?? 0);
  for (const [channel, sum] of sums.entries()) {
    expect((sum * 3) / train.pixels.length / 255).toBeCloseTo(dataset.mean[channel] ?? Number.NaN, 4);
  }
});
