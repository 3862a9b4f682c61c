/**
 * A trained network as a tfjs graph model: TensorFlow nodes as JSON and one file of weights. Loads with
 * `tf.loadGraphModel` in plain @tensorflow/tfjs on every backend. Batch normalisation is folded into a factor and
 * a summand per channel; the input's normalisation is part of the graph.
 */

import { outputShape, type Shape } from "../shared/layers.ts";
import type { Cell, Layer, Network } from "../shared/network.ts";
import { BATCH_NORM_EPSILON, isSamePadding, padCorrection, type Window } from "./kernels/types.ts";
import { type NamedValues, normalisationShapes } from "./weights.ts";

/** What is below every number that a layer gives: the padding of a max pool. */
const LOWEST = -3e38;

type Attribute = Record<string, unknown>;

interface GraphNode {
  name: string;
  op: string;
  input?: string[];
  attr: Record<string, Attribute>;
}

interface WeightEntry {
  name: string;
  shape: number[];
  dtype: "float32" | "int32";
}

export interface GraphModel {
  /** The content of model.json; it names `weights.bin`. */
  json: Record<string, unknown>;
  weights: Uint8Array;
}

const FLOAT = { type: "DT_FLOAT" };
const INT = { type: "DT_INT32" };
const integers = (values: readonly number[]): Attribute => ({ list: { i: values.map(String) } });
const text = (value: string): Attribute => ({ s: Buffer.from(value).toString("base64") });
const shapeAttribute = (shape: readonly number[]) => ({ dim: shape.map((size) => ({ size: String(size) })) });

/** A value in the graph: the node that gives it, and its shape for one image. */
interface Value {
  name: string;
  shape: Shape;
}

class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly entries: WeightEntry[] = [];
  readonly data: Uint8Array[] = [];
  readonly values: NamedValues;
  readonly #offsets: Map<string, number>;
  readonly #known = new Map<string, string>();

  constructor(network: Network, values: NamedValues) {
    this.values = values;
    this.#offsets = new Map(normalisationShapes(network).map(({ path, offset }) => [path, offset]));
    const { height, width, channels } = network.image;
    const shape = { shape: shapeAttribute([-1, height, width, channels]) };
    this.nodes.push({ name: "pixels", op: "Placeholder", attr: { dtype: FLOAT, shape } });
  }

  /** @returns the node's name */
  add(
    op: string,
    input: string[],
    attr: Record<string, Attribute>,
    name = `${op}_${this.nodes.length}`,
  ): string {
    this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } });
    return name;
  }

  constant(values: ArrayLike<number>, shape: number[], dtype: "float32" | "int32" = "float32"): string {
    const array = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
    // Axes, paddings and the like repeat; weights do not.
    const key = array.length <= 16 ? `${dtype} ${shape} ${array}` : undefined;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const name = `const_${this.entries.length}`;
    const type = dtype === "int32" ? INT : FLOAT;
    const tensor = { dtype: type.type, tensorShape: shapeAttribute(shape) };
    this.nodes.push({ name, op: "Const", attr: { dtype: type, value: { tensor } } });
    this.entries.push({ name, shape, dtype });
    this.data.push(new Uint8Array(array.buffer));
    if (key !== undefined) this.#known.set(key, name);
    return name;
  }

  weight(name: string): { shape: number[]; values: Float32Array } {
    const found = this.values.get(name);
    if (!found) throw new Error(`The trained model has no weight ${name}.`);
    return found;
  }

  /** Batch normalisation as x * factor + summand, per channel. */
  folded(
    layer: Extract<Layer, { kind: "batchNorm" }>,
    path: string,
  ): { factor: Float32Array; summand: Float32Array } {
    const offset = this.#offsets.get(path) ?? 0;
    const of = (name: string, index: number) => this.weight(name).values[index] as number;
    const factor = new Float32Array(layer.channels);
    const summand = new Float32Array(layer.channels);
    for (let channel = 0; channel < layer.channels; channel++) {
      const scale = layer.affine ? of(`${path}.scale`, channel) : 1;
      const shift = layer.affine ? of(`${path}.shift`, channel) : 0;
      factor[channel] = scale / Math.sqrt(of("moving/variance", offset + channel) + BATCH_NORM_EPSILON);
      summand[channel] = shift - of("moving/mean", offset + channel) * (factor[channel] as number);
    }
    return { factor, summand };
  }

  perChannel(op: "Mul" | "AddV2", x: string, values: ArrayLike<number>): string {
    return this.add(op, [x, this.constant(values, [values.length])], {});
  }
}

type Row<K extends Layer["kind"]> = (
  graph: GraphBuilder,
  layer: Extract<Layer, { kind: K }>,
  x: Value,
  path: string,
) => string;

