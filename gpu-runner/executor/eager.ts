/**
 * Executes a network layer by layer as its description is walked, on any backend. Only what a path chooses is
 * executed. The gradient comes from tfjs's tape over our differentiable primitives.
 */

import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Cell, Choice, Layer, Network } from "../../shared/network.ts";
import type { Batch } from "../data/batches.ts";
import type { Backend, TensorFlow } from "../kernels/backend.ts";
import { createPrimitives, type Primitives } from "../kernels/primitives.ts";
import {
  layerLists,
  type NamedValues,
  normalisationShapes,
  weightShapes,
  weightShapesOf,
} from "../weightShapes.ts";
import { Weights } from "../weights.ts";
import {
  DivergenceError,
  type Evaluation,
  type Executor,
  evaluateWith,
  labelsOf,
  type Path,
  type Statistics,
  type StepResult,
  type StepSettings,
  shareOf,
} from "./executor.ts";
import { Masks } from "./masks.ts";
import { MovingStatistics } from "./movingStatistics.ts";
import { descend } from "./sgd.ts";

/** What one forward pass needs besides the network. */
export interface Pass {
  tf: TensorFlow;
  primitives: Primitives;
  weight(name: string): Tensor;
  normalise(layer: Extract<Layer, { kind: "batchNorm" }>, path: string, x: Tensor4D): Tensor4D;
  /** Changes what an edge's choice gives; the search drops skips, final training drops paths. */
  regularise(choice: Choice, y: Tensor4D): Tensor4D;
  /** ReLU of states that several edges start with, so that it is computed once. */
  relus: WeakMap<Tensor, Tensor4D>;
}

type Row<K extends Layer["kind"]> = (
  layer: Extract<Layer, { kind: K }>,
  x: Tensor4D,
  pass: Pass,
  path: string,
) => Tensor;

const dense = { stride: [1, 1], padding: [0, 0] } as const;

/**
 * A 1x1 convolution that skips pixels. They are taken out first, by a pool of size 1: TensorFlow's filter gradient
 * writes beyond its memory for such a convolution on a batch of one image.
 */
const isSubsampling = ({ kernel, stride, padding }: Extract<Layer, { kind: "conv" }>): boolean =>
  stride[0] > 1 && stride[0] === stride[1] && [...kernel, ...padding].join() === "1,1,0,0";

/** How each kind of layer is executed. */
const rows: { [K in Layer["kind"]]: Row<K> } = {
  relu(_layer, x, { primitives, relus }) {
    const known = relus.get(x);
    if (known !== undefined) return known;
    const y = primitives.relu(x);
    relus.set(x, y);
    return y;
  },
  identity: (_layer, x) => x,
  zero: ({ stride }, x, { primitives }) => primitives.zero(x, stride),
  offset: (_layer, x, { primitives }) => primitives.offset(x),
  conv(layer, x, { tf, primitives, weight }, path) {
    const filter = weight(`${path}.weight`) as Tensor4D;
    const y = isSubsampling(layer)
      ? primitives.conv(
          primitives.avgPool(x, { size: 1, stride: layer.stride[0], padding: 0 }),
          filter,
          dense,
        )
      : primitives.conv(x, filter, layer);
    return layer.bias ? tf.add(y, weight(`${path}.bias`)) : y;
  },
  depthwiseConv: (layer, x, { primitives, weight }, path) =>
    primitives.depthwiseConv(x, weight(`${path}.weight`) as Tensor4D, layer),
  batchNorm: (layer, x, { normalise }, path) => normalise(layer, path, x),
  maxPool: (layer, x, { primitives }) => primitives.maxPool(x, layer),
  avgPool: (layer, x, { primitives }) => primitives.avgPool(x, layer),
  globalAvgPool: (_layer, x, { primitives }) => primitives.globalAvgPool(x),
  linear: (_layer, x, { primitives, weight }, path) =>
    primitives.linear(
      x as Tensor as Tensor2D,
      weight(`${path}.weight`) as Tensor2D,
      weight(`${path}.bias`) as Tensor1D,
    ),
  concat: ({ branches }, x, pass, path) =>
    pass.primitives.concat(
      branches.map((layers, index) => runLayers(layers, x, pass, `${path}.${index}`) as Tensor4D),
    ),
  sum: ({ branches }, x, pass, path) =>
    total(
      pass,
      branches.map((layers, index) => runLayers(layers, x, pass, `${path}.${index}`) as Tensor4D),
    ),
};

/** The layers one after the other. */
export function runLayers(layers: readonly Layer[], x: Tensor, pass: Pass, path: string): Tensor {
  return layers.reduce(
    (value, layer, index) =>
      (rows[layer.kind] as Row<Layer["kind"]>)(layer, value as Tensor4D, pass, `${path}.${index}`),
    x,
  );
}

const total = ({ tf }: Pass, parts: Tensor4D[]): Tensor4D => parts.reduce((sum, part) => tf.add(sum, part));

interface Outputs {
  logits: Tensor2D;
  auxiliary: Tensor2D | undefined;
}

