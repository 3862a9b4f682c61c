/**
 * Functions of a graph: one for each list of layers at each shape, forwards and backwards. All places of a network
 * that compute the same share them, so a graph stays small however many cells it has.
 */

import { outputShape, type Shape } from "../../shared/layers.ts";
import type { Layer } from "../../shared/network.ts";
import { sizeOf, visitLayers, type WeightShape, weightShapesOf } from "../weightShapes.ts";
import { Body, functionOf, type Typed, type Value } from "./body.ts";
import {
  type BackwardScope,
  type Written as Layers,
  type Scope,
  type Statistics,
  split,
  writeLayers,
} from "./layers.ts";
import { attribute, type DataType } from "./nodes.ts";
import type { FunctionDef } from "./savedModel.ts";

/** Names of weights inside functions start with it, wherever the layers stand. */
const PATH = "p";
const FLOAT = attribute.type("float32");
const INT = attribute.type("int32");
const BOOL = attribute.type("bool");

/** One of the lists of layers that a place can execute. */
export interface Alternative {
  layers: Layer[];
  /** What leaves a skip connection may be dropped. */
  isSkip: boolean;
}

/** What the functions of one place have in common. */
export interface Place {
  input: Shape;
  /** Numbers in a row of weights, at least as many as each alternative has. */
  width: number;
  /** Whether the gradient of the input is wanted. */
  needsInput: boolean;
}

export interface Mode {
  statistics: Statistics;
  /** Whether the batch's statistics are given too. */
  observes: boolean;
  /** Images of a batch; undefined where there are no backward functions. */
  batch: number | undefined;
  /** Whether skip connections are dropped out. */
  dropsSkips: boolean;
}

/** A list of layers as functions. */
interface Written {
  forward: string;
  backward: string | undefined;
  saved: readonly DataType[];
}

/** The layers' weights in the order in which a row holds them. */
export const rowLayout = (layers: Layer[], path: string): WeightShape[] => weightShapesOf({ path, layers });

export const rowSize = (layers: Layer[]): number =>
  rowLayout(layers, PATH).reduce((total, { shape }) => total + sizeOf(shape), 0);

/** The batch normalisations of a list of layers: by path their channels. */
export function normalisationsOf(layers: Layer[], path: string): { path: string; channels: number }[] {
  const found: { path: string; channels: number }[] = [];
  visitLayers(layers, path, (layer, layerPath) => {
    if (layer.kind === "batchNorm") found.push({ path: layerPath, channels: layer.channels });
  });
  return found;
}

/** A forward function before it is known what the others of its place save. */
interface Draft {
  body: Body;
  layers: Layer[];
  written: Layers;
  statistics: Typed[];
  drops: boolean;
  output: Shape;
}

/** Those of a place, whichever alternative is executed. */
export interface PlaceFunctions {
  forward: string[];
  backward: string[];
  /** Types of what the forward functions save for the backward ones. */
  saved: DataType[];
  /** Whether one of the backward functions reads x. */
  readsInput: boolean;
}

export class Functions {
  readonly definitions: FunctionDef[] = [];
  readonly #hasOneDnn: boolean;
  readonly #known = new Map<string, PlaceFunctions>();

  constructor(hasOneDnn: boolean) {
    this.#hasOneDnn = hasOneDnn;
  }

