/**
 * The file format of ONNX: the few messages of a model that we write, and their encoding. Field numbers are those of
 * onnx.proto3.
 */

import {
  bytesField,
  integerField,
  integersField,
  type Message,
  messageField,
  textField,
} from "./protobuf.ts";

export interface OnnxTensor {
  name: string;
  values: Float32Array | BigInt64Array;
  shape: readonly number[];
}

export interface OnnxNode {
  opType: string;
  name: string;
  input: readonly string[];
  output: readonly string[];
  /** Lists of integers, or single ones. */
  attributes: Readonly<Record<string, number | readonly number[]>>;
}

/** An input or output of floats; a dimension that is a text may have any size. */
export interface OnnxValue {
  name: string;
  shape: readonly (number | string)[];
}

export interface OnnxModel {
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxTensor[];
  input: OnnxValue;
  output: OnnxValue;
  metadata: Readonly<Record<string, string>>;
}

/** Version 17 of the operators came with version 8 of the file format; both are of 2022. */
const OPERATORS_VERSION = 17;
const FORMAT_VERSION = 8;
const dataTypes = { float32: 1, int64: 7 };
const attributeTypes = { int: 2, ints: 7 };

/** The content of a `.onnx` file, in pieces. */
export function encodeOnnx({ nodes, initializers, input, output, metadata }: OnnxModel): Uint8Array[] {
  const graph = [
    ...nodes.flatMap((node) => messageField(1, nodeMessage(node))),
    ...textField(2, "nasturtium"),
    ...initializers.flatMap((tensor) => messageField(5, tensorMessage(tensor))),
    ...messageField(11, valueMessage(input)),
    ...messageField(12, valueMessage(output)),
  ];
  return [
    ...integerField(1, FORMAT_VERSION),
    ...textField(2, "nasturtium"),
    ...messageField(7, graph),
    ...messageField(8, [...textField(1, ""), ...integerField(2, OPERATORS_VERSION)]),
    ...Object.entries(metadata).flatMap(([key, value]) =>
      messageField(14, [...textField(1, key), ...textField(2, value)]),
    ),
  ];
}

const nodeMessage = ({ opType, name, input, output, attributes }: OnnxNode): Message => [
  ...input.flatMap((value) => textField(1, value)),
  ...output.flatMap((value) => textField(2, value)),
  ...textField(3, name),
  ...textField(4, opType),
  ...Object.entries(attributes).flatMap(([key, value]) => messageField(5, attributeMessage(key, value))),
];

const attributeMessage = (name: string, value: number | readonly number[]): Message => [
  ...textField(1, name),
  ...(typeof value === "number" ? integerField(3, value) : integersField(8, value)),
  ...integerField(20, typeof value === "number" ? attributeTypes.int : attributeTypes.ints),
];

const tensorMessage = ({ name, values, shape }: OnnxTensor): Message => [
  ...integersField(1, shape),
  ...integerField(2, values instanceof Float32Array ? dataTypes.float32 : dataTypes.int64),
  ...textField(8, name),
  ...bytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
];

function valueMessage({ name, shape }: OnnxValue): Message {
  const dimensions = shape.flatMap((size) =>
    messageField(1, typeof size === "number" ? integerField(1, size) : textField(2, size)),
  );
  const tensor = [...integerField(1, dataTypes.float32), ...messageField(2, dimensions)];
  return [...textField(1, name), ...messageField(2, messageField(1, tensor))];
}
