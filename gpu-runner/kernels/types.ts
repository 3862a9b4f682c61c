/**
 * What a backend has to be able to compute: forward and backward kernels on plain tensors, without a tape.
 * Images are NHWC. Every kernel returns new tensors and leaves nothing else behind.
 */

import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";

export type Pair = readonly [height: number, width: number];

/** What batch normalisation adds to the variance: the value DARTS and PyTorch use. */
export const BATCH_NORM_EPSILON = 1e-5;

/** How a window slides over an image. Padding is symmetric, in pixels; the last window may not reach the edge. */
export interface Window {
  size: Pair;
  stride: Pair;
  dilation: Pair;
  padding: Pair;
}

export interface Kernels {
  relu(x: Tensor4D): Tensor4D;
  reluGrad(dy: Tensor4D, y: Tensor4D): Tensor4D;

  /** `filter` is [height, width, inputs, outputs]. */
  conv(x: Tensor4D, filter: Tensor4D, window: Window): Tensor4D;
  convInputGrad(dy: Tensor4D, filter: Tensor4D, x: Tensor4D, window: Window): Tensor4D;
  convFilterGrad(dy: Tensor4D, filter: Tensor4D, x: Tensor4D, window: Window): Tensor4D;

  /** `filter` is [height, width, channels, 1]. */
  depthwiseConv(x: Tensor4D, filter: Tensor4D, window: Window): Tensor4D;
  depthwiseConvInputGrad(dy: Tensor4D, filter: Tensor4D, x: Tensor4D, window: Window): Tensor4D;
  depthwiseConvFilterGrad(dy: Tensor4D, filter: Tensor4D, x: Tensor4D, window: Window): Tensor4D;

  /** Normalises with the statistics of the batch. The first three: y, mean, unbiased variance. The rest, at most three: for the gradient. */
  batchNorm(x: Tensor4D, scale: Tensor, shift: Tensor, epsilon: number): Tensor[];
  /** @param saved what `batchNorm` returned after the variance */
  batchNormGrad(
    dy: Tensor4D,
    x: Tensor4D,
    scale: Tensor,
    saved: Tensor[],
    epsilon: number,
  ): BatchNormGradients;

  maxPool(x: Tensor4D, window: Window): Tensor4D;
  maxPoolGrad(dy: Tensor4D, x: Tensor4D, y: Tensor4D, window: Window): Tensor4D;
  /** Padding is not counted in the average. */
  avgPool(x: Tensor4D, window: Window): Tensor4D;
  avgPoolGrad(dy: Tensor4D, x: Tensor4D, window: Window): Tensor4D;
}

export interface BatchNormGradients {
  x: Tensor4D;
  scale: Tensor;
  shift: Tensor;
}

/** Positions of a window along one axis of `length` pixels. */
export function outputLength(length: number, window: Window, axis: 0 | 1): number {
  const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
  return Math.floor((length + 2 * window.padding[axis] - reach) / window.stride[axis]) + 1;
}

/** Whether TensorFlow's "SAME" pads an image of this shape the way the window says. */
export function isSamePadding(shape: readonly number[], window: Window): boolean {
  return ([0, 1] as const).every((axis) => {
    const length = shape[axis + 1] ?? 0;
    const outputs = outputLength(length, window, axis);
    const reach = (window.size[axis] - 1) * window.dilation[axis] + 1;
    const total = Math.max((outputs - 1) * window.stride[axis] + reach - length, 0);
    return (
      outputs === Math.ceil(length / window.stride[axis]) && Math.floor(total / 2) === window.padding[axis]
    );
  });
}

/** Pixels under each position of the window that are not padding, relative to its size: k^2 / count, [1, h, w, 1]. */
export function padCorrection(
  shape: readonly number[],
  window: Window,
): { values: number[]; shape: number[] } {
  const [rows, columns] = ([0, 1] as const).map((axis) => {
    const length = shape[axis + 1] ?? 0;
    return Array.from({ length: outputLength(length, window, axis) }, (_, index) => {
      const start = index * window.stride[axis] - window.padding[axis];
      const inside = Math.min(start + window.size[axis], length) - Math.max(start, 0);
      return window.size[axis] / inside;
    });
  }) as [number[], number[]];
  return {
    values: rows.flatMap((row) => columns.map((column) => row * column)),
    shape: [1, rows.length, columns.length, 1],
  };
}

/** Constants that kernels need again and again, made once and kept for the life of the process. */
export class Constants {
  readonly #tensors = new Map<string, Tensor>();

  /** @param make called where there is none under this key yet */
  get(key: string, make: () => Tensor): Tensor {
    const known = this.#tensors.get(key);
    if (known !== undefined) return known;
    const tensor = make();
    // Survives the tidy that happens to be around.
    tensor.kept = true;
    this.#tensors.set(key, tensor);
    return tensor;
  }
}
