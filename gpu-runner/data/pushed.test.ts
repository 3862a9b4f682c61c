/** Data sets as shards: packed, fetched, kept and put together again. */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { datasetHeaderSchema, headerErrors } from "../../shared/pushedDataset.ts";
import { Random } from "../../shared/random.ts";
import type { Dataset, Images } from "./dataset.ts";
import { digestOf } from "./files.ts";
import { loadPushed, notKept } from "./pushed.ts";
import { pack } from "./shards.ts";

let cacheDir: string;
let lines: string[];
const log = (line: string) => void lines.push(line);
beforeEach(async () => {
  cacheDir = await mkdtemp(path.join(tmpdir(), "pushed-"));
  lines = [];
});
afterEach(() => rm(cacheDir, { recursive: true }));

/** Grey 3x3 images, one of every class to train on and an odd number to test. */
function someData(classes = 4): Dataset {
  const random = new Random(5);
  const images = (count: number): Images => {
    const labels = Array.from({ length: count }, (_, index) => index % classes);
    return {
      count,
      height: 3,
      width: 3,
      channels: 1,
      classes,
      classNames: Array.from({ length: classes }, (_, label) => `class ${label}`),
      pixels: Uint8Array.from({ length: count * 9 }, () => random.integer(256)),
      labels: classes > 256 ? Uint16Array.from(labels) : Uint8Array.from(labels),
    };
  };
  const sets = { train: images(classes), test: images(3) };
  return { name: "some", ...sets, mean: [0.5], std: [0.25], digest: digestOf(sets).toString("hex") };
}

/** Serves the shards and remembers which were asked for; `break` decides what becomes of them. */
function serve(data: Dataset, cutBytes = 16) {
  const { header, shard } = pack("some", data, cutBytes);
  const asked: number[] = [];
  let spoil: (number: number, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes;
  return {
    header,
    asked,
    spoilWith(change: typeof spoil) {
      spoil = change;
    },
    async shard(number: number) {
      asked.push(number);
      return spoil(number, shard(number));
    },
  };
}

const filesIn = async (folder: string) => (await readdir(folder)).sort();
const sumsOf = ({ header }: ReturnType<typeof serve>) => header.shards.map(({ sha256 }) => sha256).sort();
const folderOf = ({ header }: ReturnType<typeof serve>) => path.join(cacheDir, "datasets", header.digest);

describe("a packed data set", () => {
  test.each([4, 300])("of %i classes comes back as it was, and its header is consistent", async (classes) => {
    const data = someData(classes);
    const source = serve(data, 100);
    expect(headerErrors(datasetHeaderSchema.parse(source.header))).toEqual([]);
    expect(await loadPushed(source.header, source, { cacheDir, log })).toEqual(data);
  });

  test("is the same whenever it is packed, however it is cut", () => {
    const [first, again, other] = [pack("a", someData()), pack("a", someData()), pack("a", someData(), 10)];
    expect(again.header).toEqual(first.header);
    expect(other.header.digest).toBe(first.header.digest);
    const joined = (cut: typeof other) =>
      Buffer.concat(cut.header.shards.map((_, index) => cut.shard(index + 1)));
    expect(joined(other).equals(joined(first))).toBe(true);
  });
});

describe("a runner that needs pushed data", () => {
  test("fetches every shard once, keeps them and asks for none the next time", async () => {
    const source = serve(someData());
    await loadPushed(source.header, source, { cacheDir, log });
    expect(source.asked.toSorted((a, b) => a - b)).toEqual(source.header.shards.map((_, index) => index + 1));
    expect(await filesIn(folderOf(source))).toEqual(sumsOf(source));
    source.asked.length = 0;
    lines = [];
    expect(await loadPushed(source.header, source, { cacheDir, log })).toEqual(someData());
    expect([source.asked, lines]).toEqual([[], []]);
  });

  test("that was cut off fetches only what it lacks, and leaves no half file", async () => {
    const source = serve(someData());
    source.spoilWith((number, bytes) => {
      if (number === 3) throw new Error("connection lost");
      return bytes;
    });
    await expect(loadPushed(source.header, source, { cacheDir, log })).rejects.toThrow("connection lost");
    const kept = await filesIn(folderOf(source));
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.every((name) => sumsOf(source).includes(name))).toBe(true);
    source.spoilWith((_, bytes) => bytes);
    source.asked.length = 0;
    await loadPushed(source.header, source, { cacheDir, log });
    expect(source.asked.length).toBe(source.header.shards.length - kept.length);
  });

  test("fetches a kept shard again that was damaged on disk", async () => {
    const source = serve(someData());
    await loadPushed(source.header, source, { cacheDir, log });
    const second = path.join(folderOf(source), source.header.shards[1]?.sha256 ?? "");
    const bytes = await readFile(second);
    await writeFile(
      second,
      bytes.map((byte) => byte ^ 1),
    );
    source.asked.length = 0;
    expect(await loadPushed(source.header, source, { cacheDir, log })).toEqual(someData());
    expect(source.asked).toEqual([2]);
    expect(await readFile(second)).toEqual(bytes);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["changed", (bytes) => bytes.map((byte, index) => (index === 3 ? byte ^ 1 : byte))],
    ["cut short", (bytes) => bytes.subarray(1)],
  ])("refuses a shard that arrives %s, and keeps nothing of it", async (_, change) => {
    const source = serve(someData());
    source.spoilWith((number, bytes) => (number === 2 ? change(bytes) : bytes));
    await expect(loadPushed(source.header, source, { cacheDir, log })).rejects.toThrow(
      "Shard 2 of some arrived damaged",
    );
    const kept = await filesIn(folderOf(source));
    expect(kept.every((name) => sumsOf(source).includes(name))).toBe(true);
    expect(kept).not.toContain(source.header.shards[1]?.sha256);
  });

  test("refuses data whose digest is another, though every shard is right", async () => {
    const source = serve(someData());
    const header = { ...source.header, digest: "0".repeat(64) };
    await expect(loadPushed(header, source, { cacheDir, log })).rejects.toThrow("not what its digest says");
  });

  test("trains all the same where nothing can be kept, and says so once", async () => {
    const occupied = path.join(cacheDir, "file");
    await writeFile(occupied, "");
    const source = serve(someData());
    expect(await loadPushed(source.header, source, { cacheDir: occupied, log })).toEqual(someData());
    expect(lines.filter((line) => line.includes("cannot be kept"))).toEqual([
      expect.stringMatching(/NASTURTIUM_CACHE/),
    ]);
  });

  test("is told that the disk is full where it is", () => {
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    expect(notKept("/data", full)).toMatch(
      /^The data cannot be kept in \/data: the disk is full\. Free some space/,
    );
  });

  test("stops between two shards where its work must not go on", async () => {
    const source = serve(someData());
    let calls = 0;
    const throwIfEnded = () => {
      if (++calls > 2) throw new Error("the lease is lost");
    };
    await expect(loadPushed(source.header, source, { cacheDir, log, throwIfEnded })).rejects.toThrow(
      "lease is lost",
    );
    expect(source.asked.length).toBe(2);
  });
});
