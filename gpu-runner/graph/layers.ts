/**
 * The primitive layers as nodes of a TensorFlow graph: one row per kind that writes the forward nodes and returns
 * how to write the backward ones. Images are NHWC. The formulas are those of `kernels/native.ts`.
 */

import { outputShape, type Shape } from "../../shared/layers.ts";
import type { Layer } from "../../shared/network.ts";
import {
  BATCH_NORM_EPSILON,
  isSamePadding,
  outputLength,
  padCorrection,
  type Window,
} from "../kernels/types.ts";
import type { Body, Typed, Value } from "./body.ts";
import { type Attribute, attribute } from "./nodes.ts";

/** How batch normalisation works: with the batch's statistics, or with those that are given. */
export type Statistics = "batch" | "moving";

/** What the rows need to know of where they write. */
export interface Scope {
  body: Body;
  /** Images of a batch; backward nodes need it. */
  batch: number;
  /** Whether TensorFlow's oneDNN kernels are there. */
  hasOneDnn: boolean;
  statistics: Statistics;
  weight(name: string): Value;
  /** Mean and variance of a batch normalisation, where they are given. */
  moving(path: string): [mean: Value, variance: Value];
  /** Tells of the statistics of the batch. */
  observe(path: string, mean: Value, variance: Value): void;
}

/** Where backward nodes are written. */
export interface BackwardScope extends Scope {
  gradient(name: string, value: Value): void;
}

export interface Written {
  y: Value;
  /** What the backward nodes read, apart from weights and the layer's input. */
  saved: Typed[];
  /** Whether the backward nodes read the layer's input. */
  readsInput: boolean;
  /** Whether the backward nodes read y. */
  readsOutput?: boolean;
  /** Computes y from the input again, which costs little against keeping it. */
  again?: (scope: Scope, x: Value) => Value;
  /**
   * Writes the backward nodes.
   *
   * @param x the layer's input and `y` its output, where they are read, and `saved` what was saved, as the scope
   *   refers to them
   * @returns the gradient of the input; undefined where there is none, or `needsInput` is false
   */
  backward(
    scope: BackwardScope,
    dy: Value,
    x: Value,
    saved: readonly Value[],
    needsInput: boolean,
    y: Value,
  ): Value | undefined;
}

interface Input {
  value: Value;
  shape: Shape;
  /** ReLU of the input, where it has already been computed. */
  relu?: Value | undefined;
}

type Row<K extends Layer["kind"]> = (
  scope: Scope,
  layer: Extract<Layer, { kind: K }>,
  x: Input,
  path: string,
) => Written;

const FLOAT = attribute.type("float32");
const INT = attribute.type("int32");
const T = { T: FLOAT };
const NHWC = { data_format: attribute.string("NHWC") };

/** Operations with a oneDNN kernel that works on plain tensors. In functions TensorFlow does not put them in by itself. */
function kernel(
  { body, hasOneDnn }: Scope,
  outputs: number,
  op: string,
  input: readonly Value[],
  attr: Record<string, Attribute>,
): Value[] {
  if (!hasOneDnn) return body.outputs(outputs, op, input, attr);
  const label = { _kernel: attribute.string("MklNameChangeOp") };
  return body.outputs(outputs, `_MklNative${op}`, input, { ...attr, ...label });
}

const dims = ({ height, width, channels }: Shape, batch: number): number[] => [
  batch,
  height,
  width,
  channels,
];

const square = (size: number, stride: number, padding: number, dilation = 1): Window => ({
  size: [size, size],
  stride: [stride, stride],
  padding: [padding, padding],
  dilation: [dilation, dilation],
});

/** Attributes of a window whose padding is none or TensorFlow's "SAME". */
function windowAttributes(shape: Shape, window: Window): Record<string, Attribute> {
  const base = { ...T, ...NHWC, strides: attribute.ints([1, ...window.stride, 1]) };
  return { ...base, padding: attribute.string(isSamePadding(dims(shape, 1), window) ? "SAME" : "VALID") };
}

const passing = (y: Value): Written => ({ y, saved: [], readsInput: false, backward: (_scope, dy) => dy });

/** A rearrangement of pixels and its transpose. */
interface Rearrangement {
  shape: Shape;
  /** Images of a rearranged batch for one of the original. */
  imagesPerImage: number;
  window: Window;
  enter(scope: Scope, x: Value): Value;
  enterBackwards(scope: Scope, dx: Value): Value;
  leave(scope: Scope, y: Value): Value;
  leaveBackwards(scope: Scope, dy: Value): Value;
}

