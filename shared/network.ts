/**
 * What a network is made of, as plain data: layers, cells and their wiring, with the name of every weight.
 * A derived network is a supernet with exactly one choice on each edge; edges may join the same two nodes. Counting, eager execution and graph
 * compilation all read this description; nothing here knows how it is executed.
 */

import type { Genotype } from "./genotype.ts";
import type { Placement } from "./operations.ts";
import { conv, factorizedReduce, norm, operations, reluConvNorm } from "./operations.ts";
import type { Choices, SearchSpace, Skeleton, SpaceEdge } from "./space.ts";
import { concatOf, edgesOf, spaces } from "./space.ts";
import { didYouMean } from "./suggest.ts";

/** A primitive layer. `inputs`/`outputs`/`channels` count channels; images are NHWC. */
export type Layer =
  | { kind: "relu" }
  | { kind: "identity" }
  /** Zeros of the input's shape, rows and columns divided by `stride` (rounded up). */
  | { kind: "zero"; stride: number }
  /** Rows and columns shifted by one (first row and column dropped, zeros at the end): the second half of a factorized reduce. */
  | { kind: "offset" }
  | {
      kind: "conv";
      kernel: [height: number, width: number];
      stride: [height: number, width: number];
      /** Symmetric zero padding in pixels. */
      padding: [height: number, width: number];
      inputs: number;
      outputs: number;
      bias: boolean;
    }
  | {
      kind: "depthwiseConv";
      kernel: number;
      stride: number;
      dilation: number;
      padding: number;
      channels: number;
    }
  | { kind: "batchNorm"; channels: number; affine: boolean }
  | { kind: "maxPool"; size: number; stride: number; padding: number }
  /** Average pooling whose padding is not counted in the average. */
  | { kind: "avgPool"; size: number; stride: number; padding: number }
  | { kind: "globalAvgPool" }
  | { kind: "linear"; inputs: number; outputs: number }
  /** Every branch on the same input; results concatenated along the channels. */
  | { kind: "concat"; branches: Layer[][] }
  /** Every branch on the same input; results added. */
  | { kind: "sum"; branches: Layer[][] };

/** One candidate operation on an edge. Weights are named `<path>.<layer index>[.<branch>.<layer index>].(weight|bias|scale|shift)`. */
export interface Choice {
  operation: string;
  /** No other choice of the network has it. */
  path: string;
  layers: Layer[];
  /** Skip connections: the search may drop them out, drop-path leaves them alone. */
  isSkip: boolean;
  /** `none`: contributes zeros; an executor may leave it out of the sum. */
  isNone: boolean;
}

export interface Edge {
  /** Index of the node it comes from: 0..inputs-1 are the cell's inputs, then the intermediate nodes. */
  from: number;
  /** Index of the node it goes to. */
  to: number;
  /**
   * Index of this edge among the edges of its cell kind: the row of the policy that chooses here. In a derived network the
   * same for all that join the same two nodes.
   */
  position: number;
  choices: Choice[];
}

export interface Cell {
  /** `normal`, `reduction`: which policy chooses here. */
  kind: string;
  path: string;
  /** Indices of the states feeding this cell: states are the stems' outputs, then each cell's output. */
  inputStates: number[];
  /** One layer list per input, weights under `<path>.preprocess.<i>`. */
  preprocess: { path: string; layers: Layer[] }[];
  nodes: number;
  edges: Edge[];
  /** Node indices whose concatenation (or single value) is the cell's output. A node without edges is zeros. */
  concat: number[];
  /**
   * Channels of every node of this cell, and the nodes' rows and columns relative to the first preprocessed input's
   * (1 or 2).
   */
  channels: number;
  stride: number;
}