/** @param withAuxiliary whether the second classifier is executed, where there is one */
function runNetwork(
  network: Network,
  image: Tensor4D,
  path: Path,
  pass: Pass,
  withAuxiliary: boolean,
): Outputs {
  const states: Tensor4D[] = [];
  let x = image;
  for (const stem of network.stems) {
    x = runLayers(stem.layers, x, pass, stem.path) as Tensor4D;
    if (stem.isState) states.push(x);
  }
  let auxiliary: Tensor2D | undefined;
  for (const [index, cell] of network.cells.entries()) {
    const output = runCell(cell, states, path, pass);
    states.push(output);
    if (withAuxiliary && network.auxiliary?.afterCell === index) {
      auxiliary = runLayers(network.auxiliary.layers, output, pass, network.auxiliary.path) as Tensor2D;
    }
  }
  const last = states.at(-1) as Tensor4D;
  return { logits: runLayers(network.head.layers, last, pass, network.head.path) as Tensor2D, auxiliary };
}

/**
 * @param states of the network so far: the stems' outputs, then each cell's
 */
export function runCell(cell: Cell, states: readonly Tensor4D[], path: Path, pass: Pass): Tensor4D {
  const nodes = cell.preprocess.map(
    ({ layers, path: preprocessPath }, index) =>
      runLayers(
        layers,
        states[cell.inputStates[index] as number] as Tensor4D,
        pass,
        preprocessPath,
      ) as Tensor4D,
  );
  const inputs = nodes.length;
  for (let node = inputs; node < inputs + cell.nodes; node++) {
    const parts: Tensor4D[] = [];
    for (const edge of cell.edges) {
      if (edge.to !== node) continue;
      for (const [index, choice] of edge.choices.entries()) {
        const share = shareOf(path, cell.kind, edge.position, index);
        if (share === 0 || choice.isNone) continue;
        const output = runLayers(choice.layers, nodes[edge.from] as Tensor4D, pass, choice.path) as Tensor4D;
        const kept = pass.regularise(choice, output);
        parts.push(share === 1 ? kept : pass.tf.mul(kept, share));
      }
    }
    nodes.push(parts.length > 0 ? total(pass, parts) : emptyNode(cell, nodes, pass));
  }
  const leaving = cell.concat.map((node) => nodes[node] as Tensor4D);
  return leaving.length === 1 ? (leaving[0] as Tensor4D) : pass.primitives.concat(leaving);
}

function emptyNode(cell: Cell, nodes: readonly Tensor4D[], { primitives }: Pass): Tensor4D {
  return primitives.zero(nodes[0] as Tensor4D, cell.stride);
}

export class EagerExecutor implements Executor {
  readonly network: Network;
  readonly weights: Weights;
  readonly #backend: Backend;
  readonly #primitives: Primitives;
  readonly #moving: MovingStatistics;
  /** Names of weights by the path of their layers. */
  readonly #names = new Map<string, string[]>();

  /**
   * @param seed of the start values of the weights
   * @example
   * const executor = new EagerExecutor(backend, buildSupernet(plan), 1);
   * const { loss } = executor.trainStep(source.next(), path, settings);
   */
  constructor(backend: Backend, network: Network, seed: number) {
    this.network = network;
    this.#backend = backend;
    this.#primitives = createPrimitives(backend);
    this.weights = new Weights(backend.tf, weightShapes(network), seed);
    this.#moving = new MovingStatistics(backend.tf, normalisationShapes(network));
  }