/**
 * An image with the border that a window needs where that is not what TensorFlow's "SAME" adds: oneDNN's kernels know
 * no other. What no window reaches is not added.
 *
 * @param outside value of the border
 */
function bordered(shape: Shape, window: Window, outside: number): Rearrangement {
  const same = (_scope: Scope, value: Value): Value => value;
  const [top, left] = window.padding;
  const inner = { shape, imagesPerImage: 1, window, leave: same, leaveBackwards: same };
  if ((top === 0 && left === 0) || isSamePadding(dims(shape, 1), window)) {
    return { ...inner, enter: same, enterBackwards: same };
  }
  const { height, width, channels } = shape;
  const [bottom, right] = ([0, 1] as const).map((axis) => {
    const length = axis === 0 ? height : width;
    const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
    const end = (outputLength(length, window, axis) - 1) * window.stride[axis] + reach;
    return Math.max(0, end - length - window.padding[axis]);
  }) as [number, number];
  const paddings = [0, 0, top, bottom, left, right, 0, 0];
  return {
    ...inner,
    shape: { height: height + top + bottom, width: width + left + right, channels },
    window: { ...window, padding: [0, 0] },
    enter: ({ body }, x) =>
      body.add("PadV2", [x, body.ints(paddings, [4, 2]), body.floats([outside])], { ...T, Tpaddings: INT }),
    enterBackwards: ({ body }, dx) =>
      body.add("Slice", [dx, body.ints([0, top, left, 0]), body.ints([-1, height, width, channels])], {
        ...T,
        Index: INT,
      }),
  };
}

/** One rearrangement, then a second one. */
function both(first: Rearrangement, second: Rearrangement): Rearrangement {
  return {
    shape: second.shape,
    imagesPerImage: first.imagesPerImage * second.imagesPerImage,
    window: second.window,
    enter: (scope, x) => second.enter(scope, first.enter(scope, x)),
    enterBackwards: (scope, dx) => first.enterBackwards(scope, second.enterBackwards(scope, dx)),
    leave: (scope, y) => first.leave(scope, second.leave(scope, y)),
    leaveBackwards: (scope, dy) => second.leaveBackwards(scope, first.leaveBackwards(scope, dy)),
  };
}

