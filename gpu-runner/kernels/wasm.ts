/**
 * Kernels on WebAssembly, composed of what tfjs has there. It lacks the filter gradients of both convolutions
 * and the input gradient of the depthwise one, so these are written as sums over the taps of the filter: matrix
 * products, which it does fast, or a convolution with the mirrored filter.
 */

import type { Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { TensorFlow } from "./backend.ts";
import { Constants, type Kernels, type Pair, padCorrection, type Window } from "./types.ts";

/** @returns kernels on tfjs's own; `tf.setBackend("wasm")` must have happened */
export function wasmKernels(tf: TensorFlow): Kernels {
  const constants = new Constants();
  /** A kernel made of several: what it computes on the way is disposed. */
  const tidily =
    <Arguments extends unknown[], Result extends Tensor>(kernel: (...args: Arguments) => Result) =>
    (...args: Arguments): Result =>
      tf.tidy(() => kernel(...args));

  const kernels: Kernels = {
    relu: (x) => tf.relu(x),
    reluGrad: tidily((dy, y) => tf.mul(dy, tf.step(y))),

    conv: tidily((x, filter, window) => convolve(x, filter, window)),
    convInputGrad: tidily((dy, filter, x, window) => {
      const mirrored = tf.transpose(mirror(filter), [0, 1, 3, 2]);
      return convolve(spread(dy, x.shape, window), mirrored, stepByStep(window));
    }),
    convFilterGrad: tidily((dy, filter, x, window) => {
      const [height, width, inputs, outputs] = filter.shape;
      const columns: Tensor2D = tf.reshape(dy, [-1, outputs]);
      const grads = taps(x, dy, window).map((pixels) =>
        tf.matMul(tf.transpose(tf.reshape(pixels, [-1, inputs])), columns),
      );
      return tf.reshape(tf.concat(grads, 0), [height, width, inputs, outputs]);
    }),

    depthwiseConv: tidily((x, filter, window) => convolveDepthwise(x, filter, window)),
    depthwiseConvInputGrad: tidily((dy, filter, x, window) =>
      convolveDepthwise(spread(dy, x.shape, window), mirror(filter), stepByStep(window)),
    ),
    depthwiseConvFilterGrad: tidily((dy, filter, x, window) => {
      const grads = taps(x, dy, window).map((pixels) => sumOverPixels(tf.mul(pixels, dy) as Tensor4D));
      return tf.reshape(tf.concat(grads, 0), filter.shape);
    }),

    batchNorm(x, scale, shift, epsilon) {
      return tf.tidy(() => {
        const count = x.size / x.shape[3];
        const mean = tf.div(sumOverPixels(x), count);
        const centered = tf.sub(x, mean);
        const variance = tf.div(sumOverPixels(tf.square(centered)), count);
        const inverse = tf.rsqrt(tf.add(variance, epsilon));
        const y = tf.add(tf.mul(centered, tf.mul(inverse, scale)), shift);
        const channels = [x.shape[3]];
        return [
          y,
          tf.reshape(mean, channels),
          tf.reshape(tf.mul(variance, count / (count - 1)), channels),
          tf.reshape(mean, channels),
          tf.reshape(inverse, channels),
        ];
      });
    },
    batchNormGrad(dy, x, scale, [mean, inverse]) {
      return tf.tidy(() => {
        const count = x.size / x.shape[3];
        const normal = tf.mul(tf.sub(x, mean as Tensor), inverse as Tensor) as Tensor4D;
        const dShift = sumOverPixels(dy);
        const dScale = sumOverPixels(tf.mul(dy, normal));
        const across = tf.add(tf.div(dShift, count), tf.mul(normal, tf.div(dScale, count)));
        return {
          x: tf.mul(tf.sub(dy, across), tf.mul(inverse as Tensor, scale)) as Tensor4D,
          scale: tf.reshape(dScale, scale.shape),
          shift: tf.reshape(dShift, scale.shape),
        };
      });
    },

    maxPool: (x, { size, stride, padding }) => tf.maxPool(x, [...size], [...stride], explicit(padding)),
    maxPoolGrad: (dy, x, y, { size, stride, padding }) =>
      tf
        .engine()
        .runKernel(
          "MaxPoolGrad",
          { dy, input: x, output: y },
          { filterSize: [...size], strides: [...stride], pad: padding[0] },
        ) as Tensor4D,
    avgPool: (x, { size, stride, padding }) => tf.avgPool(x, [...size], [...stride], padding[0]),
    avgPoolGrad: tidily((dy, x, window) => {
      // tfjs leaves the padding out of the average forwards and counts it backwards.
      const { values, shape } = padCorrection(x.shape, window);
      const key = `correction ${x.shape.slice(1, 3)} ${window.size} ${window.stride} ${window.padding}`;
      const correction = constants.get(key, () => tf.tensor(values, shape));
      return tf
        .engine()
        .runKernel(
          "AvgPoolGrad",
          { dy: tf.mul(dy, correction), input: x },
          { filterSize: [...window.size], strides: [...window.stride], pad: window.padding[0] },
        ) as Tensor4D;
    }),
  };
  return kernels;

  function convolve(x: Tensor4D, filter: Tensor4D, { stride, padding }: Window): Tensor4D {
    return tf.conv2d(x, filter, [...stride], explicit(padding));
  }

  function convolveDepthwise(x: Tensor4D, filter: Tensor4D, { stride, padding, dilation }: Window): Tensor4D {
    // tfjs refuses a stride with a dilation.
    const y = tf.depthwiseConv2d(x, filter, dilation[0] === 1 ? [...stride] : 1, explicit(padding), "NHWC", [
      ...dilation,
    ]);
    if (dilation[0] === 1 || stride[0] === 1) return y;
    return tf.stridedSlice(y, [0, 0, 0, 0], y.shape, [1, ...stride, 1]) as Tensor4D;
  }

  function mirror(filter: Tensor4D): Tensor4D {
    return tf.reverse4d(filter, [0, 1]);
  }

  /** The sum over all but the last axis, [1, channels]: as a matrix product, because `tf.sum` would transpose first. */
  function sumOverPixels(x: Tensor4D): Tensor2D {
    const pixels: Tensor2D = tf.reshape(x, [-1, x.shape[3]]);
    const ones = constants.get(`ones ${pixels.shape[0]}`, () => tf.ones([1, pixels.shape[0]])) as Tensor2D;
    return tf.matMul(ones, pixels);
  }

  /** For each tap of the filter the pixels that it meets, one for each position of the window. */
  function taps(x: Tensor4D, dy: Tensor4D, { size, stride, dilation, padding }: Window): Tensor4D[] {
    const [batch, rows, columns] = dy.shape;
    const channels = x.shape[3];
    const padded = tf.pad4d(x, [[0, 0], both(padding[0]), both(padding[1]), [0, 0]]);
    return Array.from({ length: size[0] * size[1] }, (_, index) => {
      const row = Math.floor(index / size[1]) * dilation[0];
      const column = (index % size[1]) * dilation[1];
      if (stride[0] === 1 && stride[1] === 1) {
        return tf.slice4d(padded, [0, row, column, 0], [batch, rows, columns, channels]);
      }
      const end = [batch, row + (rows - 1) * stride[0] + 1, column + (columns - 1) * stride[1] + 1, channels];
      return tf.stridedSlice(padded, [0, row, column, 0], end, [1, ...stride, 1]) as Tensor4D;
    });
  }

  /**
   * The gradient of the positions that a window of stride 1 would have had, framed so that a convolution with
   * the mirrored filter and without padding gives an image of `shape`.
   */
  function spread(dy: Tensor4D, shape: readonly number[], window: Window): Tensor4D {
    const [rows = 0, columns = 0] = shape.slice(1, 3);
    const wide = stretch(dy, window.stride);
    const frame = ([0, 1] as const).map((axis): [number, number] => {
      const reach = (window.size[axis] - 1) * window.dilation[axis];
      const before = reach - window.padding[axis];
      const length = axis === 0 ? rows : columns;
      return [before, length + reach - before - (wide.shape[axis === 0 ? 1 : 2] ?? 0)];
    });
    const [[top, bottom], [left, right]] = frame as [[number, number], [number, number]];
    const cropped = tf.slice4d(
      wide,
      [0, 0, 0, 0],
      [wide.shape[0], wide.shape[1] + Math.min(bottom, 0), wide.shape[2] + Math.min(right, 0), wide.shape[3]],
    );
    return tf.pad4d(cropped, [
      [0, 0],
      [top, Math.max(bottom, 0)],
      [left, Math.max(right, 0)],
      [0, 0],
    ]);
  }

  /** Puts `stride - 1` zeros after each row and column. */
  function stretch(dy: Tensor4D, [down, across]: Pair): Tensor4D {
    if (down === 1 && across === 1) return dy;
    const [batch, rows, columns, channels] = dy.shape;
    const wide = tf.pad(tf.reshape(dy, [batch * rows * columns, channels]), [
      [0, 0],
      [0, (across - 1) * channels],
    ]);
    const line = columns * across * channels;
    const tall = tf.pad(tf.reshape(wide, [batch * rows, line]), [
      [0, 0],
      [0, (down - 1) * line],
    ]);
    return tf.reshape(tall, [batch, rows * down, columns * across, channels]);
  }
}

/** The window of an input's gradient, over what `spread` made. */
function stepByStep(window: Window): Window {
  return { ...window, stride: [1, 1], padding: [0, 0] };
}

function both(padding: number): [number, number] {
  return [padding, padding];
}

function explicit([height, width]: Pair): [
  [number, number],
  [number, number],
  [number, number],
  [number, number],
] {
  return [[0, 0], both(height), both(width), [0, 0]];
}
