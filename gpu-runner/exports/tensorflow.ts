/** A trained network as TensorFlow nodes, with its weights as constants: what `tfjs` and `saved-model` hold. */

import type { Shape } from "../../shared/layers.ts";
import { type Attribute, attribute, type DataType, type NodeDef } from "../graph/nodes.ts";
import { isSamePadding, padCorrection, type Window } from "../kernels/types.ts";
import { type Computation, isFlat, type Model, type Rows, write } from "./computation.ts";

export const INPUT = "pixels";
export const OUTPUT = "logits";

/** What is below every number that a layer gives: the padding of a max pool. */
const LOWEST = -3e38;

const { type, int, ints, string } = attribute;
const VALID = { padding: string("VALID"), data_format: string("NHWC") };
const SAME = { ...VALID, padding: string("SAME") };
const FLOAT = { T: type("float32") };
/** What tfjs takes no default for. */
const DENSE = { dilations: ints([1, 1, 1, 1]) };

class Nodes {
  readonly all: NodeDef[] = [];

  /** @returns the node's name */
  add(
    op: string,
    input: string[],
    attr: Record<string, Attribute>,
    name = `${op}_${this.all.length}`,
  ): string {
    this.all.push({ name, op, input, attr });
    return name;
  }

  constant(values: ArrayLike<number>, shape: readonly number[], dtype: DataType = "float32"): string {
    const array = dtype === "int32" ? Int32Array.from(values) : Float32Array.from(values);
    return this.add("Const", [], { dtype: type(dtype), value: attribute.tensor(array, shape) });
  }

  integers(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(values, shape, "int32");
  }

  /** Not with BiasAdd: TensorFlow 2.21 then stumbles over the sum of two convolutions, says so, and optimises less. */
  plus(x: string, values: Float32Array): string {
    return this.add("AddV2", [x, this.constant(values, [values.length])], FLOAT);
  }
}

const placeholder = (nodes: Nodes, { shape }: Computation): string =>
  nodes.add("Placeholder", [], { dtype: type("float32"), shape: attribute.shape(batchOf(shape)) }, INPUT);

const rows: Rows<Nodes> = {
  pixels: placeholder,
  features: placeholder,
  scale(nodes, { factor, summand }, [x]) {
    const scaled = nodes.add("Mul", [x, nodes.constant(factor, [factor.length])], FLOAT);
    return nodes.plus(scaled, summand);
  },
  relu: (nodes, _computation, [x]) => nodes.add("Relu", [x], FLOAT),
  offset(nodes, { shape: { height, width, channels } }, [x]) {
    const corner = [nodes.integers([0, 1, 1, 0]), nodes.integers([-1, height - 1, width - 1, channels])];
    const rest = nodes.add("Slice", [x, ...corner], { ...FLOAT, Index: type("int32") });
    return pad(nodes, rest, [0, 1], [0, 1]);
  },
  conv(nodes, { filter, bias, window, inputs: [input] }, [x]) {
    const [source, padding] = padded(nodes, x, shapeOf(input), window, 0);
    const attributes = { ...FLOAT, ...DENSE, ...padding, strides: ints([1, ...window.stride, 1]) };
    const y = nodes.add("Conv2D", [source, nodes.constant(filter.values, filter.shape)], attributes);
    return bias ? nodes.plus(y, bias) : y;
  },
  depthwiseConv(nodes, { filter, window, inputs: [input] }, [x]) {
    const weight = nodes.constant(filter.values, filter.shape);
    if (window.dilation[0] !== 1) return dilated(nodes, x, shapeOf(input), weight, window);
    const [source, padding] = padded(nodes, x, shapeOf(input), window, 0);
    return depthwise(nodes, source, weight, { ...padding, strides: ints([1, ...window.stride, 1]) });
  },
  maxPool: (nodes, { window, inputs: [input] }, [x]) =>
    pool(nodes, "MaxPool", x, shapeOf(input), window, LOWEST),
  avgPool(nodes, { window, inputs: [input] }, [x]) {
    const y = pool(nodes, "AvgPool", x, shapeOf(input), window, 0);
    const image = [1, ...batchOf(shapeOf(input)).slice(1)];
    if (isSamePadding(image, window) || window.padding.every((pixels) => pixels === 0)) return y;
    const { values, shape } = padCorrection(image, window);
    return nodes.add("Mul", [y, nodes.constant(values, shape)], FLOAT);
  },
  globalAvgPool: (nodes, _computation, [x]) =>
    nodes.add("Mean", [x, nodes.integers([1, 2])], {
      ...FLOAT,
      Tidx: type("int32"),
      keep_dims: attribute.bool(false),
    }),
  linear(nodes, { weight, bias }, [x]) {
    const attributes = { ...FLOAT, transpose_a: attribute.bool(false), transpose_b: attribute.bool(false) };
    return nodes.plus(
      nodes.add("MatMul", [x, nodes.constant(weight.values, weight.shape)], attributes),
      bias,
    );
  },
  concat: (nodes, _computation, inputs) =>
    nodes.add("ConcatV2", [...inputs, nodes.integers([3], [])], {
      ...FLOAT,
      N: int(inputs.length),
      Tidx: type("int32"),
    }),
  sum: (nodes, _computation, inputs) => nodes.add("AddN", inputs, { ...FLOAT, N: int(inputs.length) }),
};

