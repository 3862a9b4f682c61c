/**
 * Names, shapes and first values of a network's weights, from its description alone: whatever writes or counts them needs
 * no framework.
 */

import type { Choice, Layer, Network } from "../shared/network.ts";
import { deriveSeed, Random } from "../shared/random.ts";

/** One weight: how it is called, shaped and started. */
export interface WeightShape {
  name: string;
  shape: number[];
  start: "he-normal" | "zeros" | "ones";
  /** Inputs that one output sums over, for the start values. */
  fanIn: number;
}

/** The weights that one layer owns; layers without a row own none. */
const weightsOfLayer: {
  [K in Layer["kind"]]?: (layer: Extract<Layer, { kind: K }>, path: string) => WeightShape[];
} = {
  conv: ({ kernel: [height, width], inputs, outputs, bias }, path) => [
    {
      name: `${path}.weight`,
      shape: [height, width, inputs, outputs],
      start: "he-normal",
      fanIn: height * width * inputs,
    },
    ...(bias
      ? [{ name: `${path}.bias`, shape: [outputs], start: "zeros", fanIn: 1 } satisfies WeightShape]
      : []),
  ],
  depthwiseConv: ({ kernel, channels }, path) => [
    {
      name: `${path}.weight`,
      shape: [kernel, kernel, channels, 1],
      start: "he-normal",
      fanIn: kernel * kernel,
    },
  ],
  batchNorm: ({ channels, affine }, path) =>
    affine
      ? [
          { name: `${path}.scale`, shape: [channels], start: "ones", fanIn: 1 },
          { name: `${path}.shift`, shape: [channels], start: "zeros", fanIn: 1 },
        ]
      : [],
  linear: ({ inputs, outputs }, path) => [
    // A hundredth of He's variance: nothing normalises what reaches the classifier, and steps spent on taking back
    // confident first guesses are lost.
    { name: `${path}.weight`, shape: [inputs, outputs], start: "he-normal", fanIn: 100 * inputs },
    { name: `${path}.bias`, shape: [outputs], start: "zeros", fanIn: 1 },
  ],
};

/** Calls `visit` for every layer of the list, branches included, with the path that names its weights. */
export function visitLayers(
  layers: Layer[],
  path: string,
  visit: (layer: Layer, path: string) => void,
): void {
  for (const [index, layer] of layers.entries()) {
    const layerPath = `${path}.${index}`;
    visit(layer, layerPath);
    if (layer.kind !== "concat" && layer.kind !== "sum") continue;
    for (const [branch, inner] of layer.branches.entries())
      visitLayers(inner, `${layerPath}.${branch}`, visit);
  }
}

/** The weights of one list of layers. */
export function weightShapesOf({ path, layers }: { path: string; layers: Layer[] }): WeightShape[] {
  const found: WeightShape[] = [];
  visitLayers(layers, path, (layer, layerPath) => {
    const rule = weightsOfLayer[layer.kind] as ((layer: Layer, path: string) => WeightShape[]) | undefined;
    if (rule) found.push(...rule(layer, layerPath));
  });
  return found;
}

/** Everything that has a path: what runs whatever is chosen, and the choices that `isChosen` accepts. */
export function* layerLists(
  network: Network,
  isChosen: (choice: Choice, index: number, kind: string, position: number) => boolean = () => true,
): Generator<{ path: string; layers: Layer[] }> {
  yield* network.stems;
  for (const cell of network.cells) {
    yield* cell.preprocess;
    for (const edge of cell.edges) {
      for (const [index, choice] of edge.choices.entries()) {
        if (isChosen(choice, index, cell.kind, edge.position)) yield choice;
      }
    }
  }
  yield network.head;
  if (network.auxiliary) yield network.auxiliary;
}

/** Every weight of the network, in order of execution. */
export const weightShapes = (network: Network): WeightShape[] =>
  [...layerLists(network)].flatMap(weightShapesOf);

/** Where a batch normalisation's statistics stand in the joined vectors of all of a network's. */
export interface NormalisationShape {
  path: string;
  channels: number;
  offset: number;
}

/** The batch normalisations of a derived network, in order of description. */
export const normalisationShapes = (network: Network): NormalisationShape[] =>
  normalisationsIn(layerLists(network));

/** Those of some lists of layers. */
export function normalisationsIn(lists: Iterable<{ path: string; layers: Layer[] }>): NormalisationShape[] {
  const found: NormalisationShape[] = [];
  let offset = 0;
  for (const { path, layers } of lists) {
    visitLayers(layers, path, (layer, layerPath) => {
      if (layer.kind !== "batchNorm") return;
      found.push({ path: layerPath, channels: layer.channels, offset });
      offset += layer.channels;
    });
  }
  return found;
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, length) => product * length, 1);

/**
 * A weight's first values. They follow from the seed and the weight's name alone, so that a weight starts the
 * same whatever other weights the network has.
 */
export function startValues({ name, shape, start, fanIn }: WeightShape, seed: number): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  if (start === "ones") return values.fill(1);
  if (start === "zeros") return values;
  const random = new Random(deriveSeed(seed, "weight", name));
  const deviation = Math.sqrt(2 / fanIn);
  for (let index = 0; index < values.length; index++) values[index] = deviation * random.normal();
  return values;
}

/** Names with their values as plain arrays: what a checkpoint holds. */
export type NamedValues = Map<string, { shape: number[]; values: Float32Array }>;
