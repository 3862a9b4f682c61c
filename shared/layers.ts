/**
 * The primitive layers: for each kind, the shape it produces and what it costs for one image.
 * One row per kind; nothing here knows how a layer is executed.
 */

import type { Layer } from "./network.ts";

/** Rows, columns and channels of one image's activations. */
export interface Shape {
  height: number;
  width: number;
  channels: number;
}

/** What a part of a network costs. */
export interface Cost {
  /** Trainable weights. */
  parameters: number;
  /** Multiply-accumulates of convolutions and linear layers for one image, biases not counted. */
  macs: number;
  /** Bytes of 32-bit activations for one image when every layer's output is kept, as a training step does. */
  activationBytes: number;
  /** Bytes of 32-bit weights of the exported model, where batch norms are part of the convolution before them. */
  modelBytes: number;
}

type Kind = Layer["kind"];
type LayerOf<K extends Kind> = Extract<Layer, { kind: K }>;

interface Row<L> {
  shape(layer: L, input: Shape): Shape;
  parameters(layer: L, input: Shape): number;
  macs(layer: L, output: Shape, input: Shape): number;
  /** Numbers kept for one image; layers that only pass their input on keep none. */
  activations(layer: L, output: Shape, input: Shape): number;
}

const BYTES_PER_NUMBER = 4;
const none = () => 0;
const same = (_layer: unknown, input: Shape) => input;
const ownOutput = (_layer: unknown, output: Shape) => elements(output);

const pool = {
  shape: (layer: { size: number; stride: number; padding: number }, input: Shape) => ({
    height: windowed(input.height, layer.size, layer.stride, layer.padding),
    width: windowed(input.width, layer.size, layer.stride, layer.padding),
    channels: input.channels,
  }),
  parameters: none,
  macs: none,
  activations: ownOutput,
};

const rows: { [K in Kind]: Row<LayerOf<K>> } = {
  relu: { shape: same, parameters: none, macs: none, activations: ownOutput },
  identity: { shape: same, parameters: none, macs: none, activations: none },
  zero: {
    shape: (layer, input) => ({
      height: Math.ceil(input.height / layer.stride),
      width: Math.ceil(input.width / layer.stride),
      channels: input.channels,
    }),
    parameters: none,
    macs: none,
    activations: none,
  },
  offset: { shape: same, parameters: none, macs: none, activations: ownOutput },
  conv: {
    shape: (layer, input) => {
      expectChannels(layer.kind, layer.inputs, input);
      return {
        height: windowed(input.height, layer.kernel[0], layer.stride[0], layer.padding[0]),
        width: windowed(input.width, layer.kernel[1], layer.stride[1], layer.padding[1]),
        channels: layer.outputs,
      };
    },
    parameters: (layer) =>
      layer.kernel[0] * layer.kernel[1] * layer.inputs * layer.outputs + (layer.bias ? layer.outputs : 0),
    macs: (layer, output) => layer.kernel[0] * layer.kernel[1] * layer.inputs * elements(output),
    activations: ownOutput,
  },
  depthwiseConv: {
    shape: (layer, input) => {
      expectChannels(layer.kind, layer.channels, input);
      const reach = (layer.kernel - 1) * layer.dilation + 1;
      return {
        height: windowed(input.height, reach, layer.stride, layer.padding),
        width: windowed(input.width, reach, layer.stride, layer.padding),
        channels: layer.channels,
      };
    },
    parameters: (layer) => layer.kernel * layer.kernel * layer.channels,
    macs: (layer, output) => layer.kernel * layer.kernel * elements(output),
    activations: ownOutput,
  },
  batchNorm: {
    shape: (layer, input) => {
      expectChannels(layer.kind, layer.channels, input);
      return input;
    },
    parameters: (layer) => (layer.affine ? 2 * layer.channels : 0),
    macs: none,
    activations: ownOutput,
  },
  maxPool: pool,
  avgPool: pool,
  globalAvgPool: {
    shape: (_layer, input) => ({ height: 1, width: 1, channels: input.channels }),
    parameters: none,
    macs: none,
    activations: ownOutput,
  },
  linear: {
    shape: (layer, input) => {
      expectChannels(layer.kind, layer.inputs, { ...input, channels: elements(input) });
      return { height: 1, width: 1, channels: layer.outputs };
    },
    parameters: (layer) => layer.inputs * layer.outputs + layer.outputs,
    macs: (layer) => layer.inputs * layer.outputs,
    activations: ownOutput,
  },
  concat: {
    shape: (layer, input) => {
      const outputs = layer.branches.map((branch) => outputShape(branch, input));
      const channels = outputs.reduce((total, output) => total + output.channels, 0);
      return { ...(outputs[0] ?? input), channels };
    },
    parameters: (layer, input) => branchTotal(layer.branches, input, "parameters"),
    macs: (layer, _output, input) => branchTotal(layer.branches, input, "macs"),
    activations: (layer, output, input) =>
      branchTotal(layer.branches, input, "activationBytes") / BYTES_PER_NUMBER + elements(output),
  },
  sum: {
    shape: (layer, input) => outputShape(layer.branches[0] ?? [], input),
    parameters: (layer, input) => branchTotal(layer.branches, input, "parameters"),
    macs: (layer, _output, input) => branchTotal(layer.branches, input, "macs"),
    activations: (layer, output, input) =>
      branchTotal(layer.branches, input, "activationBytes") / BYTES_PER_NUMBER + elements(output),
  },
};

