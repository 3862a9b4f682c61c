/**
 * Kernels on WebAssembly, composed of what tfjs has there. It lacks the filter gradients of both convolutions
 * and the input gradient of the depthwise one, so these are written as sums over the taps of the filter: matrix
 * products, which it does fast, or a convolution with the mirrored filter.
 */

import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
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
      const [, , inputs, outputs] = filter.shape;
      const framed: Tensor2D = tf.reshape(frame(dy, x.shape, window), [-1, outputs]);
      const pixels = tf.transpose(tf.reshape(lengthened(x, window), [-1, inputs])) as Tensor2D;
      const grads = shifts(x.shape, window).map((shift) =>
        tf.tidy(() => tf.matMul(tf.slice2d(pixels, [0, shift], [inputs, framed.shape[0]]), framed)),
      );
      return tf.reshape(tf.concat(grads, 0), filter.shape);
    }),

    depthwiseConv: tidily((x, filter, window) => convolveDepthwise(x, filter, window)),
    depthwiseConvInputGrad: tidily((dy, filter, x, window) =>
      convolveDepthwise(spread(dy, x.shape, window), mirror(filter), stepByStep(window)),
    ),
    depthwiseConvFilterGrad: tidily((dy, filter, x, window) => {
      const framed = tf.reshape(frame(dy, x.shape, window), [-1]) as Tensor1D;
      const offsets = shifts(x.shape, window);
      const image = lengthened(x, window);
      const grads = offsets.map((offset) =>
        tf.tidy(() => {
          // Moving the gradient rather than the image: tf.pad copies in WebAssembly, tf.slice through JavaScript.
          const before = offset * x.shape[3];
          const moved = tf.pad1d(framed, [before, image.size - framed.size - before]);
          return sumOverPixels(tf.reshape(tf.mul(tf.reshape(image, [-1]), moved), image.shape));
        }),
      );
      return tf.reshape(tf.concat(grads, 0), filter.shape);
    }),

    batchNorm(x, scale, shift, epsilon) {
      return tf.tidy(() => {
        const count = x.size / x.shape[3];
        const mean = tf.div(sumOverPixels(x), count);
        const centered: Tensor4D = tf.sub(x, mean);
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
    // The kernel of tfjs is wrong where no pixel of a window is positive. One axis after the other: fewer taps.
    maxPoolGrad: tidily((dy, x, y, window) => {
      const across = alongAxis(window, 1);
      const rows = kernels.maxPool(x, across);
      return routeToMaxima(routeToMaxima(dy, rows, y, alongAxis(window, 0)), x, rows, across);
    }),
    avgPool: (x, { size, stride, padding }) => tf.avgPool(x, [...size], [...stride], padding[0]),
    // The kernel of tfjs is slow, and counts the padding that it leaves out of the average forwards.
    avgPoolGrad: tidily((dy, x, window) => {
      const [height, width] = window.size;
      const { values, shape } = padCorrection(x.shape, window);
      const key = `shares ${x.shape.slice(1, 3)} ${window.size} ${window.stride} ${window.padding}`;
      const shares = constants.get(key, () =>
        tf.tensor(
          values.map((value) => value / (height * width)),
          shape,
        ),
      );
      const channels = x.shape[3];
      const filter = constants.get(`filter ${window.size} ${channels}`, () =>
        tf.ones([height, width, channels, 1]),
      );
      return kernels.depthwiseConvInputGrad(tf.mul(dy, shares), filter as Tensor4D, x, window);
    }),
  };
  return kernels;

  function convolve(x: Tensor4D, filter: Tensor4D, { stride, padding }: Window): Tensor4D {
    return tf.conv2d(x, filter, [...stride], explicit(padding));
  }

  function convolveDepthwise(x: Tensor4D, filter: Tensor4D, window: Window): Tensor4D {
    const { stride, padding, dilation } = window;
    // tfjs refuses a stride with a dilation.
    if (dilation[0] > 1 && stride[0] > 1) {
      const y = convolveDepthwise(x, filter, { ...window, stride: [1, 1] });
      const one = constants.get(`filter 1,1 ${x.shape[3]}`, () => tf.ones([1, 1, x.shape[3], 1])) as Tensor4D;
      return tf.depthwiseConv2d(y, one, [...stride], "valid"); // 20 times as fast as tf.stridedSlice
    }
    return tf.depthwiseConv2d(x, filter, [...stride], explicit(padding), "NHWC", [...dilation]);
  }

  function mirror(filter: Tensor4D): Tensor4D {
    return tf.reverse4d(filter, [0, 1]);
  }

  /**
   * The sum over all but the channels, [1, channels]. As an average pool, because `tf.sum` would transpose
   * first and a matrix product would pack its second factor.
   */
  function sumOverPixels(x: Tensor4D): Tensor2D {
    const [, rows, columns, channels] = x.shape;
    const means = rows * columns === 1 ? x : tf.avgPool(x, [rows, columns], 1, "valid");
    return tf.mul(tf.sum(tf.reshape(means, [-1, channels]), 0, true), rows * columns);
  }

  /**
   * For a filter's gradient, each of its taps needs the image shifted. In memory a shift is only an offset, if
   * the output's gradient lies in a frame of the size of the padded image: then all pixels are one long list,
   * and what wraps around a border meets a zero. `shifts` are the offsets in pixels, one for each tap.
   */
  function shifts(shape: readonly number[], { size, dilation, padding }: Window): number[] {
    const columns = (shape[2] ?? 0) + 2 * padding[1];
    return Array.from({ length: size[0] * size[1] }, (_, index) => {
      const row = Math.floor(index / size[1]);
      return row * dilation[0] * columns + (index % size[1]) * dilation[1];
    });
  }

  /** The padded image, with as many images of padding after it as the longest shift needs. */
  function lengthened(x: Tensor4D, window: Window, value = 0): Tensor4D {
    const [height, width] = window.padding;
    const pixels = (x.shape[1] + 2 * height) * (x.shape[2] + 2 * width);
    const more = Math.ceil(Math.max(...shifts(x.shape, window)) / pixels);
    return tf.pad4d(x, [[0, more], both(height), both(width), [0, 0]], value);
  }

  /** The gradient of a max pool: to the first pixel in each window that equals its maximum. */
  function routeToMaxima(dy: Tensor4D, x: Tensor4D, y: Tensor4D, window: Window): Tensor4D {
    const [batch, rows, columns, channels] = x.shape;
    const image = lengthened(x, window, Number.NEGATIVE_INFINITY);
    const pixels: Tensor1D = tf.reshape(image, [-1]);
    const maxima: Tensor1D = tf.reshape(frame(y, x.shape, window), [-1]);
    const none = tf.zerosLike(maxima);
    let remaining: Tensor1D = tf.reshape(frame(dy, x.shape, window), [-1]);
    let total: Tensor1D = tf.zerosLike(pixels);
    for (const offset of shifts(x.shape, window)) {
      const before = offset * channels;
      const isMaximum = tf.equal(tf.slice1d(pixels, before, maxima.size), maxima);
      const routed = tf.where(isMaximum, remaining, none);
      remaining = tf.sub(remaining, routed);
      total = tf.add(total, tf.pad1d(routed, [before, pixels.size - maxima.size - before]));
    }
    const [top, left] = window.padding;
    return tf.slice4d(tf.reshape(total, image.shape), [0, top, left, 0], [batch, rows, columns, channels]);
  }

  /** The output's gradient where its windows begin in the padded image, zeros elsewhere. */
  function frame(dy: Tensor4D, shape: readonly number[], { stride, padding }: Window): Tensor4D {
    const [rows = 0, columns = 0] = shape.slice(1, 3);
    return resize(stretch(dy, stride), rows + 2 * padding[0], columns + 2 * padding[1]);
  }

  /**
   * The output's gradient in a frame of zeros, so that a convolution with the mirrored filter, stride 1 and no
   * padding gives an image of `shape`.
   */
  function spread(
    dy: Tensor4D,
    shape: readonly number[],
    { size, stride, dilation, padding }: Window,
  ): Tensor4D {
    const [rows = 0, columns = 0] = shape.slice(1, 3);
    const [down, across] = [(size[0] - 1) * dilation[0], (size[1] - 1) * dilation[1]];
    return resize(stretch(dy, stride), rows + down, columns + across, down - padding[0], across - padding[1]);
  }

  /** Cuts off rows and columns at the end, or adds zeros; `top` and `left` are zeros before. */
  function resize(x: Tensor4D, rows: number, columns: number, top = 0, left = 0): Tensor4D {
    const [batch, xRows, xColumns, channels] = x.shape;
    const keptRows = Math.min(xRows, rows - top);
    const keptColumns = Math.min(xColumns, columns - left);
    const isWhole = keptRows === xRows && keptColumns === xColumns;
    const kept = isWhole ? x : tf.slice4d(x, [0, 0, 0, 0], [batch, keptRows, keptColumns, channels]);
    return tf.pad4d(kept, [
      [0, 0],
      [top, rows - top - keptRows],
      [left, columns - left - keptColumns],
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

/** What a window does along one axis. */
function alongAxis(window: Window, axis: 0 | 1): Window {
  const only = (pair: Pair, other: number): Pair => (axis === 0 ? [pair[0], other] : [other, pair[1]]);
  return {
    size: only(window.size, 1),
    stride: only(window.stride, 1),
    dilation: only(window.dilation, 1),
    padding: only(window.padding, 0),
  };
}
