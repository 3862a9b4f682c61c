/**
 * A network as nodes that call functions, forwards and backwards: which place reads what and whose gradient goes
 * where. Which alternative a place executes is an input of the graph, so that one graph does for every path.
 */

import { outputShape, type Shape } from "../../shared/layers.ts";
import type { Cell, Choice, Layer, Network } from "../../shared/network.ts";
import type { Path } from "../executor/executor.ts";
import type { Body, Value } from "./body.ts";
import { type Alternative, type Functions, type Mode, normalisationsOf, type Place } from "./functions.ts";
import { concatenated, split, startsWithRelu, total } from "./layers.ts";
import { attribute, type DataType } from "./nodes.ts";
import type { Rows } from "./rows.ts";

const FLOAT = attribute.type("float32");
const INT = attribute.type("int32");

/** A place that reads a row of weights. */
export interface Slot {
  group: number;
  /** Paths of the lists of layers that may be executed there; more than one where an edge chooses. */
  paths: readonly string[];
  kind: string | undefined;
  position: number;
}

export interface WiringOptions {
  functions: Functions;
  rows: Rows;
  path: Path["kind"];
  mode: Mode;
  withAuxiliary: boolean;
  /** Whether what an edge gives is multiplied with a number for each image, identities apart. */
  dropsPaths: boolean;
}

/** Values of the graph that the wiring reads. */
export interface Feeds {
  image: Value;
  /** One for each slot: rows of weights. */
  weights: readonly Value[];
  /** `single`: by edge the index of its choice; `mixture`: a share for each choice. In the order of `choiceOrder`. */
  choices: readonly Value[];
  /** By edge of a cell two integers. */
  seeds: readonly Value[];
  /** Share of numbers that skip connections keep. */
  kept: Value;
  /** Moving statistics by list of layers, in the order of `listOrder`. */
  moving: readonly Value[];
  /** For each edge that may be dropped, a number by image. */
  pathMasks: readonly Value[];
}

/** A value in the graph and its shape for one image. */
interface Signal {
  value: Value;
  shape: Shape;
}

type Step = { output: Value; inputs: readonly Value[]; backward(dy: Value): readonly (Value | undefined)[] };

type List = { path: string; layers: Layer[] };

/** Every list of layers that runs whatever is chosen, and each edge's choices that can do something. */
export function placesOf(network: Network, path: Path["kind"], withAuxiliary: boolean) {
  const places: { lists: readonly List[]; kind: string | undefined; position: number }[] = [];
  const always = (list: List) => places.push({ lists: [list], kind: undefined, position: 0 });
  for (const stem of network.stems) always(stem);
  for (const cell of network.cells) {
    for (const preprocess of cell.preprocess) always(preprocess);
    for (const { choices, position } of cell.edges) {
      const edge = { kind: cell.kind, position };
      if (path === "mixture") for (const choice of choices) places.push({ ...edge, lists: [choice] });
      else places.push({ ...edge, lists: choices });
    }
  }
  always(network.head);
  if (withAuxiliary && network.auxiliary) always(network.auxiliary);
  return places;
}

/** The places that read weights, sorted by group as the graph reads them. */
export function slotsOf(network: Network, rows: Rows, path: Path["kind"], withAuxiliary: boolean): Slot[] {
  const slots = placesOf(network, path, withAuxiliary).flatMap(({ lists, kind, position }): Slot[] => {
    const paths = lists.map((list) => list.path);
    if (!paths.some((candidate) => rows.of(candidate))) return [];
    return [{ group: rows.groupOf(rows.widthOf(paths[0] as string)), paths, kind, position }];
  });
  return slots.sort((a, b) => a.group - b.group);
}

/** Kinds of cells and edge positions in the order in which a graph is given their choices, with how many each has. */
export function choiceOrder(network: Network): { kind: string; position: number; size: number }[] {
  const found = new Map<string, { kind: string; position: number; size: number }>();
  for (const { kind, edges } of network.cells) {
    for (const { position, choices } of edges) {
      found.set(`${kind} ${position}`, { kind, position, size: choices.length });
    }
  }
  return [...found.values()];
}