const rows: { [K in Layer["kind"]]: Row<K> } = {
  relu: ({ body }, _layer, x) => ({
    y: x.relu ?? body.add("Relu", [x.value]),
    saved: [],
    readsInput: false,
    readsOutput: true,
    again: (there, xThere) => there.body.add("Relu", [xThere]),
    backward: (there, dy, _x, _saved, _needsInput, y) => there.body.add("ReluGrad", [dy, y]),
  }),
  identity: (_scope, _layer, x) => passing(x.value),
  zero(scope, { stride }, x) {
    const y = scope.body.add("ZerosLike", [subsample(scope, x.value, stride)]);
    return { y, saved: [], readsInput: false, backward: () => undefined };
  },
  offset({ body }, _layer, x) {
    const { height, width, channels } = x.shape;
    const size = [-1, height - 1, width - 1, channels];
    const slice = { ...T, Index: INT };
    const rest = body.add("Slice", [x.value, body.ints([0, 1, 1, 0]), body.ints(size)], slice);
    const padded = { ...T, Tpaddings: INT };
    return {
      y: body.add("Pad", [rest, body.ints([0, 0, 0, 1, 0, 1, 0, 0], [4, 2])], padded),
      saved: [],
      readsInput: false,
      backward({ body: there }, dy) {
        const part = there.add("Slice", [dy, there.ints([0, 0, 0, 0]), there.ints(size)], slice);
        return there.add("Pad", [part, there.ints([0, 0, 1, 0, 1, 0, 0, 0], [4, 2])], padded);
      },
    };
  },
  conv(scope, layer, x, path) {
    const name = `${path}.weight`;
    const [height, width] = layer.kernel;
    const stride = layer.stride[0];
    // Pixels that are skipped are taken out first: TensorFlow's filter gradient writes beyond its memory for a
    // strided 1x1 convolution on one image.
    const isSubsampling = height * width === 1 && stride > 1 && stride === layer.stride[1];
    const plain = isSubsampling
      ? everyPixelOf(x.shape, stride, square(1, 1, 0))
      : bordered(
          x.shape,
          { size: layer.kernel, stride: layer.stride, padding: layer.padding, dilation: [1, 1] },
          0,
        );
    const attributes = windowAttributes(plain.shape, plain.window);
    const input = plain.enter(scope, x.value);
    const filterShape = [height, width, layer.inputs, layer.outputs];
    let y = kernel(scope, 1, "Conv2D", [input, scope.weight(name)], attributes)[0] as Value;
    if (layer.bias) y = scope.body.add("BiasAdd", [y, scope.weight(`${path}.bias`)], { ...T, ...NHWC });
    return {
      y,
      saved: [],
      readsInput: true,
      backward(there, dy, xThere, _saved, needsInput) {
        const { body, batch } = there;
        if (layer.bias) there.gradient(`${path}.bias`, body.add("BiasAddGrad", [dy], { ...T, ...NHWC }));
        const inputs = [plain.enter(there, xThere), body.ints(filterShape), dy];
        there.gradient(name, kernel(there, 1, "Conv2DBackpropFilter", inputs, attributes)[0] as Value);
        if (!needsInput) return undefined;
        const sizes = body.ints(dims(plain.shape, batch));
        const dx = kernel(
          there,
          1,
          "Conv2DBackpropInput",
          [sizes, there.weight(name), dy],
          attributes,
        )[0] as Value;
        return plain.enterBackwards(there, dx);
      },
    };
  },
  depthwiseConv(scope, layer, x, path) {
    const name = `${path}.weight`;
    const window = square(layer.kernel, layer.stride, layer.padding, layer.dilation);
    const dense = undilated(x.shape, window);
    const plain = both(dense, bordered(dense.shape, dense.window, 0));
    const attributes = windowAttributes(plain.shape, plain.window);
    const entered = plain.enter(scope, x.value);
    const filterShape = [layer.kernel, layer.kernel, layer.channels, 1];
    const convolved = (place: Scope, input: Value): Value =>
      plain.leave(
        place,
        kernel(place, 1, "DepthwiseConv2dNative", [input, place.weight(name)], attributes)[0] as Value,
      );
    return {
      y: convolved(scope, entered),
      again: (there, xThere) => convolved(there, plain.enter(there, xThere)),
      saved: [],
      readsInput: true,
      backward(there, dy, xThere, _saved, needsInput) {
        const { body, batch } = there;
        const left = plain.leaveBackwards(there, dy);
        const filterGradient = kernel(
          there,
          1,
          "DepthwiseConv2dNativeBackpropFilter",
          [plain.enter(there, xThere), body.ints(filterShape), left],
          attributes,
        )[0] as Value;
        there.gradient(name, filterGradient);
        if (!needsInput) return undefined;
        const sizes = body.ints(dims(plain.shape, batch * plain.imagesPerImage));
        const inputs = [sizes, there.weight(name), left];
        const dx = kernel(there, 1, "DepthwiseConv2dNativeBackpropInput", inputs, attributes)[0] as Value;
        return plain.enterBackwards(there, dx);
      },
    };
  },
  batchNorm(scope, { channels, affine }, x, path) {
    const { statistics } = scope;
    const attributes = {
      ...T,
      ...NHWC,
      U: FLOAT,
      epsilon: attribute.float(BATCH_NORM_EPSILON),
      is_training: attribute.bool(statistics === "batch"),
    };
    const scale = (place: Scope): Value =>
      affine ? place.weight(`${path}.scale`) : place.body.floats(Array<number>(channels).fill(1), [channels]);
    const normalised = (place: Scope, input: Value): Value[] => {
      const shift = affine
        ? place.weight(`${path}.shift`)
        : place.body.floats(Array<number>(channels).fill(0), [channels]);
      const none = place.body.floats([], [0]);
      const given = statistics === "moving" ? place.moving(path) : [none, none];
      const factor = scope.hasOneDnn ? { exponential_avg_factor: attribute.float(1) } : {};
      const inputs = [input, scale(place), shift, ...given];
      return kernel(place, 6, "FusedBatchNormV3", inputs, { ...attributes, ...factor });
    };
    const [y, mean, variance, ...reserves] = normalised(scope, x.value) as [Value, Value, Value, ...Value[]];
    scope.observe(path, mean, variance);
    return {
      y,
      saved: reserves.map((value) => ({ value, type: "float32" })),
      readsInput: true,
      again: (there, xThere) => normalised(there, xThere)[0] as Value,
      backward(there, dy, xThere, saved) {
        const inputs = [dy, xThere, scale(there), ...saved];
        const [dx, dScale, dShift] = kernel(there, 3, "FusedBatchNormGradV3", inputs, attributes);
        if (affine) {
          there.gradient(`${path}.scale`, dScale as Value);
          there.gradient(`${path}.shift`, dShift as Value);
        }
        return dx;
      },
    };
  },
  maxPool(scope, layer, x) {
    const window = square(layer.size, layer.stride, layer.padding);
    const plain = bordered(x.shape, window, Number.NEGATIVE_INFINITY);
    const attributes = {
      ...windowAttributes(plain.shape, plain.window),
      ksize: attribute.ints([1, layer.size, layer.size, 1]),
      // oneDNN remembers where each largest number was; TensorFlow's own backward kernel looks for it again, slowly.
      ...(scope.hasOneDnn ? { workspace_enabled: attribute.bool(true) } : {}),
    };
    const input = plain.enter(scope, x.value);
    const [y, workspace] = kernel(scope, scope.hasOneDnn ? 2 : 1, "MaxPool", [input], attributes);
    const saved: Typed[] = [{ value: y as Value, type: "float32" }];
    if (workspace !== undefined) saved.push({ value: workspace, type: "uint8" });
    return {
      y: y as Value,
      saved,
      readsInput: true,
      backward(there, dy, xThere, [output, ...rest]) {
        const inputs = [plain.enter(there, xThere), output as Value, dy, ...rest];
        const dx = kernel(there, 1, "MaxPoolGrad", inputs, attributes)[0] as Value;
        return plain.enterBackwards(there, dx);
      },
    };
  },
  avgPool(scope, layer, x) {
    const window = square(layer.size, layer.stride, layer.padding);
    const plain = bordered(x.shape, window, 0);
    const attributes = {
      ...windowAttributes(plain.shape, plain.window),
      ksize: attribute.ints([1, layer.size, layer.size, 1]),
    };
    const input = plain.enter(scope, x.value);
    const sum = kernel(scope, 1, "AvgPool", [input], attributes)[0] as Value;
    // A border of our own is counted in the average, one of TensorFlow's is not.
    const counted = (place: Scope, value: Value): Value => {
      if (input === x.value) return value;
      const { values, shape } = padCorrection(dims(x.shape, 1), window);
      return place.body.add("Mul", [value, place.body.floats(values, shape)]);
    };
    return {
      y: counted(scope, sum),
      saved: [],
      readsInput: false,
      backward(there, dy) {
        const inputs = [there.body.ints(dims(plain.shape, there.batch)), counted(there, dy)];
        return plain.enterBackwards(there, kernel(there, 1, "AvgPoolGrad", inputs, attributes)[0] as Value);
      },
    };
  },
  globalAvgPool({ body }, _layer, x) {
    const { height, width, channels } = x.shape;
    return {
      y: body.add("Mean", [x.value, body.ints([1, 2])], {
        ...T,
        Tidx: INT,
        keep_dims: attribute.bool(false),
      }),
      saved: [],
      readsInput: false,
      backward({ body: there, batch }, dy) {
        const pixel = there.add("Mul", [dy, there.floats([1 / (height * width)])]);
        const image = there.add("Reshape", [pixel, there.ints([batch, 1, 1, channels])], {
          ...T,
          Tshape: INT,
        });
        return there.add("BroadcastTo", [image, there.ints(dims(x.shape, batch))], { ...T, Tidx: INT });
      },
    };
  },
  linear(scope, _layer, x, path) {
    const product = (place: Scope, a: Value, b: Value, transpose: "a" | "b" | "") =>
      place.body.add("MatMul", [a, b], {
        ...T,
        transpose_a: attribute.bool(transpose === "a"),
        transpose_b: attribute.bool(transpose === "b"),
      });
    const y = product(scope, x.value, scope.weight(`${path}.weight`), "");
    return {
      y: scope.body.add("BiasAdd", [y, scope.weight(`${path}.bias`)], { ...T, ...NHWC }),
      saved: [],
      readsInput: true,
      backward(there, dy, xThere, _saved, needsInput) {
        there.gradient(`${path}.bias`, there.body.add("BiasAddGrad", [dy], { ...T, ...NHWC }));
        there.gradient(`${path}.weight`, product(there, xThere, dy, "a"));
        return needsInput ? product(there, dy, there.weight(`${path}.weight`), "b") : undefined;
      },
    };
  },
  concat(scope, { branches }, x, path) {
    const written = branches.map((layers, index) => writeLayers(scope, layers, x, `${path}.${index}`));
    const sizes = branches.map((layers) => outputShape(layers, x.shape).channels);
    return {
      y: concatenated(
        scope.body,
        written.map(({ y }) => y),
      ),
      saved: written.flatMap(({ saved }) => saved),
      readsInput: written.some(({ readsInput }) => readsInput),
      backward(there, dy, xThere, saved, needsInput) {
        const parts = split(there.body, dy, sizes, 3);
        return branchesBackwards(written, there, parts, xThere, saved, needsInput);
      },
    };
  },
  sum(scope, { branches }, x, path) {
    const written = branches.map((layers, index) => writeLayers(scope, layers, x, `${path}.${index}`));
    return {
      y: total(
        scope.body,
        written.map(({ y }) => y),
      ),
      saved: written.flatMap(({ saved }) => saved),
      readsInput: written.some(({ readsInput }) => readsInput),
      backward: (there, dy, xThere, saved, needsInput) =>
        branchesBackwards(
          written,
          there,
          written.map(() => dy),
          xThere,
          saved,
          needsInput,
        ),
    };
  },
};