export interface Network {
  image: { height: number; width: number; channels: number };
  classes: number;
  /** Applied one after the other; the output of each that is listed in `states` becomes a state for the cells. */
  stems: { path: string; layers: Layer[]; isState: boolean }[];
  /** When there is one stem state and cells want two inputs, `inputStates` repeats it. */
  cells: Cell[];
  /** Classifier on the last state. */
  head: { path: string; layers: Layer[] };
  /** Second classifier on the output of cell `afterCell`, used in final training only. */
  auxiliary?: { path: string; layers: Layer[]; afterCell: number };
}

/** The size of a network, apart from what its cells hold. */
export interface NetworkSize {
  /** Channels of the first cells' nodes. */
  channels: number;
  /** Cells in all; the two residual blocks of the NAS-Bench-201 skeleton count, so there it is 3 x cells per stage + 2. */
  layers: number;
  classes: number;
  image: Network["image"];
  /** `imagenet` divides rows and columns by eight in three stride-2 convolutions. Default `cifar`. */
  stem?: "cifar" | "imagenet" | undefined;
}

/**
 * What halves the image between two stages of NAS-Bench-201's skeleton: the residual block, or its shortcut alone. In a
 * supernet whole blocks solve the task without the cells, and its order of cells is worth nothing (docs/explanation/ranking.md).
 */
export type Reductions = "blocks" | "shortcuts";

/** One edge of a kind of cell with the operations placed on it. */
export interface PlannedEdge extends SpaceEdge {
  operations: readonly string[];
}

/** Everything that decides a network: its size and, by cell kind, what the cells hold. */
export interface NetworkPlan extends NetworkSize {
  skeleton: Skeleton;
  inputs: number;
  cells: Record<string, { nodes: number; edges: PlannedEdge[]; concat: number[] }>;
  /** Whether the batch norms inside cells learn scale and shift. */
  affine: boolean;
  /** Whether pools are followed by a batch norm, as in a supernet. */
  search: boolean;
  /** Between the stages of NAS-Bench-201's skeleton; whole blocks unless told. */
  reductions?: Reductions | undefined;
  auxiliary: boolean;
}

/** Output channels of a cell relative to its nodes' are its concat's length; reductions double the nodes' channels. */
const REDUCTION_FACTOR = 2;
const CIFAR_STEM_FACTOR = 3;
const AUXILIARY_CHANNELS: [number, number] = [128, 768];
const AUXILIARY_POOL = 5;

/**
 * The network in which every edge holds all operations that `choices` leaves it.
 * Batch norms inside cells learn no scale and shift; those of the stem do, as in DARTS.
 *
 * @throws Error when `choices` lacks a cell kind or an edge, or names an unknown operation
 */
export function buildSupernet(
  options: { space: SearchSpace; choices: Choices; reductions?: Reductions } & NetworkSize,
): Network {
  const { space, choices, reductions, ...size } = options;
  const edges = edgesOf(space);
  const cells: NetworkPlan["cells"] = {};
  for (const kind of Object.keys(space.cells)) {
    const planned = edges.map((edge) => {
      const names = choices[kind]?.[edge.position];
      if (!names) throw new Error(`The choices lack edge ${edge.position} of the ${kind} cell.`);
      return { ...edge, operations: names };
    });
    cells[kind] = { nodes: space.nodes, edges: planned, concat: concatOf(space) };
  }
  return planNetwork({
    ...size,
    skeleton: space.skeleton,
    inputs: space.inputs,
    cells,
    affine: false,
    search: space.skeleton === "cells", // NAS-Bench-201 leaves its pools as they are
    reductions,
    auxiliary: false,
  });
}

/**
 * The network of one architecture, as it is trained in the end: one operation per edge, absent edges left out,
 * every batch norm with scale and shift. A node may read one source several times, as NASNet's do, even through the same
 * operation; each then has weights of its own.
 *
 * @param options.skeleton needed only for a genotype of an inline space; by default one with a reduction cell is
 *   stacked as in DARTS, one without as in NAS-Bench-201
 * @throws Error when the genotype has an unknown operation, an edge from a node that does not come before it, or an empty
 *   concat
 */
