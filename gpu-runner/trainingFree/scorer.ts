/**
 * Scores networks that were never trained, from their start weights and one batch of images: what AZ-NAS and SWAP take
 * from a network, in one pass forward and one backward through each block by itself.
 */

import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { countNetwork } from "../../shared/count.ts";
import type { Cell, Network } from "../../shared/network.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { UntrainedScores } from "../../shared/untrained.ts";
import { type Pass, runCell, runLayers } from "../executor/eager.ts";
import type { Backend, TensorFlow } from "../kernels/backend.ts";
import { createPrimitives, type Primitives } from "../kernels/primitives.ts";
import { startValues, type WeightShape, weightShapes } from "../weightShapes.ts";
import { ActivationPatterns, PATTERN_IMAGES } from "./activationPatterns.ts";
import { expressivity, progressivity, spectralEntropy } from "./expressivity.ts";
import { blockTrainability, NO_BLOCK, spectralNorm, trainability } from "./trainability.ts";

export interface ScorerOptions {
  /** Of start weights and probes. */
  seed: number;
  /** [images x rows x columns x channels], normalised, in the networks' own size. */
  images: Float32Array;
  /** How many of the images SWAP looks at, at most 48. */
  patternImages: number;
}

/** Bits of a pattern that 32-bit floats add up exactly. */
const CHUNK_BITS = 16;

/**
 * Networks of one space share what has the same name and shape: weights are started once, so that networks differ by their
 * architecture alone, and every network meets the same probes.
 */
export class Scorer {
  readonly #backend: Backend;
  readonly #options: ScorerOptions;
  readonly #weights = new Map<string, Tensor>();
  readonly #probes = new Map<string, Tensor4D>();

  /**
   * @throws RangeError for more pattern images than a number holds
   * @example
   * const scorer = new Scorer(backend, { seed: 1, images, patternImages: 32 });
   * const { expressivity, macs } = scorer.score(deriveNetwork({ genotype, ...size }));
   */
  constructor(backend: Backend, options: ScorerOptions) {
    if (!(options.patternImages >= 1 && options.patternImages <= PATTERN_IMAGES))
      throw new RangeError(`Patterns are of 1 to ${PATTERN_IMAGES} images, not ${options.patternImages}.`);
    this.#backend = backend;
    this.#options = options;
  }