/** How each kind of layer is written. */
const rows: { [K in Layer["kind"]]: Row<K> } = {
  relu: (graph, _layer, x) => graph.add("Relu", [x.name], {}),
  identity: (_graph, _layer, x) => x.name,
  zero: (graph, { stride }, x) => graph.perChannel("Mul", subsample(graph, x.name, stride), [0]),
  offset(graph, _layer, x) {
    const begin = graph.constant([0, 1, 1, 0], [4], "int32");
    const size = graph.constant([-1, x.shape.height - 1, x.shape.width - 1, x.shape.channels], [4], "int32");
    const rest = graph.add("Slice", [x.name, begin, size], { Index: INT });
    return pad(graph, rest, [0, 1], [0, 1]);
  },
  conv(graph, layer, x, path) {
    const { shape, values } = graph.weight(`${path}.weight`);
    const window = {
      size: layer.kernel,
      stride: layer.stride,
      dilation: [1, 1],
      padding: layer.padding,
    } as const;
    const y = convolve(graph, "Conv2D", x, graph.constant(values, shape), window);
    return layer.bias ? graph.perChannel("AddV2", y, graph.weight(`${path}.bias`).values) : y;
  },
  depthwiseConv(graph, layer, x, path) {
    const { shape, values } = graph.weight(`${path}.weight`);
    const filter = graph.constant(values, shape);
    const window = square(layer.kernel, layer.stride, layer.padding, layer.dilation);
    if (layer.stride === 1 || layer.dilation === 1)
      return convolve(graph, "DepthwiseConv2dNative", x, filter, window);
    // tfjs has no kernel that is strided and dilated; where both are equal it is a dense one on every other pixel.
    if (layer.stride !== layer.dilation)
      throw new Error("A dilated convolution's stride must be 1 or the dilation.");
    const padded = pad(graph, x.name, [layer.padding, layer.padding], [layer.padding, layer.padding]);
    const attributes = { strides: integers([1, 1, 1, 1]), dilations: integers([1, 1, 1, 1]), ...VALID };
    return graph.add("DepthwiseConv2dNative", [subsample(graph, padded, layer.stride), filter], attributes);
  },
  batchNorm(graph, layer, x, path) {
    const { factor, summand } = graph.folded(layer, path);
    return graph.perChannel("AddV2", graph.perChannel("Mul", x.name, factor), summand);
  },
  maxPool(graph, layer, x) {
    const window = square(layer.size, layer.stride, layer.padding);
    return pool(graph, "MaxPool", x, window, LOWEST);
  },
  avgPool(graph, layer, x) {
    const window = square(layer.size, layer.stride, layer.padding);
    const y = pool(graph, "AvgPool", x, window, 0);
    const image = imageShape(x.shape);
    if (isSamePadding(image, window) || layer.padding === 0) return y;
    const { values, shape } = padCorrection(image, window);
    return graph.add("Mul", [y, graph.constant(values, shape)], {});
  },
  globalAvgPool: (graph, _layer, x) =>
    graph.add("Mean", [x.name, graph.constant([1, 2], [2], "int32")], { Tidx: INT, keep_dims: { b: false } }),
  linear(graph, _layer, x, path) {
    const { shape, values } = graph.weight(`${path}.weight`);
    const attributes = { transpose_a: { b: false }, transpose_b: { b: false } };
    const y = graph.add("MatMul", [x.name, graph.constant(values, shape)], attributes);
    return graph.perChannel("AddV2", y, graph.weight(`${path}.bias`).values);
  },
  concat: (graph, { branches }, x, path) =>
    concat(
      graph,
      branches.map((layers, index) => writeLayers(graph, layers, x, `${path}.${index}`).name),
    ),
  sum: (graph, { branches }, x, path) =>
    sum(
      graph,
      branches.map((layers, index) => writeLayers(graph, layers, x, `${path}.${index}`).name),
    ),
};

const VALID = { padding: text("VALID"), data_format: text("NHWC") };
const SAME = { ...VALID, padding: text("SAME") };

const imageShape = ({ height, width, channels }: Shape): number[] => [1, height, width, channels];

function square(size: number, stride: number, padding: number, dilation = 1): Window {
  return {
    size: [size, size],
    stride: [stride, stride],
    padding: [padding, padding],
    dilation: [dilation, dilation],
  };
}

function pad(
  graph: GraphBuilder,
  x: string,
  rowPixels: readonly [number, number],
  columnPixels: readonly [number, number],
  value = 0,
): string {
  if ([...rowPixels, ...columnPixels].every((pixels) => pixels === 0)) return x;
  const paddings = graph.constant([0, 0, ...rowPixels, ...columnPixels, 0, 0], [4, 2], "int32");
  return graph.add("PadV2", [x, paddings, graph.constant([value], [])], { Tpaddings: INT });
}

/** The padded input and the padding that is left for the operation itself. */
function padded(
  graph: GraphBuilder,
  x: Value,
  window: Window,
  value: number,
): [string, Record<string, Attribute>] {
  if (isSamePadding(imageShape(x.shape), window)) return [x.name, SAME];
  const [rowPixels, columnPixels] = window.padding;
  return [pad(graph, x.name, [rowPixels, rowPixels], [columnPixels, columnPixels], value), VALID];
}

