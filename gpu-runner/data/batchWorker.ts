/** The thread of a `BatchLoader`: assembles the batches that are asked for, one after another. */

import { type MessagePort, workerData } from "node:worker_threads";
import { type Batch, type BatchOptions, BatchSource, type Normalisation } from "./batches.ts";
import type { Images } from "./dataset.ts";

/** What the thread starts with. */
export interface BatchThreadData {
  /** Receives positions, and answers each with a `MadeBatch`; says `"ready"` once. */
  port: MessagePort;
  images: Images;
  indices: Int32Array;
  normalisation: Normalisation;
  options: BatchOptions;
}

export interface MadeBatch {
  position: number;
  batch: Batch;
}

const { port, images, indices, normalisation, options } = workerData as BatchThreadData;
const source = new BatchSource(images, indices, normalisation, options);
port.on("message", (position: number) => {
  source.seek(position);
  const made: MadeBatch = { position, batch: source.next() };
  const { x, y } = made.batch;
  port.postMessage(made, [x.buffer as ArrayBuffer, y.buffer as ArrayBuffer]);
});
port.postMessage("ready");