function branchesBackwards(
  written: readonly Written[],
  scope: BackwardScope,
  dys: readonly Value[],
  x: Value,
  saved: readonly Value[],
  needsInput: boolean,
): Value | undefined {
  let first = 0;
  const parts = written.flatMap(({ saved: own, backward }, index) => {
    const mine = saved.slice(first, first + own.length);
    first += own.length;
    return backward(scope, dys[index] as Value, x, mine, needsInput, "") ?? [];
  });
  return parts.length > 0 ? total(scope.body, parts) : undefined;
}

/** Layers one after the other, as one. */
export function writeLayers(scope: Scope, layers: readonly Layer[], x: Input, path: string): Written {
  const steps: Written[] = [];
  let input = x;
  for (const [index, layer] of layers.entries()) {
    const step = (rows[layer.kind] as Row<Layer["kind"]>)(scope, layer, input, `${path}.${index}`);
    steps.push(step);
    input = { value: step.y, shape: outputShape([layer], input.shape) };
  }
  const isComputedAgain = (index: number): boolean => {
    const step = steps[index];
    return step?.again !== undefined && (step.readsInput || isComputedAgain(index - 1));
  };
  // What backward nodes read is saved, once, unless it is computed again.
  const saved = steps.flatMap((step, index) => {
    const isRead = (step.readsOutput || steps[index + 1]?.readsInput) && !isComputedAgain(index);
    const output: Typed[] = isRead ? [{ value: step.y, type: "float32" }] : [];
    return [...step.saved, ...output];
  });
  const unique = [...new Map(saved.map((entry) => [entry.value, entry])).values()].filter(
    ({ value }) => value !== x.value,
  );
  return {
    y: input.value,
    saved: unique,
    readsInput: steps.some((step, index) => step.readsInput && (steps[index - 1]?.y ?? x.value) === x.value),
    backward(there, dy, xThere, savedThere, needsInput) {
      const known = new Map(unique.map(({ value }, index) => [value, savedThere[index] as Value]));
      known.set(x.value, xThere);
      const find = (value: Value): Value => known.get(value) as Value;
      const outputOf = (index: number): Value => {
        if (index < 0) return xThere;
        const { y, again } = steps[index] as Written;
        if (!known.has(y) && again) known.set(y, again(there, outputOf(index - 1)));
        return find(y);
      };
      let gradient: Value | undefined = dy;
      for (let index = steps.length - 1; index >= 0 && gradient !== undefined; index--) {
        const step = steps[index] as Written;
        const before = step.readsInput ? outputOf(index - 1) : xThere;
        const mine = step.saved.map(({ value }) => find(value));
        const output = step.readsOutput ? outputOf(index) : step.y;
        gradient = step.backward(there, gradient, before, mine, needsInput || index > 0, output);
      }
      return gradient;
    },
  };
}