/** Numbers in one image's activations of this shape. */
export function elements(shape: Shape): number {
  return shape.height * shape.width * shape.channels;
}

/** Bytes of 32-bit activations of this shape for one image. */
export function activationBytes(shape: Shape): number {
  return elements(shape) * BYTES_PER_NUMBER;
}

/**
 * The shape that a list of layers, applied one after the other, produces.
 *
 * @throws Error when a layer is given another number of channels than it was made for
 */
export function outputShape(layers: readonly Layer[], input: Shape): Shape {
  return layers.reduce((shape, layer) => rowOf(layer).shape(layer, shape), input);
}

/**
 * What a list of layers, applied one after the other, costs, and the shape it produces.
 *
 * @throws Error when a layer is given another number of channels than it was made for
 */
export function layersCost(layers: readonly Layer[], input: Shape): Cost & { output: Shape } {
  const cost: Cost = { parameters: 0, macs: 0, activationBytes: 0, modelBytes: 0 };
  let shape = input;
  for (const [index, layer] of layers.entries()) {
    const row = rowOf(layer);
    const output = row.shape(layer, shape);
    cost.parameters += row.parameters(layer, shape);
    cost.macs += row.macs(layer, output, shape);
    cost.activationBytes += row.activations(layer, output, shape) * BYTES_PER_NUMBER;
    cost.modelBytes += storedNumbers(layer, shape, layers[index - 1]) * BYTES_PER_NUMBER;
    shape = output;
  }
  return { ...cost, output: shape };
}

/** Numbers that an exported model keeps of a layer. */
function storedNumbers(layer: Layer, input: Shape, before: Layer | undefined): number {
  if (layer.kind === "batchNorm") return (isConvolution(before) ? 1 : 2) * layer.channels;
  if (layer.kind === "concat" || layer.kind === "sum")
    return branchTotal(layer.branches, input, "modelBytes") / BYTES_PER_NUMBER;
  return rowOf(layer).parameters(layer, input);
}

/** What a batch norm becomes part of: one convolution, or several side by side. */
const isConvolution = (layer: Layer | undefined): boolean =>
  layer?.kind === "conv" ||
  (layer?.kind === "concat" && layer.branches.every((branch) => isConvolution(branch.at(-1))));

function branchTotal(branches: readonly Layer[][], input: Shape, quantity: keyof Cost): number {
  return branches.reduce((total, branch) => total + layersCost(branch, input)[quantity], 0);
}

function rowOf(layer: Layer): Row<Layer> {
  return rows[layer.kind] as Row<Layer>;
}

function windowed(length: number, window: number, stride: number, padding: number): number {
  return Math.floor((length + 2 * padding - window) / stride) + 1;
}

function expectChannels(kind: string, expected: number, input: Shape): void {
  if (input.channels !== expected) {
    throw new Error(`A ${kind} for ${expected} channels was given ${input.channels}.`);
  }
}
