/**
 * Compiles a network into one graph in which a training step, an evaluation or reading and writing the weights is
 * one call each. All of them share the variables: a matrix of weights and one of momentum for each width of rows,
 * and for a derived network a vector of moving statistics.
 *
 * A step does what `executor/sgd.ts` does: clip the gradient by its global norm, add weight decay, update the
 * momentum, then the weights, of the rows that the path trains. Where the loss or the norm is no number, all goes to
 * a row that nothing reads.
 */

import type { Network } from "../../shared/network.ts";
import type { Path } from "../executor/executor.ts";
import { MOMENTUM as STATISTICS_MOMENTUM } from "../executor/movingStatistics.ts";
import { CLIP_EPSILON } from "../executor/sgd.ts";
import { Body, type Value } from "./body.ts";
import { Functions, normalisationsOf } from "./functions.ts";
import type { Statistics } from "./layers.ts";
import { split, total } from "./layers.ts";
import { type Attribute, attribute, type DataType } from "./nodes.ts";
import type { Rows } from "./rows.ts";
import type { SavedModel } from "./savedModel.ts";
import { choiceOrder, droppableEdges, listOrder, type Slot, slotsOf, Wiring } from "./wiring.ts";

/** What can be called. */
export type Call =
  | { kind: "train"; path: Path["kind"]; batch: number; withAuxiliary: boolean; dropsPaths: boolean }
  | { kind: "evaluate"; path: Path["kind"]; statistics: Statistics }
  /** Gives the batch's statistics of every normalisation, for a derived network. */
  | { kind: "observe" };

export const callKey = (call: Call): string => JSON.stringify(call);

/** How a call is fed, besides the images under `<prefix>x`. */
export interface CompiledCall {
  prefix: string;
  slots: readonly Slot[];
}

export interface CompiledGraph {
  model: SavedModel;
  calls: ReadonlyMap<string, CompiledCall>;
}

const FLOAT = attribute.type("float32");
const INT = attribute.type("int32");
const T = { T: FLOAT };
const INTS = { T: INT };

/** The scalars of a training step, in the order in which they are fed. */
export const hyperparameters = [
  "learningRate",
  "momentum",
  "weightDecay",
  "clipNorm",
  "auxiliaryWeight",
  "kept",
] as const;
type Hyperparameters = Record<(typeof hyperparameters)[number], Value>;

/** Numbers in the vector of moving statistics. */
export const movingSize = (network: Network): number =>
  sizesOfLists(network).reduce((sum, size) => sum + size, 0);

const sizesOfLists = (network: Network): number[] =>
  listOrder(network).map(({ path, layers }) =>
    normalisationsOf(layers, path).reduce((sum, { channels }) => sum + 2 * channels, 0),
  );

export function compile(
  network: Network,
  rows: Rows,
  wanted: readonly Call[],
  hasOneDnn: boolean,
): CompiledGraph {
  const compiler = new Compiler(network, rows, hasOneDnn);
  const calls = new Map<string, CompiledCall>();
  for (const call of wanted) calls.set(callKey(call), compiler.write(call));
  return { model: compiler.model(), calls };
}

class Compiler {
  readonly #network: Network;
  readonly #rows: Rows;
  readonly #functions: Functions;
  readonly #body = new Body(false);
  #calls = 0;

  constructor(network: Network, rows: Rows, hasOneDnn: boolean) {
    this.#network = network;
    this.#rows = rows;
    this.#functions = new Functions(hasOneDnn);
    for (const [group, { width }] of rows.groups.entries()) {
      const shape = [rows.rowsOf(group), width];
      this.#variable(`w${group}`, shape);
      this.#variable(`v${group}`, shape);
    }
    if (movingSize(network) > 0) this.#variable("moving", [movingSize(network)]);
  }

