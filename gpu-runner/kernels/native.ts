/**
 * Kernels on native TensorFlow, called by name as single operations: TensorFlow has fused gradients for batch
 * normalisation, ReLU, convolutions and pools that tfjs does not use, and each tfjs kernel costs about as much
 * in dispatch as a small convolution.
 */

import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./backend.ts";
import { Constants, isSamePadding, type Kernels, padCorrection, type Window } from "./types.ts";

interface Attribute {
  name: string;
  type: number;
  value: unknown;
}

/** The part of tfjs-node's backend that runs any TensorFlow operation. */
interface NativeBackend {
  binding: Record<
    | "TF_ATTR_TYPE"
    | "TF_ATTR_INT"
    | "TF_ATTR_FLOAT"
    | "TF_ATTR_BOOL"
    | "TF_ATTR_STRING"
    | "TF_FLOAT"
    | "TF_INT32",
    number
  >;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
}

/** @returns TensorFlow's own kernels; `tf.setBackend("tensorflow")` must have happened */
export function nativeKernels(tf: TensorFlow): Kernels {
  const native = tf.backend() as unknown as NativeBackend;
  const { binding } = native;
  const constants = new Constants();

  const type = (name: string, value = binding.TF_FLOAT): Attribute => ({
    name,
    type: binding.TF_ATTR_TYPE,
    value,
  });
  const ints = (name: string, value: number | number[]): Attribute => ({
    name,
    type: binding.TF_ATTR_INT,
    value,
  });
  const float = (name: string, value: number): Attribute => ({ name, type: binding.TF_ATTR_FLOAT, value });
  const bool = (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value });
  const string = (name: string, value: string): Attribute => ({ name, type: binding.TF_ATTR_STRING, value });

  const T = type("T");
  const NHWC = string("data_format", "NHWC");
  const batchNormAttributes = (epsilon: number): Attribute[] => [
    T,
    type("U"),
    float("epsilon", epsilon),
    NHWC,
    bool("is_training", true),
  ];
  const blockAttributes = (second: string): Attribute[] => [
    T,
    type("Tblock_shape", binding.TF_INT32),
    type(second, binding.TF_INT32),
  ];

  const single = (name: string, attributes: Attribute[], ...inputs: Tensor[]): Tensor4D =>
    native.executeSingleOutput(name, attributes, inputs) as Tensor4D;

  const int32 = (values: readonly number[], shape: number[] = [values.length]): Tensor =>
    constants.get(`int32 ${shape} ${values}`, () => tf.tensor([...values], shape, "int32"));

  /** Attributes of a window whose padding the operation itself applies. */
  function windowAttributes(shape: readonly number[], window: Window): Attribute[] {
    const [height, width] = window.padding;
    const attributes = [T, NHWC, ints("strides", [1, ...window.stride, 1])];
    if (height === 0 && width === 0) return [...attributes, string("padding", "VALID")];
    if (isSamePadding(shape, window)) return [...attributes, string("padding", "SAME")];
    return [
      ...attributes,
      string("padding", "EXPLICIT"),
      ints("explicit_paddings", [0, 0, height, height, width, width, 0, 0]),
    ];
  }

  const sizeAttribute = (window: Window): Attribute => ints("ksize", [1, ...window.size, 1]);

  const kernels: Kernels = {
    relu: (x) => single("Relu", [T], x),
    reluGrad: (dy, y) => single("ReluGrad", [T], dy, y),

    conv: (x, filter, window) => single("Conv2D", windowAttributes(x.shape, window), x, filter),
    convInputGrad: (dy, filter, x, window) =>
      single("Conv2DBackpropInput", windowAttributes(x.shape, window), int32(x.shape), filter, dy),
    convFilterGrad: (dy, filter, x, window) =>
      single("Conv2DBackpropFilter", windowAttributes(x.shape, window), x, int32(filter.shape), dy),

    depthwiseConv: (x, filter, window) =>
      tf.tidy(() => {
        const plain = undilated(x.shape, window);
        const attributes = windowAttributes(plain.shape, plain.window);
        return plain.leave(single("DepthwiseConv2dNative", attributes, plain.enter(x), filter));
      }),
    depthwiseConvInputGrad: (dy, filter, x, window) =>
      tf.tidy(() => {
        const plain = undilated(x.shape, window);
        const attributes = windowAttributes(plain.shape, plain.window);
        const inputs = [int32(plain.shape), filter, plain.leaveBackwards(dy)];
        return plain.enterBackwards(single("DepthwiseConv2dNativeBackpropInput", attributes, ...inputs));
      }),
    depthwiseConvFilterGrad: (dy, filter, x, window) =>
      tf.tidy(() => {
        const plain = undilated(x.shape, window);
        const attributes = windowAttributes(plain.shape, plain.window);
        const inputs = [plain.enter(x), int32(filter.shape), plain.leaveBackwards(dy)];
        return single("DepthwiseConv2dNativeBackpropFilter", attributes, ...inputs);
      }),

    batchNorm(x, scale, shift, epsilon) {
      const none = constants.get("none", () => tf.tensor1d([]));
      return native.executeMultipleOutputs(
        "FusedBatchNormV3",
        batchNormAttributes(epsilon),
        [x, scale, shift, none, none],
        6,
      );
    },
    batchNormGrad(dy, x, scale, saved, epsilon) {
      const outputs = native.executeMultipleOutputs(
        "FusedBatchNormGradV3",
        batchNormAttributes(epsilon),
        [dy, x, scale, ...saved],
        5,
      );
      const [dx, dScale, dShift, ...unused] = outputs as [Tensor4D, Tensor, Tensor, ...Tensor[]];
      tf.dispose(unused);
      return { x: dx, scale: dScale, shift: dShift };
    },

    maxPool: (x, window) =>
      single("MaxPool", [...windowAttributes(x.shape, window), sizeAttribute(window)], x),
    maxPoolGrad: (dy, x, y, window) =>
      single("MaxPoolGrad", [...windowAttributes(x.shape, window), sizeAttribute(window)], x, y, dy),

    avgPool(x, window) {
      if (isSamePadding(x.shape, window)) {
        return single("AvgPool", [...windowAttributes(x.shape, window), sizeAttribute(window)], x);
      }
      return tf.tidy(() => {
        const [height, width] = window.padding;
        const padded = tf.pad4d(x, [
          [0, 0],
          [height, height],
          [width, width],
          [0, 0],
        ]);
        const valid = { ...window, padding: [0, 0] as const };
        const y = single("AvgPool", [...windowAttributes(padded.shape, valid), sizeAttribute(valid)], padded);
        return tf.mul(y, correction(x.shape, window)) as Tensor4D;
      });
    },
    avgPoolGrad(dy, x, window) {
      if (isSamePadding(x.shape, window)) {
        const attributes = [...windowAttributes(x.shape, window), sizeAttribute(window)];
        return single("AvgPoolGrad", attributes, int32(x.shape), dy);
      }
      return tf.tidy(() => {
        const [batch, rows, columns, channels] = x.shape;
        const [height, width] = window.padding;
        const shape = [batch, rows + 2 * height, columns + 2 * width, channels];
        const valid = { ...window, padding: [0, 0] as const };
        const attributes = [...windowAttributes(shape, valid), sizeAttribute(valid)];
        const scaled = tf.mul(dy, correction(x.shape, window));
        return tf.slice4d(
          single("AvgPoolGrad", attributes, int32(shape), scaled),
          [0, height, width, 0],
          x.shape,
        );
      });
    },
  };
  return kernels;

  /**
   * A dilated window as a plain one on rearranged pixels, which is exact: TensorFlow has no gradient for a
   * dilated depthwise convolution, and no kernel on the CPU. Stride 1: space to batch. Stride equal to the
   * dilation: only every `dilation`-th pixel is ever read.
   */
  function undilated(shape: readonly number[], window: Window): Undilated {
    const dilation = window.dilation[0];
    const same = (tensor: Tensor4D): Tensor4D => tensor;
    if (dilation === 1) {
      return { shape, window, enter: same, leave: same, enterBackwards: same, leaveBackwards: same };
    }
    const [batch, rows, columns, channels] = shape as [number, number, number, number];
    const [height, width] = window.padding;
    const isOnGrid = height % dilation === 0 && width % dilation === 0;
    const plain: Window = {
      ...window,
      stride: [1, 1],
      dilation: [1, 1],
      padding: [height / dilation, width / dilation],
    };
    if (window.stride[0] === dilation && isOnGrid) {
      const strides = [int32([0, 0, 0, 0]), int32(shape), int32([1, dilation, dilation, 1])];
      const attributes = [T, type("Index", binding.TF_INT32)];
      return {
        shape: [batch, Math.ceil(rows / dilation), Math.ceil(columns / dilation), channels],
        window: plain,
        enter: (x) => single("StridedSlice", attributes, x, ...strides),
        leave: same,
        enterBackwards: (dx) => single("StridedSliceGrad", attributes, int32(shape), ...strides, dx),
        leaveBackwards: same,
      };
    }
    if (window.stride[0] !== 1 || !isOnGrid) {
      throw new Error(
        "A dilated window needs stride 1 or its dilation, and padding in multiples of its dilation.",
      );
    }
    const [bottom, right] = [missing(rows, dilation), missing(columns, dilation)];
    const block = int32([dilation, dilation]);
    const border = int32([0, bottom, 0, right], [2, 2]);
    const split = (image: Tensor4D): Tensor4D =>
      single("SpaceToBatchND", blockAttributes("Tpaddings"), image, block, border);
    const join = (image: Tensor4D): Tensor4D =>
      single("BatchToSpaceND", blockAttributes("Tcrops"), image, block, border);
    return {
      shape: [batch * dilation ** 2, (rows + bottom) / dilation, (columns + right) / dilation, channels],
      window: plain,
      enter: split,
      leave: join,
      enterBackwards: join,
      leaveBackwards: split,
    };
  }

  function correction(shape: readonly number[], window: Window): Tensor {
    const { values, shape: correctionShape } = padCorrection(shape, window);
    const key = `correction ${shape.slice(1, 3)} ${window.size} ${window.stride} ${window.padding}`;
    return constants.get(key, () => tf.tensor(values, correctionShape));
  }
}

interface Undilated {
  /** Shape of what `enter` makes of the image. */
  shape: readonly number[];
  window: Window;
  enter(x: Tensor4D): Tensor4D;
  leave(y: Tensor4D): Tensor4D;
  enterBackwards(dx: Tensor4D): Tensor4D;
  leaveBackwards(dy: Tensor4D): Tensor4D;
}

/** What `length` lacks to the next multiple of `block`. */
function missing(length: number, block: number): number {
  return (block - (length % block)) % block;
}
