/** What trains and evaluates a network, whatever way it is executed: eagerly, or compiled into one graph. */

import type { Network } from "../../shared/network.ts";
import type { Batch } from "../data/batches.ts";
import type { NamedValues } from "../weightShapes.ts";

/** Which choices of the edges take part. */
export type Path =
  /** The only choice of every edge: a derived network. */
  | { kind: "only" }
  /** By cell kind and edge position, the index of one choice. */
  | { kind: "single"; selection: Record<string, readonly number[]> }
  /** By cell kind and edge position, a weight per choice: all are executed and their outputs added. */
  | { kind: "mixture"; weights: Record<string, readonly (readonly number[])[]> };

/** The settings of one gradient step; those that are left out are 0. */
export interface StepSettings {
  learningRate: number;
  momentum: number;
  weightDecay: number;
  /** Largest norm of the whole gradient, before weight decay. */
  clipNorm: number;
  /** Seed of everything random in this step. */
  seed: number;
  /** Probability that a number that leaves a skip connection is dropped, as in P-DARTS. */
  skipDropout?: number;
  /** Probability that an image loses what an edge adds, identities apart. */
  dropPath?: number;
  labelSmoothing?: number;
  /** Share of the auxiliary classifier's loss. */
  auxiliaryWeight?: number;
}

export interface StepResult {
  /** Mean cross-entropy with label smoothing and the auxiliary loss. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
}

export interface Evaluation {
  images: number;
  correct: number;
  /** Mean cross-entropy, natural logarithm. */
  loss: number;
}

/** In percent; null where the loss is no number: a network without scores has no answers to count. */
export const accuracyOf = ({ images, correct, loss }: Evaluation): number | null =>
  Number.isFinite(loss) ? (100 * correct) / images : null;

/** Statistics that batch normalisation uses outside of training: the batch's own, or the moving ones. */
export type Statistics = "batch" | "moving";

export interface Executor {
  readonly network: Network;
  /**
   * One step of stochastic gradient descent. Weights that take no part in the path stay as they are.
   *
   * @throws DivergenceError where loss or gradient are no numbers; the weights are then unchanged
   */
  trainStep(batch: Batch, path: Path, settings: StepSettings): StepResult;
  /** Measures every path on the same batches. */
  evaluate(batches: Iterable<Batch>, paths: readonly Path[], statistics: Statistics): Evaluation[];
  /** [images x classes], row by row, before the softmax. */
  logits(batch: Batch, path: Path, statistics: Statistics): Float32Array;
  /** Replaces the moving statistics by the mean of those of the batches. */
  calibrate(batches: Iterable<Batch>, path: Path): void;
  /** FNV-1a 64 over the weights' 32-bit words in the order of their names, hexadecimal. */
  digest(): string;
  /** Weights, momentum and moving statistics: everything a checkpoint needs. */
  values(): NamedValues;
  /** @throws Error where they are not those of this network */
  load(values: NamedValues): void;
  dispose(): void;
}

/** Training has left the numbers that can be computed with. */
export class DivergenceError extends Error {
  constructor(what: string, value: number) {
    super(`Training diverged: the ${what} is ${value}. Lower the learning rate.`);
    this.name = "DivergenceError";
  }
}

/** Correct answers and summed cross-entropy of a batch. */
function score(logits: Float32Array, labels: Int32Array, classes: number): { correct: number; loss: number } {
  let correct = 0;
  let loss = 0;
  for (const [image, label] of labels.entries()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    let best = 0;
    for (let index = 1; index < classes; index++) {
      if ((row[index] as number) > (row[best] as number)) best = index;
    }
    const largest = row[best] as number;
    let sum = 0;
    for (const value of row) sum += Math.exp(value - largest);
    loss += Math.log(sum) + largest - (row[label] as number);
    if (best === label) correct++;
  }
  return { correct, loss };
}

/** [images x classes]: 1 where the label is, smoothed. */
export function labelsOf({ y }: Pick<Batch, "y">, classes: number, smoothing: number): Float32Array {
  const labels = new Float32Array(y.length * classes).fill(smoothing / classes);
  for (const [index, label] of y.entries())
    labels[index * classes + label] = 1 - smoothing + smoothing / classes;
  return labels;
}

/** The factor of a choice's output; 0 where it is not executed. */
export function shareOf(path: Path, kind: string, position: number, index: number): number {
  if (path.kind === "only") return index === 0 ? 1 : 0;
  if (path.kind === "mixture") return path.weights[kind]?.[position]?.[index] ?? 0;
  return path.selection[kind]?.[position] === index ? 1 : 0;
}

/** Measures every path on the same batches by the executor's logits. */
export function evaluateWith(
  executor: Pick<Executor, "network" | "logits">,
  batches: Iterable<Batch>,
  paths: readonly Path[],
  statistics: Statistics,
): Evaluation[] {
  const totals = paths.map(() => ({ images: 0, correct: 0, loss: 0 }));
  for (const batch of batches) {
    for (const [index, path] of paths.entries()) {
      const into = totals[index] as Evaluation;
      const { correct, loss } = score(
        executor.logits(batch, path, statistics),
        batch.y,
        executor.network.classes,
      );
      into.images += batch.y.length;
      into.correct += correct;
      into.loss += loss;
    }
  }
  return totals.map(({ images, correct, loss }) => ({ images, correct, loss: loss / images }));
}