/** The lists of layers of a derived network that normalise, in order. */
export function listOrder(network: Network): List[] {
  return placesOf(network, "only", true)
    .flatMap(({ lists }) => lists)
    .filter(({ path, layers }) => normalisationsOf(layers, path).length > 0);
}

const isIdentity = ({ layers }: Choice): boolean => layers.every((layer) => layer.kind === "identity");

/** Edges of a derived network whose output drop-path may drop, in order of execution. */
export function droppableEdges(network: Network): Choice[] {
  return network.cells.flatMap((cell) =>
    executionOrder(cell).flatMap(({ choices: [choice] }) =>
      choice && !choice.isNone && !isIdentity(choice) ? [choice] : [],
    ),
  );
}

/** A cell's edges in the order in which their outputs are computed. */
function executionOrder({ edges, preprocess, nodes }: Cell): Cell["edges"] {
  return Array.from({ length: nodes }, (_, index) => preprocess.length + index).flatMap((node) =>
    edges.filter(({ to }) => to === node),
  );
}

export class Wiring {
  readonly logits: Value;
  readonly auxiliary: Value | undefined;
  /** By path of a list of layers, the batch's statistics. */
  readonly statistics = new Map<string, Value>();
  /** By path of the first list of a place, the gradient of its row. */
  readonly #rowGradients = new Map<string, Value>();
  readonly #body: Body;
  readonly #network: Network;
  readonly #options: WiringOptions;
  readonly #feeds: Feeds;
  readonly #steps: Step[] = [];
  readonly #relus = new Map<Value, Value>();
  readonly #weights: ReadonlyMap<string, Value>;
  readonly #moving: ReadonlyMap<string, Value>;
  readonly #choices = new Map<string, Value[]>();
  readonly #masks: ReadonlyMap<string, Value>;
  #edge = 0;

