/**
 * The file format of ONNX: the few messages of a model that we write, and their encoding. Field numbers are those of
 * onnx.proto3.
 */

import protobuf from "protobufjs";

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

const field = (id: number, type: string, rule?: "repeated") => ({ id, type, ...(rule ? { rule } : {}) });

const root = protobuf.Root.fromJSON({
  nested: {
    Attribute: {
      fields: {
        name: field(1, "string"),
        i: field(3, "int64"),
        ints: field(8, "int64", "repeated"),
        type: field(20, "int32"),
      },
    },
    Node: {
      fields: {
        input: field(1, "string", "repeated"),
        output: field(2, "string", "repeated"),
        name: field(3, "string"),
        opType: field(4, "string"),
        attribute: field(5, "Attribute", "repeated"),
      },
    },
    Tensor: {
      fields: {
        dims: field(1, "int64", "repeated"),
        dataType: field(2, "int32"),
        name: field(8, "string"),
        rawData: field(9, "bytes"),
      },
    },
    Dimension: { fields: { dimValue: field(1, "int64"), dimParam: field(2, "string") } },
    Shape: { fields: { dim: field(1, "Dimension", "repeated") } },
    TensorType: { fields: { elemType: field(1, "int32"), shape: field(2, "Shape") } },
    Type: { fields: { tensorType: field(1, "TensorType") } },
    ValueInfo: { fields: { name: field(1, "string"), type: field(2, "Type") } },
    Graph: {
      fields: {
        node: field(1, "Node", "repeated"),
        name: field(2, "string"),
        initializer: field(5, "Tensor", "repeated"),
        input: field(11, "ValueInfo", "repeated"),
        output: field(12, "ValueInfo", "repeated"),
      },
    },
    OperatorSet: { fields: { domain: field(1, "string"), version: field(2, "int64") } },
    Entry: { fields: { key: field(1, "string"), value: field(2, "string") } },
    Model: {
      fields: {
        irVersion: field(1, "int64"),
        producerName: field(2, "string"),
        graph: field(7, "Graph"),
        opsetImport: field(8, "OperatorSet", "repeated"),
        metadataProps: field(14, "Entry", "repeated"),
      },
    },
  },
});
const ModelMessage = root.lookupType("Model");

/** The content of a `.onnx` file. */
export function encodeOnnx({ nodes, initializers, input, output, metadata }: OnnxModel): Uint8Array {
  const message = {
    irVersion: FORMAT_VERSION,
    producerName: "nasturtium",
    opsetImport: [{ domain: "", version: OPERATORS_VERSION }],
    graph: {
      name: "nasturtium",
      node: nodes.map(({ attributes, ...node }) => ({
        ...node,
        attribute: Object.entries(attributes).map(([name, value]) =>
          typeof value === "number"
            ? { name, type: attributeTypes.int, i: value }
            : { name, type: attributeTypes.ints, ints: value },
        ),
      })),
      initializer: initializers.map(({ name, values, shape }) => ({
        name,
        dims: shape,
        dataType: values instanceof Float32Array ? dataTypes.float32 : dataTypes.int64,
        rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      })),
      input: [valueInfo(input)],
      output: [valueInfo(output)],
    },
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return ModelMessage.encode(message).finish();
}

function valueInfo({ name, shape }: OnnxValue): object {
  const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: dataTypes.float32, shape: { dim } } } };
}
