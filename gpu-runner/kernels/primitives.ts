/**
 * The primitive layers of the search space as differentiable functions on NHWC tensors, with PyTorch's padding.
 * Each is one kernel of tfjs with its own gradient, registered here from one table, so that `tf.grads` and
 * `tf.variableGrads` work on them; what a kernel does is the backend's (`native.ts`, `wasm.ts`).
 */

import type {
  NamedAttrMap,
  NamedTensorMap,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor4D,
} from "@tensorflow/tfjs-core";
import type { Backend, BackendName, TensorFlow } from "./backend.ts";
import { nativeKernels } from "./native.ts";
import { BATCH_NORM_EPSILON, Constants, type Kernels, type Pair, type Window } from "./types.ts";
import { wasmKernels } from "./wasm.ts";

const kernels: Record<BackendName, (tf: TensorFlow) => Kernels> = {
  tensorflow: nativeKernels,
  wasm: wasmKernels,
};

export interface ConvOptions {
  stride: Pair;
  padding: Pair;
}

export interface DepthwiseConvOptions {
  /** 1, or for a dilated kernel also equal to the dilation. */
  stride: number;
  dilation: number;
  padding: number;
}

export interface PoolOptions {
  size: number;
  stride: number;
  padding: number;
}

export interface Normalized {
  y: Tensor4D;
  /** [channels], of the batch. */
  mean: Tensor1D;
  /** [channels], of the batch, unbiased: what PyTorch puts into its moving average. */
  variance: Tensor1D;
}

/** Images are [batch, rows, columns, channels]; every result is a new tensor that belongs to the caller. */
export interface Primitives {
  relu(x: Tensor4D): Tensor4D;
  /** @param filter [height, width, inputs, outputs] */
  conv(x: Tensor4D, filter: Tensor4D, options: ConvOptions): Tensor4D;
  /** @param filter [size, size, channels, 1] */
  depthwiseConv(x: Tensor4D, filter: Tensor4D, options: DepthwiseConvOptions): Tensor4D;
  /**
   * Normalises with the statistics of the batch. No gradient flows through `mean` and `variance`.
   *
   * @param scale [channels], or null for ones
   * @param shift [channels], or null for zeros
   */
  batchNorm(x: Tensor4D, scale: Tensor1D | null, shift: Tensor1D | null): Normalized;
  /** Normalises with given statistics, as after training. */
  batchNormInference(
    x: Tensor4D,
    mean: Tensor1D,
    variance: Tensor1D,
    scale: Tensor1D | null,
    shift: Tensor1D | null,
  ): Tensor4D;
  maxPool(x: Tensor4D, options: PoolOptions): Tensor4D;
  /** Padding is not counted in the average. */
  avgPool(x: Tensor4D, options: PoolOptions): Tensor4D;
  /** @returns [batch, channels] */
  globalAvgPool(x: Tensor4D): Tensor2D;
  /** Drops the first row and column, adds zeros at the end. */
  offset(x: Tensor4D): Tensor4D;
  /** Zeros, rows and columns divided by `stride` and rounded up. */
  zero(x: Tensor4D, stride: number): Tensor4D;
  /** Along the channels. */
  concat(parts: Tensor4D[]): Tensor4D;
  /** @param weight [inputs, outputs] */
  linear(x: Tensor2D, weight: Tensor2D, bias: Tensor1D): Tensor2D;
}

interface Attributes {
  window: Window;
}

type Gradients = Record<string, () => Tensor>;

/** One differentiable kernel: `saved` are the inputs named in `saveInputs`, then the outputs true in `saveOutputs`. */
interface Rule {
  saveInputs: string[];
  saveOutputs: boolean[];
  run(kernels: Kernels, inputs: NamedTensorMap, window: Window): Tensor | Tensor[];
  gradients(kernels: Kernels, dy: Tensor4D, saved: Tensor[], window: Window): Gradients;
}

const rules = {
  Relu: {
    saveInputs: [],
    saveOutputs: [true],
    run: (kernels, { x }) => kernels.relu(x as Tensor4D),
    gradients: (kernels, dy, [y]) => ({ x: () => kernels.reluGrad(dy, y as Tensor4D) }),
  },
  Conv: {
    saveInputs: ["x", "filter"],
    saveOutputs: [],
    run: (kernels, { x, filter }, window) => kernels.conv(x as Tensor4D, filter as Tensor4D, window),
    gradients: (kernels, dy, [x, filter], window) => ({
      x: () => kernels.convInputGrad(dy, filter as Tensor4D, x as Tensor4D, window),
      filter: () => kernels.convFilterGrad(dy, filter as Tensor4D, x as Tensor4D, window),
    }),
  },
  DepthwiseConv: {
    saveInputs: ["x", "filter"],
    saveOutputs: [],
    run: (kernels, { x, filter }, window) => kernels.depthwiseConv(x as Tensor4D, filter as Tensor4D, window),
    gradients: (kernels, dy, [x, filter], window) => ({
      x: () => kernels.depthwiseConvInputGrad(dy, filter as Tensor4D, x as Tensor4D, window),
      filter: () => kernels.depthwiseConvFilterGrad(dy, filter as Tensor4D, x as Tensor4D, window),
    }),
  },
  BatchNorm: {
    saveInputs: ["x", "scale"],
    saveOutputs: [false, false, false, true, true, true],
    run: (kernels, { x, scale, shift }) =>
      kernels.batchNorm(x as Tensor4D, scale as Tensor, shift as Tensor, BATCH_NORM_EPSILON),
    // Not lazy like the others: what one of them computes would be disposed before the next one asks for it.
    gradients: (kernels, dy, [x, scale, ...saved]) => {
      const all = kernels.batchNormGrad(dy, x as Tensor4D, scale as Tensor, saved, BATCH_NORM_EPSILON);
      return { x: () => all.x, scale: () => all.scale, shift: () => all.shift };
    },
  },
  MaxPool: {
    saveInputs: ["x"],
    saveOutputs: [true],
    run: (kernels, { x }, window) => kernels.maxPool(x as Tensor4D, window),
    gradients: (kernels, dy, [x, y], window) => ({
      x: () => kernels.maxPoolGrad(dy, x as Tensor4D, y as Tensor4D, window),
    }),
  },
  AvgPool: {
    saveInputs: ["x"],
    saveOutputs: [],
    run: (kernels, { x }, window) => kernels.avgPool(x as Tensor4D, window),
    gradients: (kernels, dy, [x], window) => ({ x: () => kernels.avgPoolGrad(dy, x as Tensor4D, window) }),
  },
} satisfies Record<string, Rule>;

