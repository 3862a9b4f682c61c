/**
 * A trained network as computations on the results of others, weights and preprocessing included: what every
 * format of a model writes in its own way. The auxiliary classifier is left out, and so is all that the class
 * scores do not follow from. Batch normalisation becomes part of the convolution before it.
 */

import { outputShape, type Shape } from "../../shared/layers.ts";
import type { Cell, Layer, Network } from "../../shared/network.ts";
import { BATCH_NORM_EPSILON, type Window } from "../kernels/types.ts";
import {
  type NamedValues,
  type NormalisationShape,
  normalisationShapes,
  normalisationsIn,
} from "../weightShapes.ts";

/** Weights in the network's own layout: images are NHWC, filters [height, width, inputs, outputs]. */
interface Values {
  shape: number[];
  values: Float32Array;
}

type Kind =
  /** The input of the network: numbers from 0 to 255. */
  | { op: "pixels" }
  /** The input of a part of a network: activations in the format's own layout. */
  | { op: "features" }
  /** x * factor + summand, by channel. */
  | { op: "scale"; factor: Float32Array; summand: Float32Array }
  | { op: "relu" }
  /** As the layer of this name. */
  | { op: "offset" }
  | { op: "conv"; filter: Values; bias: Float32Array | undefined; window: Window }
  /** The filter is [height, width, channels, 1]. */
  | { op: "depthwiseConv"; filter: Values; window: Window }
  | { op: "maxPool"; window: Window }
  /** Padding is not counted in the average. */
  | { op: "avgPool"; window: Window }
  /** Its result has no rows and columns: [images, channels]. */
  | { op: "globalAvgPool" }
  /** The weight is [inputs, outputs]. */
  | { op: "linear"; weight: Values; bias: Float32Array }
  | { op: "concat" }
  | { op: "sum" };

/** `shape` is the result's, for one image. */
export type Computation = Kind & { inputs: Computation[]; shape: Shape };

/** Whether its result has no rows and columns: [images, channels]. */
export const isFlat = ({ op }: Computation): boolean => op === "globalAvgPool" || op === "linear";

/** How one format writes each computation: returns the name of the result, is given those of the inputs. */
export type Rows<Writer> = {
  [K in Kind["op"]]: (
    writer: Writer,
    computation: Extract<Computation, { op: K }>,
    inputs: [string, ...string[]],
  ) => string;
};

/** Calls the rows for everything that `result` follows from, inputs first. Returns the name of the result. */
export function write<Writer>(result: Computation, writer: Writer, rows: Rows<Writer>): string {
  const names = new Map<Computation, string>();
  const nameOf = (computation: Computation): string => {
    const known = names.get(computation);
    if (known !== undefined) return known;
    const inputs = computation.inputs.map(nameOf) as [string, ...string[]];
    const row = rows[computation.op] as Rows<Writer>["pixels"];
    const name = row(writer, computation as Extract<Computation, { op: "pixels" }>, inputs);
    names.set(computation, name);
    return name;
  };
  return nameOf(result);
}

interface Weights {
  /** @throws Error where there is no weight of this name */
  get(name: string): Values;
  /** Where a batch normalisation's statistics start. */
  offset(path: string): number;
}

type LayerRow<K extends Layer["kind"]> = (
  layer: Extract<Layer, { kind: K }>,
  x: Computation,
  weights: Weights,
  path: string,
) => Computation;