/** Whether the layers begin with the ReLU of their input. */
export function startsWithRelu([first]: readonly Layer[]): boolean {
  if (first?.kind === "concat" || first?.kind === "sum") return first.branches.some(startsWithRelu);
  return first?.kind === "relu";
}

/**
 * The sum of values of one shape, from the first to the last. Not by AddN, which begins with whichever value nobody
 * else still reads, so that the last bits depend on timing.
 */
export function total(body: Body, parts: readonly Value[]): Value {
  const [first, ...rest] = parts;
  return rest.reduce<Value>((sum, part) => body.add("AddV2", [sum, part]), first as Value);
}

/** Values side by side along the last of four axes. */
export function concatenated(body: Body, parts: readonly Value[], axis = 3): Value {
  if (parts.length === 1) return parts[0] as Value;
  return body.add("ConcatV2", [...parts, body.ints([axis], [])], {
    ...T,
    Tidx: INT,
    N: attribute.int(parts.length),
  });
}

export function split(body: Body, x: Value, sizes: readonly number[], axis: number): Value[] {
  if (sizes.length === 1) return [x];
  const inputs = [x, body.ints(sizes), body.ints([axis], [])];
  return body.outputs(sizes.length, "SplitV", inputs, {
    ...T,
    Tlen: INT,
    num_split: attribute.int(sizes.length),
  });
}