  constructor(body: Body, network: Network, options: WiringOptions, feeds: Feeds) {
    this.#body = body;
    this.#network = network;
    this.#options = options;
    this.#feeds = feeds;
    const slots = slotsOf(network, options.rows, options.path, options.withAuxiliary);
    this.#weights = new Map(
      slots.map(({ paths: [first] }, index) => [first as string, feeds.weights[index] as Value]),
    );
    const moving = options.path === "only" ? listOrder(network) : [];
    this.#moving = new Map(moving.map(({ path }, index) => [path, feeds.moving[index] as Value]));
    let next = 0;
    for (const { kind, position, size } of choiceOrder(network)) {
      const count = options.path === "mixture" ? size : 1;
      this.#choices.set(`${kind} ${position}`, feeds.choices.slice(next, next + count));
      next += count;
    }
    const droppable = options.dropsPaths ? droppableEdges(network) : [];
    this.#masks = new Map(droppable.map(({ path }, index) => [path, feeds.pathMasks[index] as Value]));
    const { logits, auxiliary } = this.#writeNetwork();
    this.logits = logits;
    this.auxiliary = auxiliary;
  }

  /**
   * Writes the backward nodes.
   *
   * @returns the gradient of each slot's row; undefined where nothing depends on it
   */
  backward(gradients: ReadonlyMap<Value, Value>): (Value | undefined)[] {
    const { rows, path, withAuxiliary } = this.#options;
    const pending = new Map<Value, Value[]>([...gradients].map(([value, gradient]) => [value, [gradient]]));
    for (const { output, inputs, backward } of this.#steps.toReversed()) {
      const parts = pending.get(output);
      if (parts === undefined) continue;
      pending.delete(output);
      for (const [index, gradient] of backward(total(this.#body, parts)).entries()) {
        if (gradient === undefined) continue;
        const input = inputs[index] as Value;
        pending.set(input, [...(pending.get(input) ?? []), gradient]);
      }
    }
    return slotsOf(this.#network, rows, path, withAuxiliary).map(({ paths: [first] }) =>
      this.#rowGradients.get(first as string),
    );
  }

  #writeNetwork(): { logits: Value; auxiliary: Value | undefined } {
    const network = this.#network;
    const states: Signal[] = [];
    let x: Signal = { value: this.#feeds.image, shape: network.image };
    for (const stem of network.stems) {
      x = this.#call([stem], x);
      if (stem.isState) states.push(x);
    }
    let auxiliary: Value | undefined;
    for (const [index, cell] of network.cells.entries()) {
      const output = this.#writeCell(cell, states);
      states.push(output);
      if (this.#options.withAuxiliary && network.auxiliary?.afterCell === index) {
        auxiliary = this.#call([network.auxiliary], output).value;
      }
    }
    return { logits: this.#call([network.head], states.at(-1) as Signal).value, auxiliary };
  }

  #writeCell(cell: Cell, states: readonly Signal[]): Signal {
    const nodes = cell.preprocess.map((list, index) => {
      const state = states[cell.inputStates[index] as number] as Signal;
      return list.layers.length === 0 ? state : this.#call([list], state);
    });
    const inputs = nodes.length;
    for (let node = inputs; node < inputs + cell.nodes; node++) {
      const parts = cell.edges
        .filter(({ to }) => to === node)
        .flatMap((edge) => this.#writeEdge(cell, edge, nodes[edge.from] as Signal));
      nodes.push(parts.length > 0 ? this.#sum(parts) : this.#empty(cell, nodes[0] as Signal));
    }
    return this.#concat(cell.concat.map((node) => nodes[node] as Signal));
  }

  #writeEdge(cell: Cell, { choices, position }: Cell["edges"][number], x: Signal): Signal[] {
    const seed = this.#feeds.seeds[this.#edge++];
    const chosen = this.#choices.get(`${cell.kind} ${position}`) as Value[];
    const { path } = this.#options;
    if (path === "single") return [this.#call(choices, x, { branch: chosen[0], seed })];
    return choices.flatMap((choice, index): Signal[] => {
      if (choice.isNone) return [];
      const y = this.#call([choice], x, { seed });
      if (path === "mixture") return [this.#scale(y, chosen[index] as Value)];
      const mask = this.#masks.get(choice.path);
      return [mask === undefined ? y : this.#scale(y, mask)];
    });
  }

  /** One of the lists of layers, or the only one. */
  #call(
    lists: readonly (List & { isSkip?: boolean })[],
    x: Signal,
    { branch, seed }: { branch?: Value | undefined; seed?: Value | undefined } = {},
  ): Signal {
    const body = this.#body;
    const { functions, rows, mode } = this.#options;
    const [first] = lists as [List];
    const width = rows.widthOf(first.path);
    const place: Place = { input: x.shape, width, needsInput: x.value !== this.#feeds.image };
    const alternatives = lists.map(({ layers, isSkip = false }): Alternative => ({ layers, isSkip }));
    const known = functions.of(alternatives, place, mode);
    const relu = lists.some(({ layers }) => startsWithRelu(layers)) ? this.#relu(x.value) : x.value;
    const row = this.#weights.get(first.path) ?? body.nothing("float32");
    const moving =
      (mode.statistics === "moving" ? this.#moving.get(first.path) : undefined) ?? body.nothing("float32");
    const shared = [seed ?? body.ints([0, 0]), this.#feeds.kept];
    const index = branch ?? body.ints([0], []);
    const given: DataType[] = mode.observes ? ["float32", "float32"] : ["float32"];
    const [y, ...more] = this.#case(
      known.forward,
      index,
      [x.value, relu, row, moving, ...shared],
      ["float32", "float32", "float32", "float32", "int32", "float32"],
      mode.batch === undefined ? given : [...given, ...known.saved],
    ) as [Value, ...Value[]];
    if (mode.observes) this.statistics.set(first.path, more.shift() as Value);
    if (mode.batch !== undefined) {
      this.#steps.push({
        output: y,
        inputs: [x.value],
        backward: (dy) => {
          const [rowGradient, dx] = this.#case(
            known.backward,
            index,
            // What is not read must not be kept until then.
            [dy, known.readsInput ? x.value : body.nothing("float32"), row, ...shared, ...more],
            ["float32", "float32", "float32", "int32", "float32", ...known.saved],
            place.needsInput ? ["float32", "float32"] : ["float32"],
          );
          this.#rowGradients.set(first.path, rowGradient as Value);
          return [dx];
        },
      });
    }
    return { value: y, shape: outputShape(first.layers, x.shape) };
  }

  #case(
    branches: readonly string[],
    index: Value,
    inputs: readonly Value[],
    inputTypes: readonly DataType[],
    outputTypes: readonly DataType[],
  ): Value[] {
    return this.#body.outputs(outputTypes.length, "StatelessCase", [index, ...inputs], {
      Tin: attribute.types(inputTypes),
      Tout: attribute.types(outputTypes),
      branches: attribute.functions(branches),
    });
  }

  #relu(value: Value): Value {
    const known = this.#relus.get(value);
    if (known !== undefined) return known;
    const relu = this.#body.add("Relu", [value]);
    this.#relus.set(value, relu);
    return relu;
  }

  #scale({ value, shape }: Signal, factor: Value): Signal {
    const output = this.#body.add("Mul", [value, factor]);
    this.#steps.push({ output, inputs: [value], backward: (dy) => [this.#body.add("Mul", [dy, factor])] });
    return { value: output, shape };
  }

  #sum(parts: readonly Signal[]): Signal {
    const [first] = parts as [Signal];
    if (parts.length === 1) return first;
    const inputs = parts.map(({ value }) => value);
    const output = total(this.#body, inputs);
    this.#steps.push({ output, inputs, backward: (dy) => inputs.map(() => dy) });
    return { value: output, shape: first.shape };
  }

  #concat(parts: readonly Signal[]): Signal {
    const [first] = parts as [Signal];
    if (parts.length === 1) return first;
    const inputs = parts.map(({ value }) => value);
    const sizes = parts.map(({ shape }) => shape.channels);
    const output = concatenated(this.#body, inputs);
    this.#steps.push({ output, inputs, backward: (dy) => split(this.#body, dy, sizes, 3) });
    return { value: output, shape: { ...first.shape, channels: sizes.reduce((sum, size) => sum + size, 0) } };
  }

  /** A node that nothing reaches: zeros. */
  #empty({ stride }: Cell, { value, shape }: Signal): Signal {
    const height = Math.ceil(shape.height / stride);
    const width = Math.ceil(shape.width / stride);
    const strided = this.#body.add(
      "StridedSlice",
      [
        value,
        this.#body.ints([0, 0, 0, 0]),
        this.#body.ints([0, shape.height, shape.width, shape.channels]),
        this.#body.ints([1, stride, stride, 1]),
      ],
      { T: FLOAT, Index: INT, end_mask: attribute.int(1) },
    );
    return { value: this.#body.add("ZerosLike", [strided]), shape: { ...shape, height, width } };
  }
}