  trainStep(batch: Batch, path: Path, settings: StepSettings): StepResult {
    const { tf } = this.#backend;
    const engine = tf.engine();
    const { x, labels } = this.#tensors(batch, settings.labelSmoothing ?? 0);
    const live = [
      ...layerLists(this.network, (choice, index, kind, position) => {
        return !choice.isNone && shareOf(path, kind, position, index) !== 0;
      }),
    ].flatMap((list) => this.#namesUnder(list));
    engine.startScope();
    try {
      const pass = this.#trainingPass(settings, path);
      const { value, grads } = engine.gradients(
        () => {
          const outputs = runNetwork(this.network, x, path, pass, (settings.auxiliaryWeight ?? 0) > 0);
          const loss = this.#crossEntropy(outputs.logits, labels);
          if (outputs.auxiliary === undefined) return loss;
          return tf.add(
            loss,
            tf.mul(this.#crossEntropy(outputs.auxiliary, labels), settings.auxiliaryWeight ?? 0),
          ) as Scalar;
        },
        live.map((name) => this.weights.get(name)),
        undefined,
        true,
      );
      const loss = value.dataSync()[0] as number;
      if (!Number.isFinite(loss)) throw new DivergenceError("loss", loss);
      // What no output depends on, such as the preprocessing of an input that no edge chose, has no gradient.
      const reached = live.flatMap((name, index) =>
        grads[index] ? [{ name, gradient: grads[index] as Tensor }] : [],
      );
      const gradientNorm = descend(
        this.weights,
        reached.map(({ name }) => name),
        reached.map(({ gradient }) => gradient),
        settings,
      );
      if (path.kind === "only") this.#moving.update();
      return { loss, gradientNorm };
    } finally {
      engine.endScope();
      this.#moving.discardBatch();
      tf.dispose([x, labels]);
    }
  }

  evaluate(batches: Iterable<Batch>, paths: readonly Path[], statistics: Statistics): Evaluation[] {
    return evaluateWith(this, batches, paths, statistics);
  }

  logits(batch: Batch, path: Path, statistics: Statistics): Float32Array {
    const { tf } = this.#backend;
    return tf.tidy(() => {
      const pass = this.#measuringPass(statistics);
      const { logits } = runNetwork(this.network, this.#image(batch), path, pass, false);
      return Float32Array.from(logits.dataSync());
    });
  }

  calibrate(batches: Iterable<Batch>, path: Path): void {
    const { tf } = this.#backend;
    this.#moving.startMean();
    for (const batch of batches) {
      tf.tidy(() => {
        runNetwork(this.network, this.#image(batch), path, this.#observingPass(), true);
        this.#moving.addToMean();
      });
      this.#moving.discardBatch();
    }
  }

  digest(): string {
    return this.weights.digest();
  }

  values(): NamedValues {
    return new Map([...this.weights.values(), ...this.#moving.values()]);
  }

  load(values: NamedValues): void {
    this.weights.load(values);
    this.#moving.load(values);
  }

  dispose(): void {
    this.weights.dispose();
    this.#moving.dispose();
  }

  #namesUnder(list: { path: string; layers: Layer[] }): string[] {
    let known = this.#names.get(list.path);
    if (known === undefined) {
      known = weightShapesOf(list).map(({ name }) => name);
      this.#names.set(list.path, known);
    }
    return known;
  }

  #image({ x, y }: Batch): Tensor4D {
    const { height, width, channels } = this.network.image;
    return this.#backend.tf.tensor4d(x, [y.length, height, width, channels]);
  }

  #tensors(batch: Batch, smoothing: number): { x: Tensor4D; labels: Tensor2D } {
    const { classes } = this.network;
    const labels = labelsOf(batch, classes, smoothing);
    return { x: this.#image(batch), labels: this.#backend.tf.tensor2d(labels, [batch.y.length, classes]) };
  }

  #crossEntropy(logits: Tensor2D, labels: Tensor2D): Scalar {
    const { tf } = this.#backend;
    const images = labels.shape[0];
    return tf.customGrad((...inputs) => {
      const [x, save] = inputs as unknown as [Tensor2D, (tensors: Tensor[]) => void];
      save([tf.div(tf.sub(tf.softmax(x), labels), images)]);
      return {
        value: tf.div(tf.sum(tf.mul(labels, tf.logSoftmax(x))), -images) as Scalar,
        gradFunc: (dy: Tensor, saved: Tensor[]) => tf.mul(saved[0] as Tensor, dy),
      };
    })(logits) as Scalar;
  }

  #basePass(): Pick<Pass, "tf" | "primitives" | "weight" | "relus"> {
    return {
      tf: this.#backend.tf,
      primitives: this.#primitives,
      weight: (name) => this.weights.get(name),
      relus: new WeakMap(),
    };
  }

  #affine(layer: Extract<Layer, { kind: "batchNorm" }>, path: string): [Tensor1D | null, Tensor1D | null] {
    if (!layer.affine) return [null, null];
    return [this.weights.get(`${path}.scale`) as Tensor1D, this.weights.get(`${path}.shift`) as Tensor1D];
  }

  /** Batch statistics, seen by the moving ones. */
  #observingPass(): Pass {
    return {
      ...this.#basePass(),
      normalise: (layer, path, x) => {
        const { y, mean, variance } = this.#primitives.batchNorm(x, ...this.#affine(layer, path));
        this.#moving.see(path, mean, variance);
        return y;
      },
      regularise: (_choice, y) => y,
    };
  }

  #trainingPass({ skipDropout = 0, dropPath = 0, seed }: StepSettings, path: Path): Pass {
    const { tf } = this.#backend;
    const masks = new Masks(seed);
    return {
      // Moving statistics mean something only where every step executes the same layers.
      ...(path.kind === "only" ? this.#observingPass() : this.#measuringPass("batch")),
      regularise(choice, y) {
        let result = y;
        if (choice.isSkip && skipDropout > 0) {
          result = tf.mul(result, tf.tensor4d(masks.mask(y.size, skipDropout), y.shape));
        }
        if (dropPath > 0 && !isIdentity(choice)) {
          const images = y.shape[0];
          result = tf.mul(result, tf.tensor4d(masks.mask(images, dropPath), [images, 1, 1, 1]));
        }
        return result;
      },
    };
  }

  #measuringPass(statistics: Statistics): Pass {
    return {
      ...this.#basePass(),
      normalise: (layer, path, x) => {
        const affine = this.#affine(layer, path);
        if (statistics === "batch") return this.#primitives.batchNorm(x, ...affine).y;
        const { mean, variance } = this.#moving.of(path);
        return this.#primitives.batchNormInference(x, mean, variance, ...affine);
      },
      regularise: (_choice, y) => y,
    };
  }
}

const isIdentity = ({ layers }: Choice): boolean => layers.every((layer) => layer.kind === "identity");