/** What each kind of layer computes. */
const layerRows: { [K in Layer["kind"]]: LayerRow<K> } = {
  relu: (_layer, x) => relu(x),
  identity: (_layer, x) => x,
  zero: ({ stride }, x) => zeros(x, stride),
  offset: (_layer, x) => ({ op: "offset", inputs: [x], shape: x.shape }),
  conv: (layer, x, weights, path) => ({
    op: "conv",
    inputs: [x],
    shape: outputShape([layer], x.shape),
    filter: weights.get(`${path}.weight`),
    bias: layer.bias ? weights.get(`${path}.bias`).values : undefined,
    window: { size: layer.kernel, stride: layer.stride, dilation: [1, 1], padding: layer.padding },
  }),
  depthwiseConv: (layer, x, weights, path) => ({
    op: "depthwiseConv",
    inputs: [x],
    shape: outputShape([layer], x.shape),
    filter: weights.get(`${path}.weight`),
    window: square(layer.kernel, layer.stride, layer.padding, layer.dilation),
  }),
  batchNorm(layer, x, weights, path) {
    const offset = weights.offset(path);
    const scale = layer.affine ? weights.get(`${path}.scale`).values : undefined;
    const shift = layer.affine ? weights.get(`${path}.shift`).values : undefined;
    const mean = weights.get("moving/mean").values.subarray(offset);
    const variance = weights.get("moving/variance").values.subarray(offset);
    const channels = Array.from({ length: layer.channels }, (_, channel) => channel);
    const factor = channels.map((channel) => {
      const deviation = Math.sqrt(at(variance, channel) + BATCH_NORM_EPSILON);
      return (scale ? at(scale, channel) : 1) / deviation;
    });
    const summand = factor.map(
      (value, channel) => (shift ? at(shift, channel) : 0) - at(mean, channel) * value,
    );
    return scaled(x, factor, summand);
  },
  maxPool: (layer, x) => pool("maxPool", x, layer),
  avgPool: (layer, x) => pool("avgPool", x, layer),
  globalAvgPool: (layer, x) => ({
    op: "globalAvgPool",
    inputs: [x],
    shape: outputShape([layer], x.shape),
  }),
  linear: (layer, x, weights, path) => ({
    op: "linear",
    inputs: [x],
    shape: outputShape([layer], x.shape),
    weight: weights.get(`${path}.weight`),
    bias: weights.get(`${path}.bias`).values,
  }),
  concat: ({ branches }, x, weights, path) => concat(branchesOf(branches, x, weights, path)),
  sum: ({ branches }, x, weights, path) => sum(branchesOf(branches, x, weights, path)),
};

/** From the input to the class scores before the softmax; of a part of a network to its result. */
export interface Model {
  pixels: Computation;
  logits: Computation;
}

/**
 * @param network derived: one choice on each edge
 * @param values weights and moving statistics by name
 * @param normalisation of pixels divided by 255, by channel
 * @throws Error where a weight is missing
 */
export function modelOf(
  network: Network,
  values: NamedValues,
  { mean, std }: { mean: readonly number[]; std: readonly number[] },
): Model {
  const weights = weightsOf(values, normalisationShapes(network));
  const pixels: Computation = { op: "pixels", inputs: [], shape: network.image };
  let x = scaled(
    pixels,
    std.map((deviation) => 1 / (255 * deviation)),
    mean.map((value, channel) => -value / at(std, channel)),
  );
  const states: Computation[] = [];
  for (const stem of network.stems) {
    x = applyLayers(stem, x, weights);
    if (stem.isState) states.push(x);
  }
  for (const cell of network.cells) states.push(applyCell(cell, states, weights));
  return { pixels, logits: applyLayers(network.head, at(states, states.length - 1), weights) };
}

/**
 * Layers by themselves, as in the middle of a network.
 *
 * @param part a list of layers whose weights have names under its path
 * @param shape of its input, for one image
 * @param values weights and moving statistics by name
 * @throws Error where a weight is missing
 */
export function modelOfPart(
  part: { path: string; layers: Layer[] },
  shape: Shape,
  values: NamedValues,
): Model {
  const pixels: Computation = { op: "features", inputs: [], shape };
  return { pixels, logits: applyLayers(part, pixels, weightsOf(values, normalisationsIn([part]))) };
}

function weightsOf(values: NamedValues, normalisations: NormalisationShape[]): Weights {
  const offsets = new Map(normalisations.map(({ path, offset }) => [path, offset]));
  return {
    get(name) {
      const found = values.get(name);
      if (!found) throw new Error(`The trained model has no weight ${name}.`);
      return found;
    },
    offset: (path) => offsets.get(path) ?? 0,
  };
}