export function deriveNetwork(
  options: { genotype: Genotype; skeleton?: Skeleton | undefined; auxiliary: boolean } & NetworkSize,
): Network {
  const { genotype, skeleton = skeletonOf(genotype), auxiliary, ...size } = options;
  const inputs = skeleton === "cells" ? 2 : 1;
  const cells: NetworkPlan["cells"] = {};
  for (const [kind, cell] of Object.entries(genotype.cells)) {
    const edges = edgesOf({ inputs, nodes: cell.nodes.length });
    const planned: PlannedEdge[] = [];
    for (const [index, node] of cell.nodes.entries()) {
      for (const { operation, input } of node) {
        const to = index + inputs;
        const edge = edges.find((candidate) => candidate.to === to && candidate.from === input);
        if (!edge) throw new Error(`Node ${to} of the ${kind} cell has no edge from node ${input}.`);
        planned.push({ ...edge, operations: [operation] });
      }
    }
    if (cell.concat.length === 0) throw new Error(`The ${kind} cell concatenates no node.`);
    cells[kind] = { nodes: cell.nodes.length, edges: planned, concat: cell.concat };
  }
  return planNetwork({ ...size, skeleton, inputs, cells, affine: true, search: false, auxiliary });
}

/** How a genotype's cells stack, from its space's name or, for an inline space, from the cells it has. */
export function skeletonOf(genotype: Genotype): Skeleton {
  const space = Object.hasOwn(spaces, genotype.space) ? spaces[genotype.space] : undefined;
  return space?.skeleton ?? (genotype.cells.reduction ? "cells" : "nas-bench-201");
}

/** What of a size no network of the skeleton can have, with the reason. */
export function wrongSize({
  skeleton,
  channels,
  layers,
  stem,
}: Pick<NetworkPlan, "skeleton" | "channels" | "layers" | "stem">):
  | { field: "channels" | "layers"; detail: string }
  | undefined {
  if (!Number.isInteger(channels) || channels < 1)
    return { field: "channels", detail: `A network has a whole number of channels, not ${channels}.` };
  if (skeleton === "nas-bench-201") {
    const cells = cellsPerStage(layers);
    if (Number.isInteger(cells) && cells >= 1) return undefined;
    const detail = `The nas-bench-201 skeleton has 3 x cells per stage + 2 layers (17 in the benchmark), not ${layers}.`;
    return { field: "layers", detail };
  }
  if (stem === "imagenet" && channels < 2)
    return { field: "channels", detail: "The imagenet stem halves the channels and needs at least 2." };
  return undefined;
}

/**
 * The network of a plan: what supernets and derived networks have in common.
 *
 * @throws Error for a size that is wrong by `wrongSize`
 */
export function planNetwork(plan: NetworkPlan): Network {
  const wrong = wrongSize(plan);
  if (wrong !== undefined) throw new Error(wrong.detail);
  return plan.skeleton === "cells" ? planDarts(plan) : planNasBench(plan);
}

