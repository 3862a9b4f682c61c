/**
 * The file format of TensorFlow graphs: the few messages of a SavedModel that we write, and their encoding.
 * Field numbers are those of TensorFlow's own protos (tensorflow/core/framework, core/protobuf).
 */

import protobuf from "protobufjs";
import type { NodeDef } from "./nodes.ts";

interface ArgumentDef {
  name: string;
  type: number;
}

export interface FunctionDef {
  signature: { name: string; inputArg: ArgumentDef[]; outputArg: ArgumentDef[] };
  nodeDef: NodeDef[];
  /** By output argument, where its value comes from. */
  ret: Record<string, string>;
}

interface TensorInfo {
  name: string;
  dtype: number;
}

export interface Signature {
  inputs: Record<string, TensorInfo>;
  outputs: Record<string, TensorInfo>;
  methodName: string;
}

export interface SavedModel {
  nodes: NodeDef[];
  functions?: FunctionDef[];
  signatures: Record<string, Signature>;
}

/** The producer version that TensorFlow 2.21 writes; old ones turn on behaviour of old versions. */
const PRODUCER = 2_200;
const SCHEMA_VERSION = 1;

const field = (id: number, type: string, rule?: "repeated") => ({ id, type, ...(rule ? { rule } : {}) });
const map = (id: number, type: string) => ({ id, type, keyType: "string" });

const root = protobuf.Root.fromJSON({
  nested: {
    Dim: { fields: { size: field(1, "int64") } },
    Shape: { fields: { dim: field(2, "Dim", "repeated"), unknownRank: field(3, "bool") } },
    Tensor: {
      fields: { dtype: field(1, "int32"), tensorShape: field(2, "Shape"), tensorContent: field(4, "bytes") },
    },
    NameAttrList: { fields: { name: field(1, "string") } },
    ListValue: {
      fields: {
        i: { ...field(3, "int64", "repeated"), options: { packed: true } },
        type: { ...field(6, "int32", "repeated"), options: { packed: true } },
        func: field(9, "NameAttrList", "repeated"),
      },
    },
    AttrValue: {
      oneofs: { value: { oneof: ["list", "s", "i", "f", "b", "type", "shape", "tensor", "func"] } },
      fields: {
        list: field(1, "ListValue"),
        s: field(2, "bytes"),
        i: field(3, "int64"),
        f: field(4, "float"),
        b: field(5, "bool"),
        type: field(6, "int32"),
        shape: field(7, "Shape"),
        tensor: field(8, "Tensor"),
        func: field(10, "NameAttrList"),
      },
    },
    NodeDef: {
      fields: {
        name: field(1, "string"),
        op: field(2, "string"),
        input: field(3, "string", "repeated"),
        attr: map(5, "AttrValue"),
      },
    },
    ArgDef: { fields: { name: field(1, "string"), type: field(3, "int32") } },
    OpDef: {
      fields: {
        name: field(1, "string"),
        inputArg: field(2, "ArgDef", "repeated"),
        outputArg: field(3, "ArgDef", "repeated"),
      },
    },
    FunctionDef: {
      fields: {
        signature: field(1, "OpDef"),
        nodeDef: field(3, "NodeDef", "repeated"),
        ret: map(4, "string"),
      },
    },
    Library: { fields: { function: field(1, "FunctionDef", "repeated") } },
    VersionDef: { fields: { producer: field(1, "int32"), minConsumer: field(2, "int32") } },
    GraphDef: {
      fields: {
        node: field(1, "NodeDef", "repeated"),
        library: field(2, "Library"),
        versions: field(4, "VersionDef"),
      },
    },
    TensorInfo: {
      fields: { name: field(1, "string"), dtype: field(2, "int32"), tensorShape: field(3, "Shape") },
    },
    SignatureDef: {
      fields: { inputs: map(1, "TensorInfo"), outputs: map(2, "TensorInfo"), methodName: field(3, "string") },
    },
    MetaInfo: { fields: { tags: field(4, "string", "repeated"), tensorflowVersion: field(5, "string") } },
    MetaGraph: {
      fields: {
        metaInfoDef: field(1, "MetaInfo"),
        graphDef: field(2, "GraphDef"),
        signatureDef: map(5, "SignatureDef"),
      },
    },
    SavedModel: {
      fields: { savedModelSchemaVersion: field(1, "int64"), metaGraphs: field(2, "MetaGraph", "repeated") },
    },
  },
});
const SavedModelMessage = root.lookupType("SavedModel");

/** The content of `saved_model.pb`: one graph with the tag `serve`. */
export function encodeSavedModel({ nodes, functions = [], signatures }: SavedModel): Uint8Array {
  const message = {
    savedModelSchemaVersion: SCHEMA_VERSION,
    metaGraphs: [
      {
        metaInfoDef: { tags: ["serve"] },
        graphDef: { node: nodes, library: { function: functions }, versions: { producer: PRODUCER } },
        signatureDef: signatures,
      },
    ],
  };
  return SavedModelMessage.encode(message).finish();
}
