/**
 * What a network is made of, as plain data: layers, cells and their wiring, with the name of every weight.
 * A derived network is a supernet with exactly one choice on each edge. Counting, eager execution and graph
 * compilation all read this description; nothing here knows how it is executed.
 */

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
  | { kind: "depthwiseConv"; kernel: number; stride: number; dilation: number; padding: number; channels: number }
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
  /** Index of this edge among the edges of its cell kind: the row of the policy that chooses here. */
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
  /** Channels of every node of this cell, and the nodes' rows and columns relative to the first input's (1 or 2). */
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