/**
 * Which lists of layers a path trains: those that the output depends on. What an edge's choice cannot reach, such as
 * the preprocessing of an input that no edge chose, stays as it is.
 */
export function livePaths(
  network: Network,
  executes: (kind: string, position: number, choice: number) => boolean,
  withAuxiliary: boolean,
): Set<string> {
  const live = new Set<string>([network.head.path]);
  const stemStates = network.stems.filter(({ isState }) => isState).length;
  const states = Array<boolean>(stemStates + network.cells.length).fill(false);
  states[states.length - 1] = true;
  if (withAuxiliary && network.auxiliary) {
    live.add(network.auxiliary.path);
    states[stemStates + network.auxiliary.afterCell] = true;
  }
  for (let index = network.cells.length - 1; index >= 0; index--) {
    const cell = network.cells[index] as Cell;
    if (!states[stemStates + index]) continue;
    const nodes = new Set(cell.concat);
    for (let node = cell.preprocess.length + cell.nodes - 1; node >= cell.preprocess.length; node--) {
      if (!nodes.has(node)) continue;
      for (const { to, from, position, choices } of cell.edges) {
        if (to !== node) continue;
        for (const [choice, { isNone, path }] of choices.entries()) {
          if (isNone || !executes(cell.kind, position, choice)) continue;
          live.add(path);
          nodes.add(from);
        }
      }
    }
    for (const [input, { path }] of cell.preprocess.entries()) {
      if (!nodes.has(input)) continue;
      live.add(path);
      states[cell.inputStates[input] as number] = true;
    }
  }
  let state = stemStates;
  let isNeeded = false;
  for (const stem of network.stems.toReversed()) {
    if (stem.isState) isNeeded ||= states[--state] as boolean;
    if (isNeeded) live.add(stem.path);
  }
  return live;
}