/** Those of the process: kernels are registered once, and know nothing that belongs to one caller. */
const created = new Map<BackendName, Primitives>();

/**
 * @param backend the loaded backend; there is one per process
 * @example
 * const { relu, conv } = createPrimitives(await loadBackend("tensorflow"));
 * const y = conv(relu(x), filter, { stride: [1, 1], padding: [1, 1] });
 */
export function createPrimitives(backend: Backend): Primitives {
  const known = created.get(backend.name);
  if (known !== undefined) return known;
  register(backend);
  const primitives = describe(backend.tf);
  created.set(backend.name, primitives);
  return primitives;
}

function register({ tf, name: backendName }: Backend): void {
  const backendKernels = kernels[backendName](tf);
  for (const [name, rule] of Object.entries<Rule>(rules)) {
    const kernelName = `Nasturtium${name}`;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) =>
        rule.run(backendKernels, inputs as NamedTensorMap, (attrs as unknown as Attributes).window),
    });
    tf.registerGradient({
      kernelName,
      inputsToSave: rule.saveInputs,
      outputsToSave: rule.saveOutputs,
      gradFunc: (dy, saved, attrs) => {
        const first = (Array.isArray(dy) ? dy[0] : dy) as Tensor4D;
        return rule.gradients(backendKernels, first, saved, (attrs as unknown as Attributes).window);
      },
    });
  }
}

function describe(tf: TensorFlow): Primitives {
  const constants = new Constants();
  const ones = (channels: number): Tensor1D =>
    constants.get(`ones ${channels}`, () => tf.ones([channels])) as Tensor1D;
  const zeros = (channels: number): Tensor1D =>
    constants.get(`zeros ${channels}`, () => tf.zeros([channels])) as Tensor1D;

  function run(rule: keyof typeof rules, inputs: NamedTensorMap, window?: Window): Tensor | Tensor[] {
    const attributes = { window } as unknown as NamedAttrMap;
    return tf.engine().runKernel(`Nasturtium${rule}`, inputs, attributes) as unknown as Tensor | Tensor[];
  }
  const runSingle = (rule: keyof typeof rules, inputs: NamedTensorMap, window?: Window): Tensor4D =>
    run(rule, inputs, window) as Tensor4D;

  return {
    relu: (x) => runSingle("Relu", { x }),
    conv(x, filter, { stride, padding }) {
      const [height, width] = filter.shape;
      return runSingle("Conv", { x, filter }, { size: [height, width], stride, padding, dilation: [1, 1] });
    },
    depthwiseConv(x, filter, { stride, dilation, padding }) {
      return runSingle("DepthwiseConv", { x, filter }, square(filter.shape[0], stride, padding, dilation));
    },
    batchNorm(x, scale, shift) {
      const channels = x.shape[3];
      const inputs = { x, scale: scale ?? ones(channels), shift: shift ?? zeros(channels) };
      const [y, mean, variance, ...rest] = run("BatchNorm", inputs) as [
        Tensor4D,
        Tensor1D,
        Tensor1D,
        ...Tensor[],
      ];
      tf.dispose(rest);
      return { y, mean, variance };
    },
    batchNormInference(x, mean, variance, scale, shift) {
      const channels = x.shape[3];
      return tf.batchNorm4d(
        x,
        mean,
        variance,
        shift ?? zeros(channels),
        scale ?? ones(channels),
        BATCH_NORM_EPSILON,
      );
    },
    maxPool: (x, { size, stride, padding }) => runSingle("MaxPool", { x }, square(size, stride, padding)),
    avgPool: (x, { size, stride, padding }) => runSingle("AvgPool", { x }, square(size, stride, padding)),
    globalAvgPool: (x) => tf.mean(x, [1, 2]),
    offset(x) {
      const [batch, rows, columns, channels] = x.shape;
      return tf.tidy(() => {
        const rest = tf.slice4d(x, [0, 1, 1, 0], [batch, rows - 1, columns - 1, channels]);
        return tf.pad4d(rest, [
          [0, 0],
          [0, 1],
          [0, 1],
          [0, 0],
        ]);
      });
    },
    zero(x, stride) {
      const [batch, rows, columns, channels] = x.shape;
      return tf.zeros([batch, Math.ceil(rows / stride), Math.ceil(columns / stride), channels]);
    },
    concat: (parts) => tf.concat4d(parts, 3),
    linear: (x, weight, bias) => tf.tidy(() => tf.add(tf.matMul(x, weight), bias)),
  };
}

function square(size: number, stride: number, padding: number, dilation = 1): Window {
  return {
    size: [size, size],
    stride: [stride, stride],
    dilation: [dilation, dilation],
    padding: [padding, padding],
  };
}
