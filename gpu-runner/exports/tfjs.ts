/**
 * The format `tfjs`: a graph model, TensorFlow nodes as JSON and one file of weights. Loads with `tf.loadGraphModel`
 * in plain @tensorflow/tfjs on every backend.
 */

import { type Attribute, dataTypes } from "../graph/nodes.ts";
import { joined } from "./bytes.ts";
import type { Model } from "./computation.ts";
import { type TarFile, tar } from "./tar.ts";
import { batchOf, INPUT, OUTPUT, outputOf, tensorflowNodes } from "./tensorflow.ts";

interface WeightEntry {
  name: string;
  shape: number[];
  dtype: "float32" | "int32";
}

/** What `model.json` and, in pieces, `weights.bin` hold. @param metadata any JSON, for `userDefinedMetadata` */
export function tfjsModel(model: Model, metadata: object) {
  const entries: WeightEntry[] = [];
  const data: Uint8Array[] = [];
  const node = tensorflowNodes(model).map(({ name, op, input, attr }) => {
    const tensor = op === "Const" ? attr.value?.tensor : undefined;
    if (tensor) {
      const dtype = tensor.dtype === dataTypes.int32 ? "int32" : "float32";
      entries.push({ name, shape: tensor.tensorShape.dim.map(({ size }) => size), dtype });
      data.push(tensor.tensorContent);
    }
    const attributes = Object.entries(attr).map(([key, value]) => [key, jsonOf(value)]);
    return { name, op, input, attr: Object.fromEntries(attributes) };
  });
  const json = {
    format: "graph-model",
    generatedBy: "nasturtium",
    convertedBy: null,
    signature: {
      inputs: port(INPUT, batchOf(model.pixels.shape)),
      outputs: port(OUTPUT, outputOf(model.logits)),
    },
    modelTopology: { node, library: {}, versions: { producer: 1 } },
    weightsManifest: [{ paths: ["weights.bin"], weights: entries }],
    userDefinedMetadata: metadata,
  };
  return { json, entries, weights: data };
}

/** The files of the folder that `tf.loadGraphModel` takes. */
export function tfjsFiles(model: Model, metadata: object): TarFile[] {
  const { json, weights } = tfjsModel(model, metadata);
  return [
    { name: "model.json", bytes: new TextEncoder().encode(JSON.stringify(json)) },
    { name: "weights.bin", bytes: joined(weights) },
  ];
}

/** A tar of those files. */
export const tfjsArchive = (model: Model, metadata: object): Uint8Array => tar(tfjsFiles(model, metadata));

const port = (name: string, shape: readonly number[]) => ({
  [name]: {
    name: `${name}:0`,
    dtype: "DT_FLOAT",
    tensorShape: { dim: shape.map((size) => ({ size: String(size) })) },
  },
});

/** As protobuf's JSON has it, without the numbers of a tensor. */
function jsonOf(value: Attribute): object {
  const { s, tensor, ...plain } = value;
  return {
    ...plain,
    ...(s && { s: btoa(String.fromCharCode(...s)) }),
    ...(tensor && { tensor: { dtype: tensor.dtype, tensorShape: tensor.tensorShape } }),
  };
}