const subsampled = ({ height, width, channels }: Shape, stride: number): Shape => ({
  height: Math.ceil(height / stride),
  width: Math.ceil(width / stride),
  channels,
});

/** Pools of one pixel: TensorFlow's strided slices of images take twenty times as long. */
const pixelAttributes = (stride: number): Record<string, Attribute> => ({
  ...T,
  ...NHWC,
  ksize: attribute.ints([1, 1, 1, 1]),
  strides: attribute.ints([1, stride, stride, 1]),
  padding: attribute.string("VALID"),
});

/** Every `stride`-th pixel. */
function subsample(scope: Scope, x: Value, stride: number): Value {
  return stride === 1 ? x : (kernel(scope, 1, "AvgPool", [x], pixelAttributes(stride))[0] as Value);
}

/** The transpose of `subsample`. */
function spread(scope: Scope, dx: Value, shape: Shape, stride: number): Value {
  const size = scope.body.ints(dims(shape, scope.batch));
  return kernel(scope, 1, "AvgPoolGrad", [size, dx], pixelAttributes(stride))[0] as Value;
}

/** A window on every `stride`-th pixel. */
function everyPixelOf(shape: Shape, stride: number, window: Window): Rearrangement {
  const same = (_scope: Scope, value: Value): Value => value;
  return {
    shape: subsampled(shape, stride),
    imagesPerImage: 1,
    window,
    enter: (scope, x) => subsample(scope, x, stride),
    enterBackwards: (scope, dx) => spread(scope, dx, shape, stride),
    leave: same,
    leaveBackwards: same,
  };
}

/**
 * A dilated window as a plain one on rearranged pixels, which is exact: TensorFlow has no gradient for a dilated
 * depthwise convolution, and no kernel on the CPU. Stride 1: space to batch. Stride equal to the dilation: only
 * every `dilation`-th pixel is ever read.
 */
function undilated(shape: Shape, window: Window): Rearrangement {
  const dilation = window.dilation[0];
  const same = (_scope: Scope, value: Value): Value => value;
  if (dilation === 1) {
    const plain = { shape, window, imagesPerImage: 1 };
    return { ...plain, enter: same, enterBackwards: same, leave: same, leaveBackwards: same };
  }
  const [height, width] = window.padding;
  const isOnGrid = height % dilation === 0 && width % dilation === 0;
  const [stride] = window.stride;
  if (!isOnGrid || (stride !== 1 && stride !== dilation)) {
    throw new Error(
      "A dilated window needs stride 1 or its dilation, and padding in multiples of its dilation.",
    );
  }
  const plain: Window = {
    ...window,
    stride: [1, 1],
    dilation: [1, 1],
    padding: [height / dilation, width / dilation],
  };
  if (stride === dilation) return everyPixelOf(shape, dilation, plain);
  const bottom = missing(shape.height, dilation);
  const right = missing(shape.width, dilation);
  const rearrange =
    (op: string, second: string) =>
    ({ body }: Scope, x: Value): Value =>
      body.add(op, [x, body.ints([dilation, dilation]), body.ints([0, bottom, 0, right], [2, 2])], {
        ...T,
        Tblock_shape: INT,
        [second]: INT,
      });
  const enter = rearrange("SpaceToBatchND", "Tpaddings");
  const leave = rearrange("BatchToSpaceND", "Tcrops");
  return {
    shape: {
      height: (shape.height + bottom) / dilation,
      width: (shape.width + right) / dilation,
      channels: shape.channels,
    },
    imagesPerImage: dilation ** 2,
    window: plain,
    enter,
    enterBackwards: leave,
    leave,
    leaveBackwards: enter,
  };
}

/** What `length` lacks to the next multiple of `block`. */
const missing = (length: number, block: number): number => (block - (length % block)) % block;
