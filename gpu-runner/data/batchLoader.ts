/**
 * The batches of a `BatchSource`, assembled ahead in a thread of their own. A training step is one call that blocks
 * this thread; meanwhile the other one crops, mirrors and normalises what the next steps need. As a batch depends
 * on the seed and its number alone, it does not matter which of the two threads makes it.
 */

import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { threadLimit } from "../limits/threads.ts";
import { type Batch, type BatchOptions, BatchSource, type Normalisation } from "./batches.ts";
import type { BatchThreadData, MadeBatch } from "./batchWorker.ts";
import type { Images } from "./dataset.ts";

/** Enough that a slow batch, such as an epoch's first, holds up no step. */
const BATCHES_AHEAD = 3;
/**
 * A smaller batch is made here. Taking one from the other thread costs 0.04 to 0.1 ms, whatever its size; making one
 * of so many numbers 0.07 ms, of 64x32x32x3 0.7 ms.
 */
const FEWEST_FLOATS = 16_384;
/** Where fewer threads may be started, batches are made here. */
const THREADS_LEFT = 2;

/**
 * An endless run of mini-batches like that of `BatchSource`, bit for bit. Its thread starts with the first batch
 * that is big enough for one, and does not keep the process alive.
 *
 * @example
 * const loader = new BatchLoader(dataset.train, weights, dataset, { batchSize: 64, seed: 1, augmentation: standardAugmentation });
 * const { x, y } = await loader.next();
 * loader.dispose();
 */
export class BatchLoader {
  readonly #source: BatchSource;
  #usesThread: boolean;
  readonly #start: () => BatchThread;
  #thread: BatchThread | undefined;
  #isDisposed = false;

  /**
   * @param images stay as they are as long as the loader lives
   * @param indices the images to draw from
   * @throws RangeError where there is nothing to draw or the batch size is no positive integer
   */
  constructor(images: Images, indices: Int32Array, normalisation: Normalisation, options: BatchOptions) {
    this.#source = new BatchSource(images, indices, normalisation, options);
    const { mean, std } = normalisation;
    this.#start = () =>
      new BatchThread({ images: inSharedMemory(images), indices, normalisation: { mean, std }, options });
    const floats = options.batchSize * images.height * images.width * images.channels;
    this.#usesThread = floats >= FEWEST_FLOATS;
  }

  /** Number of the batch that `next` will return. */
  position(): number {
    return this.#source.position();
  }

  /** How many batches from there on wait to be taken. */
  ready(): number {
    return this.#thread?.ready(this.position()) ?? 0;
  }

  /** Makes `next` return batch number `position`. */
  seek(position: number): void {
    this.#source.seek(position);
  }

  /**
   * The next batch, in arrays of its own: TensorFlow may read them later. One call at a time.
   *
   * @throws Error where the thread has ended, once, as another one takes its place; where the loader is disposed
   */
  async next(): Promise<Batch> {
    if (this.#isDisposed) throw givenUp();
    if (this.#usesThread && this.#thread === undefined)
      this.#usesThread = (threadLimit()?.free ?? THREADS_LEFT) >= THREADS_LEFT;
    if (!this.#usesThread) return this.#source.next();
    this.#thread ??= this.#start();
    const position = this.position();
    try {
      const batch = await this.#thread.take(position);
      // What the other thread has not begun is made here, at the start and after a leap.
      if (batch === undefined) return this.#source.next();
      this.#source.seek(position + 1);
      return batch;
    } catch (err) {
      this.#thread = undefined;
      throw err;
    }
  }

  /** Ends the thread. */
  dispose(): void {
    this.#isDisposed = true;
    this.#thread?.end(givenUp());
  }
}

/** The worker and what it has been asked for. */
class BatchThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #made = new Map<number, Batch>();
  readonly #asked = new Set<number>();
  #isUp = false;
  #failure: Error | undefined;
  /** Called by whatever comes: a batch or the end. */
  #wake: () => void = () => {};

  constructor(data: Omit<BatchThreadData, "port">) {
    const { port1, port2 } = new MessageChannel();
    const workerData: BatchThreadData = { ...data, port: port2 };
    this.#worker = new Worker(new URL("./batchWorker.ts", import.meta.url), {
      name: "batches",
      execArgv: [], // those of the process may be for its own script
      workerData,
      transferList: [port2],
    });
    this.#worker.unref();
    this.#worker.on("error", (err) => this.end(ended(err instanceof Error ? err.message : String(err))));
    this.#worker.on("exit", (code) => this.end(ended(`it left with code ${code}`)));
    this.#port = port1;
    port1.on("message", (message: MadeBatch | "ready") => this.#receive(message));
    port1.unref();
  }

  ready(position: number): number {
    this.#drain();
    let end = position;
    while (this.#made.has(end)) end++;
    return end - position;
  }

  /**
   * A batch that is made or being made, and has the ones after it made; undefined where it is neither.
   *
   * @throws Error where the thread has ended
   */
  take(position: number): Promise<Batch> | Batch | undefined {
    this.#drain();
    if (this.#failure !== undefined) throw this.#failure;
    for (const number of this.#made.keys()) if (!isNear(number, position)) this.#made.delete(number);
    const batch = this.#made.get(position);
    const isComing = this.#asked.has(position);
    this.#made.delete(position);
    if (this.#isUp) this.#askFor(position + 1);
    return batch ?? (isComing ? this.#wait(position) : undefined);
  }

  end(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#made.clear();
    this.#port.close();
    void this.#worker.terminate();
    this.#wake();
  }

  #askFor(first: number): void {
    for (let position = first; position < first + BATCHES_AHEAD; position++) {
      if (this.#made.has(position) || this.#asked.has(position)) continue;
      this.#asked.add(position);
      this.#port.postMessage(position);
    }
  }

  async #wait(position: number): Promise<Batch> {
    this.#worker.ref();
    try {
      for (;;) {
        if (this.#failure !== undefined) throw this.#failure;
        const batch = this.#made.get(position);
        if (batch !== undefined) {
          this.#made.delete(position);
          return batch;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#worker.unref();
    }
  }

  /** Takes what has arrived since the event loop last turned. */
  #drain(): void {
    if (this.#failure !== undefined) return;
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port))
      this.#receive(got.message);
  }

  #receive(message: MadeBatch | "ready"): void {
    if (this.#failure !== undefined) return;
    this.#isUp = true;
    if (message === "ready") return;
    this.#asked.delete(message.position);
    this.#made.set(message.position, message.batch);
    this.#wake();
  }
}

const isNear = (number: number, position: number) => number >= position && number <= position + BATCHES_AHEAD;

const givenUp = () => new Error("The batch loader is disposed.");

const ended = (reason: string) =>
  new Error(
    `The thread that assembles batches ended: ${reason}. Start again; work goes on where it was saved.`,
  );

const sharedImages = new WeakMap<Images, Images>();

/** Images whose pixels both threads read: the given ones where their memory is shared, or one copy for all loaders. */
function inSharedMemory(images: Images): Images {
  const known = sharedImages.get(images);
  if (known !== undefined) return known;
  const shared = { ...images, classNames: [], pixels: shareBytes(images.pixels) };
  sharedImages.set(images, shared);
  return shared;
}

function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
