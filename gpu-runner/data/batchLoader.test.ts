import { execFileSync } from "node:child_process";
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { Random } from "../../shared/random.ts";
import { type BatchOptions, BatchSource } from "./batches.ts";
import { BatchLoader } from "./batchLoader.ts";
import type { Images } from "./dataset.ts";

const NORMALISATION = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };
const OPTIONS: BatchOptions = {
  batchSize: 48,
  seed: 7,
  augmentation: { padPixels: 3, flip: true, cutoutPixels: 5 },
};

const loaders: BatchLoader[] = [];
afterEach(() => {
  for (const loader of loaders.splice(0)) loader.dispose();
});

function someImages(count = 100): Images {
  const random = new Random(11);
  const side = 16;
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, () => random.integer(256));
  const labels = Uint8Array.from({ length: count }, (_, index) => index);
  return { count, height: side, width: side, channels: 3, classes: count, classNames: [], pixels, labels };
}

/** A loader and a source of the same batches. */
function pair(images = someImages(), options = OPTIONS) {
  const indices = Int32Array.from({ length: images.count - 3 }, (_, index) => images.count - 1 - index);
  const loader = new BatchLoader(images, indices, NORMALISATION, options);
  loaders.push(loader);
  return { loader, source: new BatchSource(images, indices, NORMALISATION, options) };
}

/** The threads that are started until the test ends. */
function watchThreads(): Worker[] {
  const started: Worker[] = [];
  const watch = (worker: Worker) => started.push(worker);
  process.on("worker", watch);
  onTestFinished(() => void process.off("worker", watch));
  return started;
}

/** Takes batches until the thread has made the next ones. */
async function ahead(loader: BatchLoader): Promise<void> {
  await vi.waitFor(
    async () => {
      if (loader.ready() === 0) await loader.next();
      expect(loader.ready()).toBe(3);
    },
    { timeout: 60_000, interval: 5 },
  );
}

test("every batch is that of a batch source, over the ends of epochs", async () => {
  const { loader, source } = pair();
  for (let taken = 0; taken < 12; taken++) {
    if (taken === 2) await ahead(loader);
    source.seek(loader.position());
    expect(await loader.next()).toEqual(source.next());
    expect(loader.position()).toBe(source.position());
  }
});

test("seeking forwards and backwards gives the batches of a batch source", async () => {
  const { loader, source } = pair();
  for (const [round, position] of [40, 41, 39, 0, 1, 2, 3, 1000, 3, 1001, 1002, 0].entries()) {
    if (round % 2 === 0) await ahead(loader);
    loader.seek(position);
    source.seek(position);
    for (let more = 0; more < 1 + (round % 5); more++) expect(await loader.next()).toEqual(source.next());
    expect(loader.position()).toBe(source.position());
  }
});

test("images in shared memory and wide labels give the same batches", async () => {
  const images = someImages();
  const pixels = new Uint8Array(new SharedArrayBuffer(images.pixels.length));
  pixels.set(images.pixels);
  const { loader, source } = pair({
    ...images,
    pixels,
    labels: Uint16Array.from(images.labels, (label) => label + 300),
  });
  await ahead(loader);
  source.seek(loader.position());
  for (let taken = 0; taken < 8; taken++) expect(await loader.next()).toEqual(source.next());
});

test("each batch has arrays of its own", async () => {
  const { loader } = pair();
  await ahead(loader);
  const batches = [];
  for (let index = 0; index < 6; index++) batches.push(await loader.next());
  expect(new Set(batches.flatMap(({ x, y }) => [x.buffer, y.buffer])).size).toBe(12);
  const copies = batches.map(({ x }) => x.slice());
  await ahead(loader);
  expect(batches.map(({ x }) => x)).toEqual(copies);
});

test("a small batch starts no thread", async () => {
  const threads = watchThreads();
  const { loader, source } = pair(someImages(), { ...OPTIONS, batchSize: 4 });
  for (let position = 0; position < 5; position++) expect(await loader.next()).toEqual(source.next());
  expect(threads).toEqual([]);
});

test("a thread that ends is told of where the next batch is wanted; then another takes its place", async () => {
  const threads = watchThreads();
  const { loader, source } = pair();
  await ahead(loader);
  await threads[0]?.terminate();
  await expect(loader.next()).rejects.toThrow(/thread that assembles batches ended/);
  await ahead(loader);
  source.seek(loader.position());
  expect(await loader.next()).toEqual(source.next());
  expect(threads).toHaveLength(2);
});

test("disposing ends the thread and refuses further batches", async () => {
  const threads = watchThreads();
  const { loader } = pair();
  await ahead(loader);
  expect(threads).toHaveLength(1);
  const exit = once(threads[0] as Worker, "exit");
  loader.dispose();
  await exit;
  await expect(loader.next()).rejects.toThrow("disposed");
});

test("a loader that nobody disposes does not keep the process alive, but one that is waited for does", () => {
  const script = `
    import { setImmediate } from "node:timers/promises";
    import { BatchLoader } from ${JSON.stringify(new URL("./batchLoader.ts", import.meta.url).href)};
    const images = { count: 8, height: 64, width: 64, channels: 3, classes: 8, classNames: [],
      pixels: new Uint8Array(8 * 64 * 64 * 3), labels: new Uint8Array(8) };
    const loader = new BatchLoader(images, Int32Array.of(0, 1, 2), ${JSON.stringify(NORMALISATION)},
      { ...${JSON.stringify(OPTIONS)}, batchSize: 64 });
    do {
      await loader.next();
      await setImmediate();
    } while (loader.ready() === 0);
    for (let index = 0; index < 10; index++) await loader.next();
    console.log("took", loader.position() > 10);
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect(output).toBe("took true\n");
});

test("what a batch source refuses is refused", () => {
  const images = someImages();
  expect(() => new BatchLoader(images, Int32Array.of(), NORMALISATION, OPTIONS)).toThrow(
    "at least one image",
  );
  expect(() => pair().loader.seek(-1)).toThrow("no batch has number -1");
});