function planDarts(plan: NetworkPlan): Network {
  const stems = plan.stem === "imagenet" ? imagenetStems(plan) : [cifarStem(plan)];
  // States so far: the last two are the next cell's inputs. A single stem feeds both inputs of the first cell.
  const firstState = stems.length - 1;
  const reductions = [Math.floor(plan.layers / 3), Math.floor((2 * plan.layers) / 3)];
  let older = plan.stem === "imagenet" ? plan.channels : CIFAR_STEM_FACTOR * plan.channels;
  let newer = older;
  let reducedBefore = plan.stem === "imagenet"; // the second stem halves what the first one gives
  let channels = plan.channels;
  let auxiliaryChannels = newer;
  const cells: Cell[] = [];
  for (let index = 0; index < plan.layers; index++) {
    const kind = reductions.includes(index) ? "reduction" : "normal";
    const stride = kind === "reduction" ? 2 : 1;
    if (stride === 2) channels *= REDUCTION_FACTOR;
    const path = `cells.${index}`;
    const olderLayers = reducedBefore
      ? factorizedReduce(older, channels, plan.affine)
      : reluConvNorm(older, channels, 1, 1, plan.affine);
    const cell = planCell(plan, {
      kind,
      path,
      inputStates: [Math.max(0, firstState + index - 1), firstState + index],
      preprocess: [olderLayers, reluConvNorm(newer, channels, 1, 1, plan.affine)],
      channels,
      stride,
    });
    cells.push(cell);
    older = newer;
    newer = channels * cell.concat.length;
    reducedBefore = stride === 2;
    if (index === reductions[1]) auxiliaryChannels = newer;
  }
  const network: Network = {
    image: plan.image,
    classes: plan.classes,
    stems,
    cells,
    head: {
      path: "head",
      layers: [{ kind: "globalAvgPool" }, { kind: "linear", inputs: newer, outputs: plan.classes }],
    },
  };
  if (plan.auxiliary) {
    const reduction = plan.stem === "imagenet" ? 32 : 4;
    const rows = Math.ceil(Math.min(plan.image.height, plan.image.width) / reduction);
    network.auxiliary = {
      path: "auxiliary",
      layers: auxiliaryLayers(auxiliaryChannels, plan.classes, rows),
      afterCell: reductions[1] ?? 0,
    };
  }
  return network;
}

/** Of the NAS-Bench-201 skeleton, whose stages are parted by two residual blocks. */
const cellsPerStage = (layers: number): number => (layers - 2) / 3;

function planNasBench(plan: NetworkPlan): Network {
  const stageCells = cellsPerStage(plan.layers);
  let channels = plan.channels;
  const cells: Cell[] = [];
  for (let index = 0; index < plan.layers; index++) {
    const isResidual = index > 0 && index % (stageCells + 1) === stageCells;
    const path = `cells.${index}`;
    if (isResidual) {
      cells.push(residualCell(path, index, channels, plan.reductions));
      channels *= REDUCTION_FACTOR;
    } else {
      const cell = { kind: "normal", path, inputStates: [index], preprocess: [[]], channels, stride: 1 };
      cells.push(planCell(plan, cell));
    }
  }
  const outputs = channels * (plan.cells.normal?.concat.length ?? 1);
  return {
    image: plan.image,
    classes: plan.classes,
    stems: [
      {
        path: "stem",
        layers: [conv(plan.image.channels, plan.channels, 3, 1), norm(plan.channels, true)],
        isState: true,
      },
    ],
    cells,
    head: {
      path: "head",
      layers: [
        norm(outputs, true),
        { kind: "relu" },
        { kind: "globalAvgPool" },
        { kind: "linear", inputs: outputs, outputs: plan.classes },
      ],
    },
  };
}

function planCell(
  plan: NetworkPlan,
  place: Pick<Cell, "kind" | "path" | "inputStates" | "channels" | "stride"> & { preprocess: Layer[][] },
): Cell {
  const content = plan.cells[place.kind];
  if (!content) throw new Error(`There is no ${place.kind} cell, which the ${plan.skeleton} skeleton needs.`);
  const uses = new Map<string, number>();
  // The first use of an operation on an edge has the name that it has in a supernet.
  const pathOf = (position: number, operation: string): string => {
    const name = `${place.path}.edges.${position}.${operation}`;
    const use = (uses.get(name) ?? 0) + 1;
    uses.set(name, use);
    return use === 1 ? name : `${name}-${use}`;
  };
  return {
    kind: place.kind,
    path: place.path,
    inputStates: place.inputStates,
    preprocess: place.preprocess.map((layers, index) => ({
      path: `${place.path}.preprocess.${index}`,
      layers,
    })),
    nodes: content.nodes,
    edges: content.edges.map(({ from, to, position, operations: names }) => ({
      from,
      to,
      position,
      choices: names.map((operation) =>
        planChoice(operation, pathOf(position, operation), {
          channels: place.channels,
          stride: from < plan.inputs ? place.stride : 1,
          affine: plan.affine,
          search: plan.search,
        }),
      ),
    })),
    concat: [...content.concat],
    channels: place.channels,
    stride: place.stride,
  };
}