function convolve(graph: GraphBuilder, op: string, x: Value, filter: string, window: Window): string {
  const [input, padding] = padded(graph, x, window, 0);
  const strides = integers([1, ...window.stride, 1]);
  return graph.add(op, [input, filter], {
    strides,
    dilations: integers([1, ...window.dilation, 1]),
    ...padding,
  });
}

function pool(
  graph: GraphBuilder,
  op: "MaxPool" | "AvgPool",
  x: Value,
  window: Window,
  outside: number,
): string {
  const [input, padding] = padded(graph, x, window, outside);
  const ksize = integers([1, ...window.size, 1]);
  return graph.add(op, [input], { ksize, strides: integers([1, ...window.stride, 1]), ...padding });
}

/** Every `stride`-th pixel. */
function subsample(graph: GraphBuilder, x: string, stride: number): string {
  if (stride === 1) return x;
  return graph.add("MaxPool", [x], {
    ksize: integers([1, 1, 1, 1]),
    strides: integers([1, stride, stride, 1]),
    ...VALID,
  });
}

function concat(graph: GraphBuilder, parts: string[]): string {
  if (parts.length === 1) return parts[0] as string;
  const axis = graph.constant([3], [], "int32");
  return graph.add("ConcatV2", [...parts, axis], { N: { i: String(parts.length) }, Tidx: INT });
}

const sum = (graph: GraphBuilder, parts: string[]): string =>
  parts.reduce((total, part) => graph.add("AddV2", [total, part], {}));

function writeLayers(graph: GraphBuilder, layers: readonly Layer[], x: Value, path: string): Value {
  return layers.reduce((value, layer, index) => {
    const name = (rows[layer.kind] as Row<Layer["kind"]>)(graph, layer, value, `${path}.${index}`);
    return { name, shape: outputShape([layer], value.shape) };
  }, x);
}

function writeCell(graph: GraphBuilder, cell: Cell, states: readonly Value[]): Value {
  const nodes = cell.preprocess.map(({ layers, path }, index) =>
    writeLayers(graph, layers, states[cell.inputStates[index] as number] as Value, path),
  );
  const inputs = nodes.length;
  for (let node = inputs; node < inputs + cell.nodes; node++) {
    const incoming = cell.edges.flatMap((edge) => {
      const [choice] = edge.choices;
      if (edge.to !== node || choice === undefined || choice.isNone) return [];
      return [writeLayers(graph, choice.layers, nodes[edge.from] as Value, choice.path)];
    });
    const [first] = incoming;
    if (first === undefined)
      nodes.push(writeLayers(graph, [{ kind: "zero", stride: cell.stride }], nodes[0] as Value, cell.path));
    else
      nodes.push({
        name: sum(
          graph,
          incoming.map(({ name }) => name),
        ),
        shape: first.shape,
      });
  }
  const leaving = cell.concat.map((node) => nodes[node] as Value);
  const channels = leaving.reduce((total, { shape }) => total + shape.channels, 0);
  return {
    name: concat(
      graph,
      leaving.map(({ name }) => name),
    ),
    shape: { ...(leaving[0] as Value).shape, channels },
  };
}

/**
 * @param network derived: one choice on each edge; the auxiliary classifier is left out
 * @param values weights and moving statistics by name
 * @param normalisation of pixels divided by 255, by channel
 */
export function graphModel(
  network: Network,
  values: NamedValues,
  normalisation: { mean: readonly number[]; std: readonly number[] },
): GraphModel {
  const graph = new GraphBuilder(network, values);
  const { mean, std } = normalisation;
  const scaled = graph.perChannel(
    "Mul",
    "pixels",
    std.map((deviation) => 1 / (255 * deviation)),
  );
  const image = graph.perChannel(
    "AddV2",
    scaled,
    mean.map((value, channel) => -value / (std[channel] as number)),
  );

  const states: Value[] = [];
  let x: Value = { name: image, shape: network.image };
  for (const stem of network.stems) {
    x = writeLayers(graph, stem.layers, x, stem.path);
    if (stem.isState) states.push(x);
  }
  for (const cell of network.cells) states.push(writeCell(graph, cell, states));
  const { name } = writeLayers(graph, network.head.layers, states.at(-1) as Value, network.head.path);
  graph.add("Identity", [name], {}, "logits");
  return { json: modelJson(network, graph), weights: Buffer.concat(graph.data) };
}

function modelJson(network: Network, graph: GraphBuilder): Record<string, unknown> {
  const { height, width, channels } = network.image;
  const port = (name: string, shape: number[]) => ({
    [name]: { name: `${name}:0`, dtype: "DT_FLOAT", tensorShape: shapeAttribute(shape) },
  });
  return {
    format: "graph-model",
    generatedBy: "nasturtium",
    convertedBy: null,
    signature: {
      inputs: port("pixels", [-1, height, width, channels]),
      outputs: port("logits", [-1, network.classes]),
    },
    modelTopology: { node: graph.nodes, library: {}, versions: { producer: 1 } },
    weightsManifest: [{ paths: ["weights.bin"], weights: graph.entries }],
  };
}
