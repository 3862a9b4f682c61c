/** A network as data for others: its parts with their layers, each with the shape that it gives. Compact: shapes are lists. */

import { visitParts } from "./count.ts";
import { outputShape, type Shape } from "./layers.ts";
import type { Layer, Network } from "./network.ts";

type ShapeList = [height: number, width: number, channels: number];

/** A layer as it is described, its branches as graphs of their own, with the shape of its result. */
export type GraphLayer = { kind: Layer["kind"]; output: ShapeList; branches?: GraphLayer[][] } & Record<
  string,
  unknown
>;

export interface NetworkGraph {
  image: ShapeList;
  /**
   * In the order of execution. The input of a part is the result of `from`, several concatenated along the channels; parts
   * with the same `to` are added up, which gives the node of that name. The last one gives the class scores.
   */
  parts: { path: string; from: readonly string[]; to?: string; layers: GraphLayer[]; output: ShapeList }[];
}

/** @throws Error when the network's shapes do not fit together */
export function graphOf(network: Network): NetworkGraph {
  const parts: NetworkGraph["parts"] = [];
  visitParts(network, ({ path, from, to, layers }, input) => {
    const output = listed(outputShape(layers, input));
    parts.push({
      path,
      from,
      ...(to === undefined ? {} : { to }),
      layers: graphLayers(layers, input),
      output,
    });
  });
  return { image: listed(network.image), parts };
}

function graphLayers(layers: readonly Layer[], input: Shape): GraphLayer[] {
  let shape = input;
  return layers.map((layer) => {
    const before = shape;
    shape = outputShape([layer], before);
    const branches =
      "branches" in layer ? { branches: layer.branches.map((branch) => graphLayers(branch, before)) } : {};
    return { ...layer, ...branches, output: listed(shape) } as GraphLayer;
  });
}

const listed = ({ height, width, channels }: Shape): ShapeList => [height, width, channels];
