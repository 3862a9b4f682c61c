/**
 * What training and measuring a network takes of memory, from its description: the compiled graph, weights with
 * momentum and gradients, and the activations that are held at once.
 *
 * The factors were fitted on native TensorFlow 2.21 (2 cores, one malloc arena) and on WebAssembly, to the peak of
 * resident memory that is no file's, less what was resident before, of 8 steps each: spaces tnd-nas and darts, derived
 * networks, single paths and mixtures, 8 to 16 channels, 3 to 8 layers, batches of 1 to 256, measuring 1 to 500
 * images.
 */

import { networkParts, visitParts } from "../../shared/count.ts";
import type { Layer, Network } from "../../shared/network.ts";
import type { Path } from "../executor/executor.ts";
import type { BackendName } from "../kernels/backend.ts";
import { sizeOf, weightShapes } from "../weightShapes.ts";

export type Work = "train" | "measure";

interface Factors {
  /** Once. */
  bytes: number;
  /** For each layer of the description: nodes of the graph. */
  layerBytes: number;
  /** Copies of all weights: values, momentum, gradients, what an update holds of them. */
  weights: number;
  /** Share of a path's counted activations that is held at once. */
  activations: Record<Work, number>;
}

const MIB = 2 ** 20;
/**
 * Share of its activations for which measuring asks the kernel after training, for want of room where the former lay.
 * After batches of 32, measuring 62 images took 75 MiB more of the demo's supernet, and 125 images 105 MiB.
 */
const ASKED_AGAIN = 0.5;
const BYTES_PER_NUMBER = 4;

const factors: Record<BackendName, Factors> = {
  tensorflow: {
    bytes: 42 * MIB,
    layerBytes: 45_000,
    weights: 12,
    activations: { train: 0.65, measure: 0.16 },
  },
  wasm: { bytes: 100 * MIB, layerBytes: 0, weights: 12, activations: { train: 3.7, measure: 1.1 } },
};

/** Counts what a network's work takes; nothing is computed again for another number of images. */
export class MemoryEstimate {
  readonly #network: Network;
  readonly #factors: Factors;
  readonly #layers: number;
  readonly #weightBytes: number;
  readonly #activationBytes = new Map<Path["kind"], number>();

  constructor(network: Network, backend: BackendName) {
    this.#network = network;
    this.#factors = factors[backend];
    this.#layers = countLayers(network);
    this.#weightBytes =
      BYTES_PER_NUMBER * weightShapes(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** Bytes beyond what the process takes before it has this network. */
  bytes(work: Work, path: Path["kind"], images: number): number {
    const { bytes, weights } = this.#factors;
    return bytes + this.#nodeBytes(path) + weights * this.#weightBytes + this.#heldBytes(work, path, images);
  }

  /** Bytes that measuring takes beyond what training has taken. */
  addedBytes(path: Path["kind"], images: number): number {
    return this.#nodeBytes(path) + ASKED_AGAIN * this.#heldBytes("measure", path, images);
  }

  /** A mixture's graph has every choice twice: forwards and backwards. */
  #nodeBytes(path: Path["kind"]): number {
    return this.#layers * this.#factors.layerBytes * (path === "mixture" ? 2 : 1);
  }

  #heldBytes(work: Work, path: Path["kind"], images: number): number {
    return this.#factors.activations[work] * images * this.#activationsOf(path);
  }

  #activationsOf(path: Path["kind"]): number {
    const known = this.#activationBytes.get(path) ?? pathActivationBytes(this.#network, path);
    this.#activationBytes.set(path, known);
    return known;
  }
}

/** Of one image: with a single path, that of the largest choice of each edge. */
export function pathActivationBytes(network: Network, path: Path["kind"]): number {
  const pieces = networkParts(network).flatMap((part) => part.pieces);
  const all = pieces.reduce((sum, { cost }) => sum + cost.activationBytes, 0);
  if (path !== "single") return all;
  const choices = pieces.filter(({ role }) => role === "operation").map(({ cost }) => cost.activationBytes);
  let first = 0;
  let left = 0;
  for (const edge of network.cells.flatMap(({ edges }) => edges)) {
    const bytes = choices.slice(first, first + edge.choices.length);
    first += edge.choices.length;
    left += bytes.reduce((sum, value) => sum + value, 0) - Math.max(...bytes);
  }
  return all - left;
}

function countLayers(network: Network): number {
  let layers = 0;
  visitParts(network, (part) => {
    layers += layersIn(part.layers);
  });
  return layers;
}

const layersIn = (layers: readonly Layer[]): number =>
  layers.reduce(
    (sum, layer) =>
      sum +
      1 +
      ("branches" in layer ? layer.branches.reduce((total, branch) => total + layersIn(branch), 0) : 0),
    0,
  );