/** The nodes in the order of their execution: from the placeholder `pixels` to `logits`. */
export function tensorflowNodes({ logits }: Model): NodeDef[] {
  const nodes = new Nodes();
  nodes.add("Identity", [write(logits, nodes, rows)], FLOAT, OUTPUT);
  return nodes.all;
}

/** The shape of any number of images. */
export const batchOf = ({ height, width, channels }: Shape): number[] => [-1, height, width, channels];

/** The shape of a result of any number of images. */
export const outputOf = (result: Computation): number[] =>
  isFlat(result) ? [-1, result.shape.channels] : batchOf(result.shape);

function shapeOf(input: Computation | undefined): Shape {
  if (input === undefined) throw new Error("A computation lacks its input.");
  return input.shape;
}

function pad(
  nodes: Nodes,
  x: string,
  rowPixels: readonly [number, number],
  columnPixels: readonly [number, number],
  value = 0,
): string {
  if ([...rowPixels, ...columnPixels].every((pixels) => pixels === 0)) return x;
  const paddings = nodes.integers([0, 0, ...rowPixels, ...columnPixels, 0, 0], [4, 2]);
  return nodes.add("PadV2", [x, paddings, nodes.constant([value], [])], {
    ...FLOAT,
    Tpaddings: type("int32"),
  });
}

/** The padded input, and the padding that is left to the operation itself. */
function padded(
  nodes: Nodes,
  x: string,
  shape: Shape,
  window: Window,
  value: number,
): [string, Record<string, Attribute>] {
  if (isSamePadding(batchOf(shape), window)) return [x, SAME];
  const [rowPixels, columnPixels] = window.padding;
  return [pad(nodes, x, [rowPixels, rowPixels], [columnPixels, columnPixels], value), VALID];
}

function pool(
  nodes: Nodes,
  op: "MaxPool" | "AvgPool",
  x: string,
  shape: Shape,
  window: Window,
  outside: number,
): string {
  const [source, padding] = padded(nodes, x, shape, window, outside);
  const ksize = ints([1, ...window.size, 1]);
  return nodes.add(op, [source], { ...FLOAT, ...padding, ksize, strides: ints([1, ...window.stride, 1]) });
}

const depthwise = (nodes: Nodes, x: string, filter: string, attr: Record<string, Attribute>): string =>
  nodes.add("DepthwiseConv2dNative", [x, filter], { ...FLOAT, ...DENSE, ...attr });

/**
 * As a dense convolution on rearranged pixels: TensorFlow has no dilated one on the CPU, and tfjs none that is strided
 * too.
 */
function dilated(
  nodes: Nodes,
  x: string,
  { height, width }: Shape,
  filter: string,
  { stride: [stride], dilation: [dilation], padding: [rowPixels, columnPixels] }: Window,
): string {
  const dense = { ...VALID, strides: ints([1, 1, 1, 1]) };
  if (stride === dilation) {
    const whole = pad(nodes, x, [rowPixels, rowPixels], [columnPixels, columnPixels]);
    const ksize = ints([1, 1, 1, 1]);
    const every = nodes.add("MaxPool", [whole], {
      ...FLOAT,
      ...VALID,
      ksize,
      strides: ints([1, stride, stride, 1]),
    });
    return depthwise(nodes, every, filter, dense);
  }
  if (stride !== 1) throw new Error("A dilated convolution's stride must be 1 or the dilation.");
  const block = nodes.integers([dilation, dilation]);
  const rest = (pixels: number) => (dilation - (pixels % dilation)) % dilation;
  const [extraRows, extraColumns] = [rest(height + 2 * rowPixels), rest(width + 2 * columnPixels)];
  const paddings = [rowPixels, rowPixels + extraRows, columnPixels, columnPixels + extraColumns];
  const types = { ...FLOAT, Tblock_shape: type("int32") };
  const blocks = nodes.add("SpaceToBatchND", [x, block, nodes.integers(paddings, [2, 2])], {
    ...types,
    Tpaddings: type("int32"),
  });
  const crops = nodes.integers([0, extraRows, 0, extraColumns], [2, 2]);
  return nodes.add("BatchToSpaceND", [depthwise(nodes, blocks, filter, dense), block, crops], {
    ...types,
    Tcrops: type("int32"),
  });
}