function applyLayers(
  { path, layers }: { path: string; layers: readonly Layer[] },
  x: Computation,
  weights: Weights,
): Computation {
  return layers.reduce((result, layer, index) => {
    const row = layerRows[layer.kind] as LayerRow<Layer["kind"]>;
    return row(layer, result, weights, `${path}.${index}`);
  }, x);
}

const branchesOf = (branches: Layer[][], x: Computation, weights: Weights, path: string): Computation[] =>
  branches.map((layers, index) => applyLayers({ path: `${path}.${index}`, layers }, x, weights));

function applyCell(cell: Cell, states: readonly Computation[], weights: Weights): Computation {
  const nodes = cell.preprocess.map((list, index) =>
    applyLayers(list, at(states, at(cell.inputStates, index)), weights),
  );
  const inputs = nodes.length;
  for (let node = inputs; node < inputs + cell.nodes; node++) {
    const incoming = cell.edges.flatMap(({ from, to, choices: [choice] }) =>
      to !== node || choice === undefined || choice.isNone
        ? []
        : [applyLayers(choice, at(nodes, from), weights)],
    );
    nodes.push(incoming.length === 0 ? zeros(at(nodes, 0), cell.stride) : sum(incoming));
  }
  return concat(cell.concat.map((node) => at(nodes, node)));
}

/** Into the convolutions that gave x, where it comes from them alone. */
function scaled(x: Computation, factor: readonly number[], summand: readonly number[]): Computation {
  if (x.op === "concat" && x.inputs.every(({ op }) => op === "conv")) {
    let first = 0;
    return concat(
      x.inputs.map((part) => {
        const end = first + part.shape.channels;
        const result = scaled(part, factor.slice(first, end), summand.slice(first, end));
        first = end;
        return result;
      }),
    );
  }
  if (x.op !== "conv") {
    const { shape } = x;
    return {
      op: "scale",
      inputs: [x],
      shape,
      factor: Float32Array.from(factor),
      summand: Float32Array.from(summand),
    };
  }
  const values = x.filter.values.map((value, index) => value * at(factor, index % factor.length));
  const bias = Float32Array.from(
    summand,
    (value, channel) => value + (x.bias ? at(x.bias, channel) * at(factor, channel) : 0),
  );
  return { ...x, filter: { shape: x.filter.shape, values }, bias };
}

/** Several edges start with the ReLU of one state. */
const relus = new WeakMap<Computation, Computation>();

function relu(x: Computation): Computation {
  const known = relus.get(x);
  if (known) return known;
  const result: Computation = { op: "relu", inputs: [x], shape: x.shape };
  relus.set(x, result);
  return result;
}

function pool(
  op: "maxPool" | "avgPool",
  x: Computation,
  { size, stride, padding }: { size: number; stride: number; padding: number },
): Computation {
  const shape = outputShape([{ kind: op, size, stride, padding }], x.shape);
  return { op, inputs: [x], shape, window: square(size, stride, padding) };
}

/** Zeros of the shape of x, of every `stride`-th row and column. */
function zeros(x: Computation, stride: number): Computation {
  const fewer = stride === 1 ? x : pool("maxPool", x, { size: 1, stride, padding: 0 });
  const none = new Float32Array(x.shape.channels);
  return { op: "scale", inputs: [fewer], shape: fewer.shape, factor: none, summand: none };
}

function concat(inputs: Computation[]): Computation {
  const first = at(inputs, 0);
  if (inputs.length === 1) return first;
  const channels = inputs.reduce((total, { shape }) => total + shape.channels, 0);
  return { op: "concat", inputs, shape: { ...first.shape, channels } };
}

function sum(inputs: Computation[]): Computation {
  const first = at(inputs, 0);
  return inputs.length === 1 ? first : { op: "sum", inputs, shape: first.shape };
}

const square = (size: number, stride: number, padding: number, dilation = 1): Window => ({
  size: [size, size],
  stride: [stride, stride],
  padding: [padding, padding],
  dilation: [dilation, dilation],
});

function at<T>(items: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`There is no item ${index} among ${items.length}.`);
  return item;
}