  /**
   * The functions of a place. Forward: (x, relu of x, row of weights, moving statistics, seed, share that is kept) to
   * (y, batch statistics, saved...). Backward: (dy, x, row, seed, share, saved...) to (gradient of the row, dx).
   */
  of(alternatives: readonly Alternative[], place: Place, mode: Mode): PlaceFunctions {
    const key = JSON.stringify([alternatives, place, mode]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const drafts = alternatives.map((alternative) => this.#draft(alternative, place, mode));
    const saved = widest(drafts.map(({ written }) => written.saved.map(({ type }) => type)));
    const written = drafts.map((draft) => this.#finish(draft, place, mode, saved));
    const result: PlaceFunctions = {
      forward: written.map(({ forward }) => forward),
      backward: written.flatMap(({ backward }) => backward ?? []),
      saved,
      readsInput: drafts.some(({ written: { readsInput } }) => readsInput),
    };
    this.#known.set(key, result);
    return result;
  }

  #draft({ layers, isSkip }: Alternative, { input, width }: Place, mode: Mode): Draft {
    const body = new Body(true);
    const statistics: Typed[] = [];
    const scope: Scope = {
      body,
      batch: mode.batch ?? 1,
      hasOneDnn: this.#hasOneDnn,
      statistics: mode.statistics,
      weight: weightsIn(body, layers, width),
      moving: movingIn(body, layers),
      observe: (_path, mean, variance) => {
        statistics.push({ value: mean, type: "float32" }, { value: variance, type: "float32" });
      },
    };
    const written = writeLayers(scope, layers, { value: "x", shape: input, relu: "r" }, PATH);
    const output = outputShape(layers, input);
    const drops = isSkip && mode.dropsSkips && mode.batch !== undefined;
    return { body, layers, written, statistics, drops, output };
  }

  #finish(
    { body, layers, written, statistics, drops, output }: Draft,
    { input, width, needsInput }: Place,
    mode: Mode,
    slots: readonly DataType[],
  ): Written {
    const name = `f${this.definitions.length}`;
    const { batch } = mode;
    const dims = [batch ?? 1, output.height, output.width, output.channels];
    const y = drops ? this.#dropOut(body, written.y, dims) : written.y;
    const outputs: Typed[] = [{ value: y, type: "float32" }];
    if (mode.observes) outputs.push({ value: joined(body, statistics), type: "float32" });
    const places = batch === undefined ? [] : placesIn(slots, written.saved);
    for (const [index, type] of batch === undefined ? [] : slots.entries()) {
      const from = places.indexOf(index);
      outputs.push(from < 0 ? { value: body.nothing(type), type } : (written.saved[from] as Typed));
    }
    this.definitions.push(functionOf(name, body, forwardArguments, identified(body, outputs)));
    if (batch === undefined) return { forward: name, backward: undefined, saved: slots };

    const there = new Body(true);
    const gradients = new Map<string, Value>();
    const scope: BackwardScope = {
      body: there,
      batch,
      hasOneDnn: this.#hasOneDnn,
      statistics: mode.statistics,
      weight: weightsIn(there, layers, width),
      moving: () => {
        throw new Error("There is no gradient of given statistics.");
      },
      observe: () => {},
      gradient: (weight, value) => gradients.set(weight, value),
    };
    const dy = drops ? this.#dropOut(there, "d", dims) : "d";
    const saved = places.map((index) => `s${index}`);
    const dx = written.backward(scope, dy, "x", saved, needsInput, "");
    const results: Typed[] = [{ value: gradientRow(there, layers, width, gradients), type: "float32" }];
    if (needsInput)
      results.push({
        value: dx ?? zeros(there, [batch, input.height, input.width, input.channels]),
        type: "float32",
      });
    const inputs = [
      ...backwardArguments,
      ...slots.map((type, index): Typed => ({ value: `s${index}`, type })),
    ];
    const backward = `${name}b`;
    this.definitions.push(functionOf(backward, there, inputs, identified(there, results)));
    return { forward: name, backward, saved: slots };
  }

  /** Where less than all is kept, drops numbers at random and scales the others up; the same ones for the same seed. */
  #dropOut(body: Body, value: Value, dims: readonly number[]): Value {
    const name = `drop${dims.join("x")}`;
    if (!this.definitions.some(({ signature }) => signature.name === name)) {
      const inputs: Typed[] = [
        { value: "y", type: "float32" },
        { value: "k", type: "int32" },
        { value: "q", type: "float32" },
      ];
      const passes = new Body(true);
      const passed = identified(passes, [{ value: "y", type: "float32" }]);
      this.definitions.push(functionOf(`${name}none`, passes, inputs, passed));
      const drops = new Body(true);
      const random = { dtype: FLOAT, T: INT, Tseed: INT };
      const uniform = drops.add("StatelessRandomUniform", [drops.ints(dims), "k"], random);
      const lost = drops.add("Sub", [drops.floats([1]), "q"]);
      const isKept = drops.add("GreaterEqual", [uniform, lost]);
      const mask = drops.add("Cast", [isKept], { SrcT: BOOL, DstT: FLOAT });
      const scaled = drops.add("Mul", [mask, drops.add("RealDiv", [drops.floats([1]), "q"])]);
      const result = drops.add("Mul", ["y", scaled]);
      this.definitions.push(functionOf(name, drops, inputs, [{ value: result, type: "float32" }]));
    }
    const isDropping = body.add("Cast", [body.add("Less", ["q", body.floats([1])])], {
      SrcT: BOOL,
      DstT: INT,
    });
    const attributes = {
      Tin: attribute.types(["float32", "int32", "float32"]),
      Tout: attribute.types(["float32"]),
      branches: attribute.functions([`${name}none`, name]),
    };
    return body.add("StatelessCase", [isDropping, value, "k", "q"], attributes);
  }
}

