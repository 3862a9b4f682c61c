/**
 * The operations an edge can hold, one row each. Adding an operation is adding a row: its layers say what it
 * computes, what it costs and how it is built. Definitions follow DARTS (quark0/darts) and NAS-Bench-201.
 */

import type { Layer } from "./network.ts";

/** Where an operation is placed. */
export interface Placement {
  /** Channels in and out. */
  channels: number;
  /** 1, or 2 where the edge halves rows and columns. */
  stride: number;
  /** Whether batch norms learn scale and shift: in a final network they do, during the search they do not. */
  affine: boolean;
  /** Inside a supernet: pools are followed by a batch norm, so that branches stay comparable. */
  search: boolean;
}

export interface Operation {
  layers(placement: Placement): Layer[];
  /** A skip connection: the search may drop it out, drop-path leaves it alone. */
  isSkip: boolean;
  /** Contributes zeros. */
  isNone: boolean;
}

/** Every operation by name. */
export const operations: Readonly<Record<string, Operation>> = {
  none: { layers: ({ stride }) => [{ kind: "zero", stride }], isSkip: false, isNone: true },
  skip_connect: {
    layers: ({ channels, stride, affine }) =>
      stride === 1 ? [{ kind: "identity" }] : factorizedReduce(channels, channels, affine),
    isSkip: true,
    isNone: false,
  },
  max_pool_3x3: pooling("maxPool", 3),
  max_pool_5x5: pooling("maxPool", 5),
  max_pool_7x7: pooling("maxPool", 7),
  avg_pool_3x3: pooling("avgPool", 3),
  avg_pool_5x5: pooling("avgPool", 5),
  avg_pool_7x7: pooling("avgPool", 7),
  sep_conv_3x3: separable(3),
  sep_conv_5x5: separable(5),
  sep_conv_7x7: separable(7),
  dil_conv_3x3: dilated(3),
  dil_conv_5x5: dilated(5),
  conv_1x1: plain(1),
  conv_3x3: plain(3),
  conv_3x1_1x3: split(3),
  conv_7x1_1x7: split(7),
  nor_conv_1x1: plain(1),
  nor_conv_3x3: plain(3),
};

/** Whether an operation has weights where it keeps rows and columns: skips, pools and none do not. */
export const isParametric = (name: string): boolean =>
  operations[name]
    ?.layers({ channels: 1, stride: 1, affine: false, search: false })
    .some(({ kind }) => kind === "conv" || kind === "depthwiseConv") ?? true;

/** ReLU, square convolution, batch norm. Padded to keep rows and columns at stride 1. */
export function reluConvNorm(
  inputs: number,
  outputs: number,
  size: number,
  stride: number,
  affine: boolean,
): Layer[] {
  return [{ kind: "relu" }, conv(inputs, outputs, size, stride), norm(outputs, affine)];
}

/** Halves rows and columns without dropping any pixel: two stride-2 convolutions, the second shifted by one pixel. */
export function factorizedReduce(inputs: number, outputs: number, affine: boolean): Layer[] {
  const half = Math.floor(outputs / 2);
  return [
    { kind: "relu" },
    {
      kind: "concat",
      branches: [[conv(inputs, half, 1, 2)], [{ kind: "offset" }, conv(inputs, outputs - half, 1, 2)]],
    },
    norm(outputs, affine),
  ];
}

/** A square convolution without bias, padded to keep rows and columns at stride 1. */
export function conv(inputs: number, outputs: number, size: number, stride: number): Layer {
  const padding = Math.floor(size / 2);
  return {
    kind: "conv",
    kernel: [size, size],
    stride: [stride, stride],
    padding: [padding, padding],
    inputs,
    outputs,
    bias: false,
  };
}

/** A batch norm over `channels`. */
export function norm(channels: number, affine: boolean): Layer {
  return { kind: "batchNorm", channels, affine };
}

function computing(layers: Operation["layers"]): Operation {
  return { layers, isSkip: false, isNone: false };
}

function pooling(kind: "maxPool" | "avgPool", size: number): Operation {
  return computing(({ channels, stride, search }) => {
    const pool: Layer = { kind, size, stride, padding: Math.floor(size / 2) };
    return search ? [pool, norm(channels, false)] : [pool];
  });
}

function separable(size: number): Operation {
  return computing(({ channels, stride, affine }) => [
    ...depthwiseBlock(channels, size, stride, 1, affine),
    ...depthwiseBlock(channels, size, 1, 1, affine),
  ]);
}

function dilated(size: number): Operation {
  return computing(({ channels, stride, affine }) => depthwiseBlock(channels, size, stride, 2, affine));
}

function depthwiseBlock(
  channels: number,
  kernel: number,
  stride: number,
  dilation: number,
  affine: boolean,
): Layer[] {
  const padding = Math.floor(kernel / 2) * dilation;
  return [
    { kind: "relu" },
    { kind: "depthwiseConv", kernel, stride, dilation, padding, channels },
    conv(channels, channels, 1, 1),
    norm(channels, affine),
  ];
}

function plain(size: number): Operation {
  return computing(({ channels, stride, affine }) => reluConvNorm(channels, channels, size, stride, affine));
}

/** A k x k convolution as 1 x k, then k x 1; the stride is split the same way. */
function split(size: number): Operation {
  const padding = Math.floor(size / 2);
  return computing(({ channels, stride, affine }) => [
    { kind: "relu" },
    {
      kind: "conv",
      kernel: [1, size],
      stride: [1, stride],
      padding: [0, padding],
      inputs: channels,
      outputs: channels,
      bias: false,
    },
    {
      kind: "conv",
      kernel: [size, 1],
      stride: [stride, 1],
      padding: [padding, 0],
      inputs: channels,
      outputs: channels,
      bias: false,
    },
    norm(channels, affine),
  ]);
}