  /**
   * @param network a derived one: every choice of every edge is executed
   * @throws Error where the images are not of the network's size
   */
  score(network: Network): UntrainedScores {
    const { tf } = this.#backend;
    const { macs } = countNetwork(network);
    const states: Tensor4D[] = [];
    try {
      return tf.tidy(() => ({ ...this.#run(network, states), macs }));
    } finally {
      tf.dispose(states);
    }
  }

  dispose(): void {
    const { tf } = this.#backend;
    tf.dispose([...this.#weights.values(), ...this.#probes.values()]);
    this.#weights.clear();
    this.#probes.clear();
  }

  /** @param states gets the stems' and cells' outputs, which the caller disposes */
  #run(network: Network, states: Tensor4D[]): Omit<UntrainedScores, "macs"> {
    const { tf } = this.#backend;
    const image = this.#image(network);
    const patterns = new ActivationPatterns();
    const pass = this.#passOf(network, (x) => this.#observe(x, patterns));
    let x = image;
    for (const stem of network.stems) {
      x = runLayers(stem.layers, x, pass(), stem.path) as Tensor4D;
      if (stem.isState) states.push(tf.keep(tf.clone(x)));
    }
    const blocks: number[] = [];
    for (const cell of network.cells) {
      const { output, block } = this.#runBlock(cell, states, pass());
      states.push(output);
      blocks.push(block);
    }
    runLayers(network.head.layers, states.at(-1) as Tensor4D, pass(), network.head.path);
    const entropies = states.map((state) => entropyOf(tf, state));
    return {
      expressivity: expressivity(entropies),
      progressivity: progressivity(entropies),
      trainability: trainability(blocks),
      distinctPatterns: patterns.distinct(),
    };
  }

  #image({ image: { height, width, channels } }: Network): Tensor4D {
    const { images } = this.#options;
    const count = images.length / (height * width * channels);
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`${images.length} numbers are no images of ${height} x ${width} x ${channels}.`);
    return this.#backend.tf.tensor4d(images, [count, height, width, channels]);
  }

  /** Makes a pass for each block: what a pass remembers of states does not outlive the block's gradient. */
  #passOf(network: Network, observe: (x: Tensor4D) => void): () => Pass {
    const { tf } = this.#backend;
    const plain = createPrimitives(this.#backend);
    const primitives: Primitives = {
      ...plain,
      relu(x) {
        observe(x);
        return plain.relu(x);
      },
    };
    const shapes = new Map(weightShapes(network).map((shape) => [shape.name, shape]));
    return () => ({
      tf,
      primitives,
      weight: (name) => this.#weight(shapes.get(name), name),
      // Scales start at 1 and shifts at 0.
      normalise: (_layer, _path, x) => plain.batchNorm(x, null, null).y,
      regularise: (_choice, y) => y,
      relus: new WeakMap(),
    });
  }

  #weight(shape: WeightShape | undefined, name: string): Tensor {
    if (shape === undefined) throw new Error(`The network has no weight ${name}.`);
    const key = `${name} ${shape.shape.join("x")}`;
    const known = this.#weights.get(key);
    if (known !== undefined) return known;
    const { tf } = this.#backend;
    const made = tf.keep(tf.tensor(startValues(shape, this.#options.seed), shape.shape));
    this.#weights.set(key, made);
    return made;
  }

  /** What a cell gives, for the caller to dispose, and its trainability towards the newest state that it reads. */
  #runBlock(cell: Cell, states: readonly Tensor4D[], pass: Pass): { output: Tensor4D; block: number } {
    const { tf } = this.#backend;
    const input = states[Math.max(...cell.inputStates)] as Tensor4D;
    let output = input;
    const { grads } = tf.engine().gradients(
      () => {
        output = tf.keep(tf.clone(runCell(cell, states, { kind: "only" }, pass)));
        return tf.sum(tf.mul(output, this.#probe(output.shape)));
      },
      [input],
      undefined,
      true,
    );
    return { output, block: this.#blockScore(grads[0] as Tensor4D | null, output.shape) };
  }

  #blockScore(gradient: Tensor4D | null, shape: Tensor4D["shape"]): number {
    if (!gradient) return blockTrainability(0);
    const { tf } = this.#backend;
    const probe = this.#probe(shape);
    const isUnchanged =
      gradient.shape.join() === shape.join() && tf.all(tf.equal(gradient, probe)).dataSync()[0] === 1;
    if (isUnchanged) return NO_BLOCK;
    const [images, rows, columns, outputs] = shape;
    const positions = images * rows * columns;
    const deep = spaceToDepth(tf, gradient, rows, columns);
    const inputs = deep.shape[3];
    const product = tf.matMul(
      tf.reshape(deep, [positions, inputs]) as Tensor2D,
      tf.reshape(probe, [positions, outputs]) as Tensor2D,
      true,
    );
    return blockTrainability(spectralNorm(tf.div(product, positions).dataSync(), inputs, outputs));
  }

  /** Random signs. */
  #probe(shape: Tensor4D["shape"]): Tensor4D {
    const key = shape.join("x");
    const known = this.#probes.get(key);
    if (known !== undefined) return known;
    const random = new Random(deriveSeed(this.#options.seed, "probe", key));
    const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
    for (let index = 0, bits = 0; index < values.length; index++) {
      bits = index % 32 === 0 ? random.uint32() : bits >>> 1;
      values[index] = (bits & 1) === 1 ? 1 : -1;
    }
    const made = this.#backend.tf.keep(this.#backend.tf.tensor4d(values, shape));
    this.#probes.set(key, made);
    return made;
  }

  #observe(x: Tensor4D, into: ActivationPatterns): void {
    const { tf } = this.#backend;
    tf.tidy(() => {
      const images = Math.min(this.#options.patternImages, x.shape[0]);
      const units = tf.reshape(tf.slice(x, 0, images), [images, -1]);
      into.add(patternsOf(tf, tf.cast(tf.greater(units, 0), "float32") as Tensor2D));
    });
  }
}

/** By unit, the signs for the images as bits, the first image's the lowest. */
function patternsOf(tf: TensorFlow, isOn: Tensor2D): Float64Array {
  const [images, units] = isOn.shape;
  const patterns = new Float64Array(units);
  for (let start = 0; start < images; start += CHUNK_BITS) {
    const count = Math.min(CHUNK_BITS, images - start);
    const powers = tf.tensor2d(
      Array.from({ length: count }, (_, bit) => 2 ** bit),
      [1, count],
    );
    const chunk = tf.matMul(powers, tf.slice2d(isOn, [start, 0], [count, units])).dataSync();
    for (let unit = 0; unit < units; unit++)
      patterns[unit] = (patterns[unit] as number) + (chunk[unit] as number) * 2 ** start;
  }
  return patterns;
}

/** Entropy of the features' spectrum over images and positions. */
function entropyOf(tf: TensorFlow, features: Tensor4D): number {
  const channels = features.shape[3];
  const flat = tf.reshape(features, [-1, channels]) as Tensor2D;
  const centred = tf.sub(flat, tf.mean(flat, 0)) as Tensor2D;
  const covariance = tf.div(tf.matMul(centred, centred, true), flat.shape[0]);
  return spectralEntropy(covariance.dataSync(), channels);
}

/** Makes squares of pixels channels of one, until there are so many rows and columns; zeros fill up what is missing. */
function spaceToDepth(tf: TensorFlow, x: Tensor4D, rows: number, columns: number): Tensor4D {
  const [images, height, width, channels] = x.shape;
  if (height === rows && width === columns) return x;
  const stride = Math.ceil(height / rows);
  const padded = tf.pad4d(x, [
    [0, 0],
    [0, rows * stride - height],
    [0, columns * stride - width],
    [0, 0],
  ]);
  const squares = tf.transpose(
    tf.reshape(padded, [images, rows, stride, columns, stride, channels]),
    [0, 1, 3, 2, 4, 5],
  );
  return tf.reshape(squares, [images, rows, columns, stride * stride * channels]);
}
