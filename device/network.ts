/**
 * From a subject to the model that runs: the graph that an export of it holds, with weights drawn from a fixed seed,
 * since times and energy do not depend on them. Platform-free.
 */

import type { io } from "@tensorflow/tfjs-core";
import { joined } from "../gpu-runner/exports/bytes.ts";
import { type Model, modelOf, modelOfPart } from "../gpu-runner/exports/computation.ts";
import { tfjsModel } from "../gpu-runner/exports/tfjs.ts";
import {
  type NamedValues,
  type NormalisationShape,
  normalisationShapes,
  normalisationsIn,
  startValues,
  type WeightShape,
  weightShapes,
  weightShapesOf,
} from "../gpu-runner/weightShapes.ts";
import type { NetworkSubject, OperationSubject, Subject } from "../shared/measuring.ts";
import { deriveNetwork } from "../shared/network.ts";
import { operations } from "../shared/operations.ts";
import { didYouMean } from "../shared/suggest.ts";

const WEIGHTS_SEED = 1;
/** Of pixels from 0 to 1; the preprocessing is part of what is exported, whatever its numbers are. */
const PIXEL_MEAN = 0.5;
const PIXEL_DEVIATION = 0.25;
/** Neither zero nor so small that arithmetic on it takes another time. */
const PIXEL = 100;

/** @throws Error where there is no such network or operation */
export const modelOfSubject = (subject: Subject): Model =>
  subject.kind === "network" ? networkModel(subject) : operationModel(subject);

function networkModel(subject: NetworkSubject): Model {
  const { genotype, skeleton, stem, channels, layers, classes, image } = subject;
  const network = deriveNetwork({
    genotype,
    skeleton,
    auxiliary: false,
    stem,
    channels,
    layers,
    classes,
    image,
  });
  const values = drawn(weightShapes(network), normalisationShapes(network));
  const ofEach = (value: number) => Array.from({ length: image.channels }, () => value);
  return modelOf(network, values, { mean: ofEach(PIXEL_MEAN), std: ofEach(PIXEL_DEVIATION) });
}

/** As it is in a derived network. There `none` is left out: what is measured of it is what an empty graph takes. */
function operationModel({ operation: name, shape, stride }: OperationSubject): Model {
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (!operation)
    throw new Error(`There is no operation "${name}". ${didYouMean(name, Object.keys(operations))}`);
  const placement = { channels: shape.channels, stride, affine: true, search: false };
  const part = { path: name, layers: operation.isNone ? [] : operation.layers(placement) };
  return modelOfPart(part, shape, drawn(weightShapesOf(part), normalisationsIn([part])));
}

/** Batch norms that change nothing, so that numbers stay of ordinary size. */
function drawn(weights: WeightShape[], normalisations: NormalisationShape[]): NamedValues {
  const values: NamedValues = new Map();
  for (const weight of weights)
    values.set(weight.name, { shape: weight.shape, values: startValues(weight, WEIGHTS_SEED) });
  const channels = normalisations.reduce((total, { channels }) => total + channels, 0);
  values.set("moving/mean", { shape: [channels], values: new Float32Array(channels) });
  values.set("moving/variance", { shape: [channels], values: new Float32Array(channels).fill(1) });
  return values;
}

/** Images or activations to run a model on, as the formats of TensorFlow take them: [images, rows, columns, channels]. */
export function inputOf({ pixels }: Model, batchSize: number) {
  const { height, width, channels } = pixels.shape;
  const shape: [number, number, number, number] = [batchSize, height, width, channels];
  return { shape, values: new Float32Array(batchSize * height * width * channels).fill(PIXEL) };
}

/** For `tf.loadGraphModel(tf.io.fromMemory(artifacts))`. */
export function graphModelOf(
  subject: Subject,
  batchSize: number,
): {
  artifacts: io.ModelArtifacts;
  inputShape: [images: number, rows: number, columns: number, channels: number];
  inputValues: Float32Array;
} {
  const model = modelOfSubject(subject);
  const { json, entries, weights } = tfjsModel(model, {});
  const { format, generatedBy, convertedBy, signature, modelTopology } = json;
  const { shape, values } = inputOf(model, batchSize);
  return {
    artifacts: {
      format,
      generatedBy,
      convertedBy,
      signature,
      modelTopology,
      weightSpecs: entries,
      weightData: joined(weights).buffer,
    },
    inputShape: shape,
    inputValues: values,
  };
}
