/**
 * The format `saved-model`: a folder for TensorFlow with the weights as constants of the graph, so that it needs no
 * `variables`. Loads with `tf.saved_model.load`, as a layer of Keras and in tfjs-node.
 */

import { attribute, dataTypes } from "../graph/nodes.ts";
import { encodeSavedModel } from "../graph/savedModel.ts";
import type { Model } from "./computation.ts";
import { type TarFile, tar } from "./tar.ts";
import { batchOf, INPUT, OUTPUT, outputOf, tensorflowNodes } from "./tensorflow.ts";

/**
 * A tar of `saved_model.pb`, with the tag `serve` and the signature `serving_default`, and of the description in
 * `assets.extra`, the folder that TensorFlow leaves to others.
 */
export function savedModelArchive(model: Model, description: object): Uint8Array {
  const signature = {
    inputs: port(INPUT, batchOf(model.pixels.shape)),
    outputs: port(OUTPUT, outputOf(model.logits)),
    methodName: "tensorflow/serving/predict",
  };
  const files: TarFile[] = [
    {
      name: "saved_model.pb",
      bytes: encodeSavedModel({
        nodes: tensorflowNodes(model),
        signatures: { serving_default: signature },
      }),
    },
    {
      name: "assets.extra/description.json",
      bytes: new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`),
    },
  ];
  return tar(files);
}

const port = (name: string, shape: readonly number[]) => ({
  [name]: { name: `${name}:0`, dtype: dataTypes.float32, tensorShape: attribute.shape(shape).shape },
});