  model(): SavedModel {
    return { nodes: this.#body.nodes, functions: this.#functions.definitions, signatures: {} };
  }

  write(call: Call): CompiledCall {
    const prefix = `c${this.#calls++}_`;
    if (call.kind === "train") return this.#writeTraining(prefix, call);
    return this.#writeForward(prefix, call);
  }

  /** `<name>` the handle, `<name>_get` to fetch, `<name>_set` to feed and `<name>_stored` to fetch after that. */
  #variable(name: string, shape: readonly number[]): void {
    const body = this.#body;
    const type = { dtype: FLOAT };
    body.add(
      "VarHandleOp",
      [],
      {
        ...type,
        shape: attribute.shape(shape),
        shared_name: attribute.string(name),
        container: attribute.string(""),
      },
      name,
    );
    body.add("ReadVariableOp", [name], type, `${name}_get`);
    this.#placeholder(`${name}_set`, "float32", shape);
    body.outputs(0, "AssignVariableOp", [name, `${name}_set`], type, `${name}_assign`);
    body.add("Identity", [body.floats([0]), `^${name}_assign`], T, `${name}_stored`);
  }

  #placeholder(name: string, type: DataType, shape?: readonly number[]): Value {
    const known = shape === undefined ? {} : { shape: attribute.shape(shape) };
    return this.#body.add("Placeholder", [], { dtype: attribute.type(type), ...known }, name);
  }

  #unpack(value: Value, count: number, attr: Record<string, Attribute> = T, axis = 0): Value[] {
    if (count === 0) return [];
    return this.#body.outputs(count, "Unpack", [value], {
      ...attr,
      num: attribute.int(count),
      axis: attribute.int(axis),
    });
  }

  /** The matrices of rows that the slots read, by group. */
  #gather(variable: "w" | "v", indices: readonly Value[]): Value[] {
    return indices.map((index, group) =>
      this.#body.add("ResourceGather", [`${variable}${group}`, index], {
        dtype: FLOAT,
        Tindices: INT,
        batch_dims: attribute.int(0),
        validate_indices: attribute.bool(true),
      }),
    );
  }

  #slotsByGroup(slots: readonly Slot[]): Slot[][] {
    return this.#rows.groups.map((_, index) => slots.filter(({ group }) => group === index));
  }

  #splitIndices(vector: Value, slots: readonly Slot[]): Value[] {
    const sizes = this.#slotsByGroup(slots).map((group) => group.length);
    if (sizes.length === 1) return [vector];
    return this.#body.outputs(
      sizes.length,
      "SplitV",
      [vector, this.#body.ints(sizes), this.#body.ints([0], [])],
      { T: INT, Tlen: INT, num_split: attribute.int(sizes.length) },
    );
  }

  /** What a path needs apart from weights. */
  #choices(prefix: string, path: Path["kind"]): Value[] {
    if (path === "only") return [];
    const order = choiceOrder(this.#network);
    if (path === "single") {
      return this.#unpack(this.#placeholder(`${prefix}choices`, "int32", [order.length]), order.length, INTS);
    }
    const count = order.reduce((sum, { size }) => sum + size, 0);
    return this.#unpack(this.#placeholder(`${prefix}choices`, "float32", [count]), count);
  }

  #moving(): Value[] {
    const sizes = sizesOfLists(this.#network);
    return sizes.length === 0 ? [] : split(this.#body, "moving_get", sizes, 0);
  }

  #writeForward(prefix: string, call: Exclude<Call, { kind: "train" }>): CompiledCall {
    const body = this.#body;
    const path = call.kind === "observe" ? "only" : call.path;
    const statistics = call.kind === "observe" ? "batch" : call.statistics;
    const withAuxiliary = call.kind === "observe";
    const slots = slotsOf(this.#network, this.#rows, path, withAuxiliary);
    const indices = this.#splitIndices(this.#placeholder(`${prefix}gather`, "int32", [slots.length]), slots);
    const grouped = this.#slotsByGroup(slots);
    const weights = this.#gather("w", indices).flatMap((matrix, group) =>
      this.#unpack(matrix, (grouped[group] as Slot[]).length),
    );
    const wiring = new Wiring(
      body,
      this.#network,
      {
        functions: this.#functions,
        rows: this.#rows,
        path,
        mode: { statistics, observes: call.kind === "observe", batch: undefined, dropsSkips: false },
        withAuxiliary,
        dropsPaths: false,
      },
      {
        image: this.#placeholder(`${prefix}x`, "float32"),
        weights,
        choices: this.#choices(prefix, path),
        seeds: [],
        kept: body.floats([1]),
        moving: statistics === "moving" ? this.#moving() : [],
        pathMasks: [],
      },
    );
    const result = call.kind === "observe" ? this.#observed(wiring) : wiring.logits;
    body.add("Identity", [result], T, `${prefix}result`);
    return { prefix, slots };
  }

  /** The batch's statistics as they stand in the vector of moving ones; those of layers that did not run are kept. */
  #observed(wiring: Wiring): Value {
    const kept = this.#moving();
    const parts = listOrder(this.#network).map(
      ({ path }, index) => wiring.statistics.get(path) ?? (kept[index] as Value),
    );
    if (parts.length === 1) return parts[0] as Value;
    return this.#body.add("ConcatV2", [...parts, this.#body.ints([0], [])], {
      ...T,
      Tidx: INT,
      N: attribute.int(parts.length),
    });
  }

  #writeTraining(prefix: string, call: Extract<Call, { kind: "train" }>): CompiledCall {
    const body = this.#body;
    const { path, batch, withAuxiliary, dropsPaths } = call;
    const network = this.#network;
    const { height, width, channels } = network.image;
    const slots = slotsOf(network, this.#rows, path, withAuxiliary);
    const grouped = this.#slotsByGroup(slots);
    const scalars = this.#unpack(
      this.#placeholder(`${prefix}settings`, "float32", [hyperparameters.length]),
      hyperparameters.length,
    );
    const settings = Object.fromEntries(
      hyperparameters.map((name, index) => [name, scalars[index]]),
    ) as Hyperparameters;
    const indices = this.#splitIndices(this.#placeholder(`${prefix}gather`, "int32", [slots.length]), slots);
    const matrices = this.#gather("w", indices);
    const weights = matrices.flatMap((matrix, group) =>
      this.#unpack(matrix, (grouped[group] as Slot[]).length),
    );
    const isDerived = path === "only";
    const edges = network.cells.reduce((sum, cell) => sum + cell.edges.length, 0);
    const droppable = dropsPaths ? droppableEdges(network).length : 0;
    const masks =
      droppable > 0
        ? this.#unpack(this.#placeholder(`${prefix}masks`, "float32", [droppable, batch, 1, 1, 1]), droppable)
        : [];
    const wiring = new Wiring(
      body,
      network,
      {
        functions: this.#functions,
        rows: this.#rows,
        path,
        mode: { statistics: "batch", observes: isDerived, batch, dropsSkips: !isDerived },
        withAuxiliary,
        dropsPaths,
      },
      {
        image: this.#placeholder(`${prefix}x`, "float32", [batch, height, width, channels]),
        weights,
        choices: this.#choices(prefix, path),
        seeds: isDerived
          ? []
          : this.#unpack(this.#placeholder(`${prefix}seeds`, "int32", [edges, 2]), edges, INTS),
        kept: isDerived ? body.floats([1]) : settings.kept,
        moving: [],
        pathMasks: masks,
      },
    );
    const labels = this.#placeholder(`${prefix}labels`, "float32", [batch, network.classes]);
    const { loss, gradients } = this.#loss(wiring, labels, batch, settings);
    const rowGradients = wiring.backward(gradients);
    const norm = this.#update(prefix, {
      settings,
      indices,
      matrices,
      slots,
      loss,
      rowGradients,
      wiring,
      isDerived,
    });
    const result = body.add("Pack", [loss, norm.value], {
      ...T,
      N: attribute.int(2),
      axis: attribute.int(0),
    });
    body.add("Identity", [result, ...norm.updates.map((name) => `^${name}`)], T, `${prefix}result`);
    return { prefix, slots };
  }

  #loss(
    { logits, auxiliary }: Wiring,
    labels: Value,
    batch: number,
    settings: Hyperparameters,
  ): { loss: Value; gradients: Map<Value, Value> } {
    const body = this.#body;
    const part = (scores: Value): { loss: Value; gradient: Value } => {
      const [losses, gradient] = body.outputs(2, "SoftmaxCrossEntropyWithLogits", [scores, labels]) as [
        Value,
        Value,
      ];
      const loss = body.add("Mean", [losses, body.ints([0])], {
        ...T,
        Tidx: INT,
        keep_dims: attribute.bool(false),
      });
      return { loss, gradient: body.add("Mul", [gradient, body.floats([1 / batch])]) };
    };
    const main = part(logits);
    const gradients = new Map([[logits, main.gradient]]);
    if (auxiliary === undefined) return { loss: main.loss, gradients };
    const second = part(auxiliary);
    gradients.set(auxiliary, body.add("Mul", [second.gradient, settings.auxiliaryWeight]));
    const weighted = body.add("Mul", [second.loss, settings.auxiliaryWeight]);
    return { loss: body.add("AddV2", [main.loss, weighted]), gradients };
  }

  #update(
    prefix: string,
    {
      settings,
      indices,
      matrices,
      slots,
      loss,
      rowGradients,
      wiring,
      isDerived,
    }: {
      settings: Hyperparameters;
      indices: readonly Value[];
      matrices: readonly Value[];
      slots: readonly Slot[];
      loss: Value;
      rowGradients: readonly (Value | undefined)[];
      wiring: Wiring;
      isDerived: boolean;
    },
  ): { value: Value; updates: string[] } {
    const body = this.#body;
    const rows = this.#rows;
    const grouped = this.#slotsByGroup(slots);
    let first = 0;
    const gradients = rows.groups.map(({ width }, group) => {
      const count = (grouped[group] as Slot[]).length;
      const parts = rowGradients
        .slice(first, first + count)
        .map((gradient) => gradient ?? this.#zeros(width));
      first += count;
      if (count === 0) return undefined;
      return body.add("Pack", parts, { ...T, N: attribute.int(count), axis: attribute.int(0) });
    });
    const squares = gradients.flatMap((gradient) => (gradient ? body.add("L2Loss", [gradient]) : []));
    const norm = body.add("Sqrt", [body.add("Mul", [total(body, squares), body.floats([2])])]);
    const isNumber = body.add("IsFinite", [body.add("AddV2", [norm, loss])]);
    const limit = body.add("RealDiv", [
      settings.clipNorm,
      body.add("AddV2", [norm, body.floats([CLIP_EPSILON])]),
    ]);
    const factor = body.add("Minimum", [limit, body.floats([1])]);
    const wanted = this.#placeholder(`${prefix}scatter`, "int32", [slots.length]);
    const trash = body.ints(slots.map(({ group }) => rows.trashRow(group)));
    const targets = this.#splitIndices(body.add("SelectV2", [isNumber, wanted, trash], INTS), slots);
    const momenta = this.#gather("v", indices);
    const updates: string[] = [];
    for (const [group, gradient] of gradients.entries()) {
      if (gradient === undefined) continue;
      const weight = matrices[group] as Value;
      const velocity = total(body, [
        body.add("Mul", [momenta[group] as Value, settings.momentum]),
        body.add("Mul", [gradient, factor]),
        body.add("Mul", [weight, settings.weightDecay]),
      ]);
      const next = body.add("Sub", [weight, body.add("Mul", [velocity, settings.learningRate])]);
      for (const [variable, value] of [
        ["v", velocity],
        ["w", next],
      ] as const) {
        const name = `${prefix}${variable}${group}_update`;
        const inputs = [`${variable}${group}`, targets[group] as Value, value];
        body.outputs(0, "ResourceScatterUpdate", inputs, { dtype: FLOAT, Tindices: INT }, name);
        updates.push(name);
      }
    }
    if (isDerived && movingSize(this.#network) > 0) {
      const step = body.add("Sub", [this.#observed(wiring), "moving_get"]);
      const moved = body.add("AddV2", [
        "moving_get",
        body.add("Mul", [step, body.floats([STATISTICS_MOMENTUM])]),
      ]);
      const kept = body.add("SelectV2", [isNumber, moved, "moving_get"]);
      const name = `${prefix}moving_update`;
      body.outputs(0, "AssignVariableOp", ["moving", kept], { dtype: FLOAT }, name);
      updates.push(name);
    }
    return { value: norm, updates };
  }

  #zeros(width: number): Value {
    return this.#body.add("Fill", [this.#body.ints([width]), this.#body.floats([0])], {
      T: FLOAT,
      index_type: INT,
    });
  }
}