const forwardArguments: readonly Typed[] = [
  { value: "x", type: "float32" },
  { value: "r", type: "float32" },
  { value: "w", type: "float32" },
  { value: "m", type: "float32" },
  { value: "k", type: "int32" },
  { value: "q", type: "float32" },
];

const backwardArguments: readonly Typed[] = [
  { value: "d", type: "float32" },
  { value: "x", type: "float32" },
  { value: "w", type: "float32" },
  { value: "k", type: "int32" },
  { value: "q", type: "float32" },
];

/** For each thing that is saved, the first free slot of its type. */
function placesIn(slots: readonly DataType[], saved: readonly Typed[]): number[] {
  const taken = new Set<number>();
  return saved.map(({ type }) => {
    const index = slots.findIndex((slot, candidate) => slot === type && !taken.has(candidate));
    taken.add(index);
    return index;
  });
}

/** The fewest slots in which each list finds room. */
function widest(lists: readonly (readonly DataType[])[]): DataType[] {
  const types: DataType[] = ["float32", "uint8"];
  return types.flatMap((type) => {
    const most = Math.max(0, ...lists.map((list) => list.filter((entry) => entry === type).length));
    return Array<DataType>(most).fill(type);
  });
}

/** A function may not give an argument itself, nor one value twice. */
function identified(body: Body, outputs: readonly Typed[]): Typed[] {
  const seen = new Set<Value>();
  return outputs.map(({ value, type }) => {
    const isFresh = value.includes(":") && !seen.has(value);
    seen.add(value);
    return isFresh
      ? { value, type }
      : { value: body.add("Identity", [value], { T: attribute.type(type) }), type };
  });
}

/** Cuts the row `w` into weights, when the first one is asked for. */
function weightsIn(body: Body, layers: Layer[], width: number): (name: string) => Value {
  const layout = rowLayout(layers, PATH);
  let pieces: Value[] | undefined;
  const shaped = new Map<string, Value>();
  return (name) => {
    const known = shaped.get(name);
    if (known !== undefined) return known;
    const sizes = layout.map(({ shape }) => sizeOf(shape));
    const rest = width - sizes.reduce((total, size) => total + size, 0);
    pieces ??= split(body, "w", rest > 0 ? [...sizes, rest] : sizes, 0);
    const index = layout.findIndex((entry) => entry.name === name);
    const { shape } = layout[index] as WeightShape;
    const value = body.add("Reshape", [pieces[index] as Value, body.ints(shape)], { T: FLOAT, Tshape: INT });
    shaped.set(name, value);
    return value;
  };
}

/** Cuts the given statistics `m`: means and variances, one normalisation after the other. */
function movingIn(body: Body, layers: Layer[]): (path: string) => [Value, Value] {
  const all = normalisationsOf(layers, PATH);
  let pieces: Value[] | undefined;
  return (path) => {
    pieces ??= split(
      body,
      "m",
      all.flatMap(({ channels }) => [channels, channels]),
      0,
    );
    const index = all.findIndex((entry) => entry.path === path);
    return [pieces[2 * index] as Value, pieces[2 * index + 1] as Value];
  };
}

function joined(body: Body, parts: readonly Typed[]): Value {
  if (parts.length === 0) return body.nothing("float32");
  const values = parts.map(({ value }) => value);
  return body.add("ConcatV2", [...values, body.ints([0], [])], {
    T: FLOAT,
    Tidx: INT,
    N: attribute.int(values.length),
  });
}

const zeros = (body: Body, shape: readonly number[]): Value =>
  body.add("Fill", [body.ints(shape), body.floats([0])], { T: FLOAT, index_type: INT });

/** The gradients of the weights as a row. */
function gradientRow(
  body: Body,
  layers: Layer[],
  width: number,
  gradients: ReadonlyMap<string, Value>,
): Value {
  const parts: Value[] = [];
  let rest = width;
  for (const { name, shape } of rowLayout(layers, PATH)) {
    const gradient = gradients.get(name);
    rest -= sizeOf(shape);
    parts.push(
      gradient === undefined
        ? zeros(body, [sizeOf(shape)])
        : body.add("Reshape", [gradient, body.ints([-1])], { T: FLOAT, Tshape: INT }),
    );
  }
  if (rest > 0) parts.push(zeros(body, [rest]));
  if (parts.length === 0) return zeros(body, [0]);
  if (parts.length === 1) return parts[0] as Value;
  return body.add("ConcatV2", [...parts, body.ints([0], [])], {
    T: FLOAT,
    Tidx: INT,
    N: attribute.int(parts.length),
  });
}
