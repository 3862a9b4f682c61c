/**
 * The format `onnx`: one file for onnxruntime and other runtimes. Convolutions in ONNX are NCHW, so the graph starts by
 * transposing its input, which is NHWC as in the other formats.
 */

import type { Window } from "../kernels/types.ts";
import { joined } from "./bytes.ts";
import { type Computation, isFlat, type Model, type Rows, write } from "./computation.ts";
import { encodeOnnx, type OnnxNode, type OnnxTensor } from "./onnxMessages.ts";

const INPUT = "pixels";
const OUTPUT = "logits";

class Graph {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];

  /** @returns the name of the node's result */
  add(opType: string, input: readonly string[], attributes: OnnxNode["attributes"] = {}): string {
    const name = `${opType}_${this.nodes.length}`;
    this.nodes.push({ opType, name, input, output: [name], attributes });
    return name;
  }

  floats(values: Float32Array, shape: readonly number[] = [values.length]): string {
    return this.#initializer(values, shape);
  }

  integers(...values: number[]): string {
    return this.#initializer(BigInt64Array.from(values, BigInt), [values.length]);
  }

  /** A number for each channel of an image. */
  perChannel(values: Float32Array): string {
    return this.floats(values, [values.length, 1, 1]);
  }

  #initializer(values: OnnxTensor["values"], shape: readonly number[]): string {
    const name = `weights_${this.initializers.length}`;
    this.initializers.push({ name, values, shape });
    return name;
  }
}

const rows: Rows<Graph> = {
  pixels: (graph) => graph.add("Transpose", [INPUT], { perm: [0, 3, 1, 2] }),
  features: () => INPUT,
  scale: (graph, { factor, summand }, [x]) =>
    graph.add("Add", [graph.add("Mul", [x, graph.perChannel(factor)]), graph.perChannel(summand)]),
  relu: (graph, _computation, [x]) => graph.add("Relu", [x]),
  offset(graph, { shape: { height, width } }, [x]) {
    const corners = [graph.integers(1, 1), graph.integers(height, width), graph.integers(2, 3)];
    return graph.add("Pad", [graph.add("Slice", [x, ...corners]), graph.integers(0, 0, 0, 0, 0, 0, 1, 1)]);
  },
  conv(graph, { filter, bias, window }, [x]) {
    const [height, width, inputs, outputs] = filter.shape as [number, number, number, number];
    const weight = graph.floats(transposed(filter.values, height * width, inputs, outputs), [
      outputs,
      inputs,
      height,
      width,
    ]);
    return graph.add("Conv", [x, weight, ...(bias ? [graph.floats(bias)] : [])], convWindow(window));
  },
  depthwiseConv(graph, { filter, window }, [x]) {
    const [height, width, channels] = filter.shape as [number, number, number];
    const weight = graph.floats(transposed(filter.values, height * width, 1, channels), [
      channels,
      1,
      height,
      width,
    ]);
    return graph.add("Conv", [x, weight], { ...convWindow(window), group: channels });
  },
  maxPool: (graph, { window }, [x]) => graph.add("MaxPool", [x], windowAttributes(window)),
  avgPool: (graph, { window }, [x]) =>
    graph.add("AveragePool", [x], { ...windowAttributes(window), count_include_pad: 0 }),
  globalAvgPool: (graph, _computation, [x]) => graph.add("Flatten", [graph.add("GlobalAveragePool", [x])]),
  linear: (graph, { weight, bias }, [x]) =>
    graph.add("Gemm", [x, graph.floats(weight.values, weight.shape), graph.floats(bias)]),
  concat: (graph, _computation, inputs) => graph.add("Concat", inputs, { axis: 1 }),
  sum: (graph, _computation, inputs) => graph.add("Sum", inputs),
};

/** @param metadata texts by key, as the file's own metadata */
export const onnxFile = (model: Model, metadata: Readonly<Record<string, string>>): Uint8Array =>
  joined(onnxPieces(model, metadata));

/** The file in pieces, for whom it is too large to be held twice. */
export function onnxPieces(model: Model, metadata: Readonly<Record<string, string>>): Uint8Array[] {
  const graph = new Graph();
  const logits = write(model.logits, graph, rows);
  const last: OnnxNode = {
    opType: "Identity",
    name: OUTPUT,
    input: [logits],
    output: [OUTPUT],
    attributes: {},
  };
  return encodeOnnx({
    nodes: [...graph.nodes, last],
    initializers: graph.initializers,
    input: { name: INPUT, shape: shapeOf(model.pixels) },
    output: { name: OUTPUT, shape: shapeOf(model.logits) },
    metadata,
  });
}

/** Of any number of images; those of the user are NHWC. */
function shapeOf(computation: Computation): (number | string)[] {
  const { height, width, channels } = computation.shape;
  if (isFlat(computation)) return ["images", channels];
  if (computation.op === "pixels") return ["images", height, width, channels];
  return ["images", channels, height, width];
}

function windowAttributes({ size, stride, padding }: Window): Record<string, readonly number[]> {
  return { kernel_shape: size, strides: stride, pads: [...padding, ...padding] };
}

const convWindow = (window: Window) => ({ ...windowAttributes(window), dilations: window.dilation });

/** From [positions, inputs, outputs] to [outputs, inputs, positions]. */
function transposed(values: Float32Array, positions: number, inputs: number, outputs: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let position = 0; position < positions; position++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        const from = (position * inputs + input) * outputs + output;
        result[(output * inputs + input) * positions + position] = values[from] as number;
      }
    }
  }
  return result;
}
