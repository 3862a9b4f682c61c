/**
 * Means and variances that batch normalisation uses after training: moving averages as in PyTorch, or the plain
 * mean over some batches. All of a network's are kept in two vectors, so that an update is a few operations.
 */

import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "../kernels/backend.ts";
import type { NamedValues, NormalisationShape } from "../weightShapes.ts";

/** PyTorch's default: the share of the newest batch. */
export const MOMENTUM = 0.1;

const quantities = ["mean", "variance"] as const;
type Quantity = (typeof quantities)[number];

export class MovingStatistics {
  readonly #tf: TensorFlow;
  readonly #shapes: NormalisationShape[];
  readonly #flat: Record<Quantity, Tensor1D>;
  readonly #batch = new Map<string, Record<Quantity, Tensor1D>>();
  /** The flat vectors cut up, until they change. */
  #split: Map<string, Record<Quantity, Tensor1D>> | undefined;
  #meanOf = 0;

  constructor(tf: TensorFlow, shapes: NormalisationShape[]) {
    this.#tf = tf;
    this.#shapes = shapes;
    const size = shapes.reduce((total, { channels }) => total + channels, 0);
    this.#flat = { mean: tf.keep(tf.zeros([size])), variance: tf.keep(tf.ones([size])) };
  }

  /** Notes the statistics of the batch that passes. Takes ownership of both tensors. */
  see(path: string, mean: Tensor1D, variance: Tensor1D): void {
    this.#batch.set(path, { mean: this.#tf.keep(mean), variance: this.#tf.keep(variance) });
  }

  discardBatch(): void {
    for (const { mean, variance } of this.#batch.values()) this.#tf.dispose([mean, variance]);
    this.#batch.clear();
  }

  /** Moves towards the batch seen last. */
  update(): void {
    const { add, mul } = this.#tf;
    this.#replace((old, seen) => add(mul(old, 1 - MOMENTUM), mul(seen, MOMENTUM)) as Tensor1D);
  }

  startMean(): void {
    this.#meanOf = 0;
  }

  /** Makes the statistics the mean over the batches since `startMean`. */
  addToMean(): void {
    const { add, mul } = this.#tf;
    this.#meanOf++;
    const share = 1 / this.#meanOf;
    this.#replace((old, seen) => add(mul(old, 1 - share), mul(seen, share)) as Tensor1D);
  }

  of(path: string): Record<Quantity, Tensor1D> {
    this.#split ??= this.#cut();
    const found = this.#split.get(path);
    if (!found) throw new Error(`The network has no batch normalisation ${path}.`);
    return found;
  }

  values(): NamedValues {
    return new Map(
      quantities.map((quantity) => {
        const values = Float32Array.from(this.#flat[quantity].dataSync());
        return [`moving/${quantity}`, { shape: [values.length], values }];
      }),
    );
  }

  /** @throws Error where they are missing or those of another network */
  load(stored: NamedValues): void {
    for (const quantity of quantities) {
      const entry = stored.get(`moving/${quantity}`);
      if (entry?.values.length !== this.#flat[quantity].size) {
        throw new Error(`The checkpoint's moving ${quantity} is missing or of another network.`);
      }
      this.#put(quantity, this.#tf.tensor1d(entry.values));
    }
  }

  dispose(): void {
    this.discardBatch();
    this.#forgetCut();
    this.#tf.dispose(Object.values(this.#flat));
  }

  /** Layers that the batch did not pass keep what they have. */
  #replace(combine: (old: Tensor1D, seen: Tensor1D) => Tensor1D): void {
    if (this.#shapes.length === 0) return;
    for (const quantity of quantities) {
      const next = this.#tf.tidy(() => {
        const old = this.#flat[quantity];
        const seen = this.#shapes.map(
          (shape) => this.#batch.get(shape.path)?.[quantity] ?? this.#slice(quantity, shape),
        );
        return combine(old, this.#tf.concat1d(seen));
      });
      this.#put(quantity, next);
    }
  }

  #put(quantity: Quantity, tensor: Tensor1D): void {
    this.#forgetCut();
    this.#flat[quantity].dispose();
    this.#flat[quantity] = this.#tf.keep(tensor);
  }

  #slice(quantity: Quantity, { offset, channels }: NormalisationShape): Tensor1D {
    return this.#tf.slice1d(this.#flat[quantity], offset, channels);
  }

  #cut(): Map<string, Record<Quantity, Tensor1D>> {
    const entries = this.#shapes.map((shape) => {
      const cut = {
        mean: this.#tf.keep(this.#slice("mean", shape)),
        variance: this.#tf.keep(this.#slice("variance", shape)),
      };
      return [shape.path, cut] as const;
    });
    return new Map(entries);
  }

  #forgetCut(): void {
    for (const { mean, variance } of this.#split?.values() ?? []) this.#tf.dispose([mean, variance]);
    this.#split = undefined;
  }
}