function planChoice(operation: string, path: string, placement: Placement): Choice {
  const row = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  if (!row) {
    throw new Error(
      `There is no operation "${operation}". ${didYouMean(operation, Object.keys(operations))}`,
    );
  }
  return { operation, path, layers: row.layers(placement), isSkip: row.isSkip, isNone: row.isNone };
}

/** The stride-2 basic block between two stages: a cell without nodes of its own, whose one input is its output. */
function residualCell(path: string, state: number, inputs: number, reductions: Reductions = "blocks"): Cell {
  const outputs = inputs * REDUCTION_FACTOR;
  const shortcut: Layer[] = [
    { kind: "avgPool", size: 2, stride: 2, padding: 0 },
    conv(inputs, outputs, 1, 1),
  ];
  const convolutions = [
    ...reluConvNorm(inputs, outputs, 3, 2, true),
    ...reluConvNorm(outputs, outputs, 3, 1, true),
  ];
  const layers: Layer[] =
    reductions === "shortcuts"
      ? [...shortcut, norm(outputs, true)]
      : [{ kind: "sum", branches: [convolutions, shortcut] }];
  return {
    kind: "residual",
    path,
    inputStates: [state],
    preprocess: [{ path: `${path}.preprocess.0`, layers }],
    nodes: 0,
    edges: [],
    concat: [0],
    channels: outputs,
    stride: 1,
  };
}

function cifarStem(plan: NetworkPlan): Network["stems"][number] {
  const outputs = CIFAR_STEM_FACTOR * plan.channels;
  return {
    path: "stem",
    layers: [conv(plan.image.channels, outputs, 3, 1), norm(outputs, true)],
    isState: true,
  };
}

function imagenetStems(plan: NetworkPlan): Network["stems"] {
  const half = Math.floor(plan.channels / 2);
  return [
    {
      path: "stems.0",
      layers: [
        conv(plan.image.channels, half, 3, 2),
        norm(half, true),
        { kind: "relu" },
        conv(half, plan.channels, 3, 2),
        norm(plan.channels, true),
      ],
      isState: true,
    },
    { path: "stems.1", layers: reluConvNorm(plan.channels, plan.channels, 3, 2, true), isState: true },
  ];
}

/**
 * The DARTS auxiliary classifier for activations of `rows` rows: stride 3 for the 8 rows of CIFAR-10, 2 for the 7 of
 * ImageNet, both leaving 2; windows shrink for smaller images.
 */
function auxiliaryLayers(inputs: number, classes: number, rows: number): Layer[] {
  const [squeezed, wide] = AUXILIARY_CHANNELS;
  const size = Math.min(AUXILIARY_POOL, Math.max(1, rows - 1));
  const stride = rows >= 8 ? 3 : 2;
  const kernel = Math.min(2, Math.floor((rows - size) / stride) + 1);
  return [
    { kind: "relu" },
    { kind: "avgPool", size, stride, padding: 0 },
    conv(inputs, squeezed, 1, 1),
    norm(squeezed, true),
    { kind: "relu" },
    {
      kind: "conv",
      kernel: [kernel, kernel],
      stride: [1, 1],
      padding: [0, 0],
      inputs: squeezed,
      outputs: wide,
      bias: false,
    },
    norm(wide, true),
    { kind: "relu" },
    { kind: "globalAvgPool" },
    { kind: "linear", inputs: wide, outputs: classes },
  ];
}
