/**
 * Executes a network as one TensorFlow graph: a step, an evaluation of a batch, or reading all weights is one call.
 * A graph is compiled when something is first asked of it, and again where it lacks what is asked.
 */

import type { Tensor } from "@tensorflow/tfjs-core";
import type { Network } from "../../shared/network.ts";
import { deriveSeed } from "../../shared/random.ts";
import type { Batch } from "../data/batches.ts";
import {
  DivergenceError,
  type Evaluation,
  type Executor,
  evaluateWith,
  labelsOf,
  type Path,
  type Statistics,
  type StepResult,
  type StepSettings,
  shareOf,
} from "../executor/executor.ts";
import { Masks } from "../executor/masks.ts";
import type { Backend, TensorFlow } from "../kernels/backend.ts";
import { type NamedValues, normalisationShapes, sizeOf, weightShapes } from "../weightShapes.ts";
import { weightsDigest } from "../weights.ts";
import { type Call, type CompiledCall, callKey, compile, hyperparameters, movingSize } from "./compile.ts";
import { normalisationsOf } from "./functions.ts";
import { hasOneDnn } from "./oneDnn.ts";
import { Rows } from "./rows.ts";
import { Session } from "./session.ts";
import { choiceOrder, droppableEdges, listOrder, livePaths, type Slot } from "./wiring.ts";

/** The matrices of a network's variables. */
interface State {
  weights: Float32Array[];
  momentum: Float32Array[];
  moving: Float32Array;
}

/** What a variable of a session is to hold. */
interface Variable {
  name: string;
  values: Float32Array;
  shape: number[];
}

interface Loaded {
  session: Session;
  calls: ReadonlyMap<string, CompiledCall>;
}

export class GraphExecutor implements Executor {
  readonly network: Network;
  readonly #tf: TensorFlow;
  readonly #rows: Rows;
  readonly #hasOneDnn: boolean;
  readonly #calls: Call[] = [];
  readonly #order: ReturnType<typeof choiceOrder>;
  /** What the variables hold while there is no session. */
  #state: State | undefined;
  #loaded: Loaded | undefined;
  /** Paths of the lists of layers that have been trained: only they have momentum. */
  readonly #trained = new Set<string>();

  /** @param seed of the start values of the weights */
  constructor(backend: Backend, network: Network, seed: number) {
    this.network = network;
    this.#tf = backend.tf;
    this.#hasOneDnn = hasOneDnn(backend.tf);
    this.#rows = new Rows(network);
    this.#order = choiceOrder(network);
    const weights = this.#rows.start(seed);
    const moving = new Float32Array(movingSize(network));
    this.#visitMoving((_path, quantity, from, to) => {
      if (quantity === "variance") moving.fill(1, from, to);
    });
    this.#state = { weights, momentum: weights.map(({ length }) => new Float32Array(length)), moving };
  }

  trainStep(batch: Batch, path: Path, settings: StepSettings): StepResult {
    const withAuxiliary = (settings.auxiliaryWeight ?? 0) > 0 && this.network.auxiliary !== undefined;
    const call = this.#trainingCall(batch.y.length, path, settings, withAuxiliary);
    const loaded = this.#ready(call);
    const { prefix, slots } = loaded.calls.get(callKey(call)) as CompiledCall;
    const live = livePaths(
      this.network,
      (kind, position, choice) => shareOf(path, kind, position, choice) !== 0,
      withAuxiliary,
    );
    const tf = this.#tf;
    const executed = slots.map((slot) => this.#executedIn(slot, path));
    const values: Record<(typeof hyperparameters)[number], number> = {
      ...settings,
      auxiliaryWeight: settings.auxiliaryWeight ?? 0,
      kept: 1 - (settings.skipDropout ?? 0),
    };
    const [loss, gradientNorm] = tf.tidy(() => {
      const feeds: Record<string, Tensor> = {
        x: this.#image(batch),
        labels: tf.tensor2d(labelsOf(batch, this.network.classes, settings.labelSmoothing ?? 0), [
          batch.y.length,
          this.network.classes,
        ]),
        settings: tf.tensor1d(hyperparameters.map((name) => values[name])),
        gather: tf.tensor1d(this.#gather(slots, executed), "int32"),
        scatter: tf.tensor1d(this.#scatter(slots, executed, live), "int32"),
        ...this.#choiceFeed(path),
        ...this.#seedFeed(path, settings.seed),
        ...this.#maskFeed(call, settings),
      };
      return this.#run(loaded.session, prefix, feeds).dataSync() as Float32Array;
    }) as unknown as [number, number];
    if (!Number.isFinite(loss)) throw new DivergenceError("loss", loss);
    if (!Number.isFinite(gradientNorm)) throw new DivergenceError("gradient's norm", gradientNorm);
    for (const list of live) this.#trained.add(list);
    return { loss, gradientNorm };
  }

  evaluate(batches: Iterable<Batch>, paths: readonly Path[], statistics: Statistics): Evaluation[] {
    return evaluateWith(this, batches, paths, statistics);
  }

  logits(batch: Batch, path: Path, statistics: Statistics): Float32Array {
    return this.#forward({ kind: "evaluate", path: path.kind, statistics }, batch, path);
  }

  calibrate(batches: Iterable<Batch>, path: Path): void {
    let seen = 0;
    let mean: Float32Array | undefined;
    for (const batch of batches) {
      const statistics = this.#forward({ kind: "observe" }, batch, path);
      const share = 1 / ++seen;
      mean =
        mean?.map((value, index) => value * (1 - share) + (statistics[index] as number) * share) ??
        statistics;
    }
    if (mean === undefined || mean.length === 0) return;
    const { session } = this.#loaded as Loaded;
    this.#store(session, [{ name: "moving", values: mean, shape: [mean.length] }]);
  }

  digest(): string {
    const { weights } = this.#read();
    const names = weightShapes(this.network)
      .map(({ name }) => name)
      .sort();
    const places = new Map<string, Float32Array>();
    this.#rows.visit(({ name, shape }, group, offset) => {
      places.set(name, (weights[group] as Float32Array).subarray(offset, offset + sizeOf(shape)));
    });
    const parts = names.map((name) => places.get(name) as Float32Array);
    const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return weightsDigest(joined);
  }

  values(): NamedValues {
    const { weights, momentum, moving } = this.#read();
    const result: NamedValues = new Map();
    this.#rows.visit(({ name, shape, path }, group, offset) => {
      const end = offset + sizeOf(shape);
      result.set(name, { shape, values: (weights[group] as Float32Array).slice(offset, end) });
      if (!this.#trained.has(path)) return;
      const values = (momentum[group] as Float32Array).slice(offset, end);
      result.set(`momentum/${name}`, { shape: [values.length], values });
    });
    const sizes = normalisationShapes(this.network).reduce((sum, { channels }) => sum + channels, 0);
    const joined = { mean: new Float32Array(sizes), variance: new Float32Array(sizes).fill(1) };
    this.#visitMoving((path, quantity, from, to) => {
      joined[quantity].set(moving.subarray(from, to), this.#offsetOf(path));
    });
    for (const quantity of ["mean", "variance"] as const) {
      result.set(`moving/${quantity}`, { shape: [sizes], values: joined[quantity] });
    }
    return result;
  }

  load(values: NamedValues): void {
    this.#check(values);
    const moving = new Float32Array(movingSize(this.network));
    this.#visitMoving((path, quantity, from, to) => {
      const offset = this.#offsetOf(path);
      const stored = values.get(`moving/${quantity}`)?.values as Float32Array;
      moving.set(stored.subarray(offset, offset + to - from), from);
    });
    this.#trained.clear();
    this.#rows.visit(({ name, path }) => {
      if (values.has(`momentum/${name}`)) this.#trained.add(path);
    });
    const state = {
      weights: this.#rows.from(values),
      momentum: this.#rows.from(values, "momentum/"),
      moving,
    };
    if (this.#loaded === undefined) this.#state = state;
    else this.#write(this.#loaded.session, state);
  }

  dispose(): void {
    this.#loaded?.session.dispose();
    this.#loaded = undefined;
  }

  #trainingCall(batch: number, path: Path, settings: StepSettings, withAuxiliary: boolean): Call {
    const dropsPaths = path.kind === "only" && (settings.dropPath ?? 0) > 0;
    return { kind: "train", path: path.kind, batch, withAuxiliary, dropsPaths };
  }

  /** A session that can do the call. */
  #ready(call: Call): Loaded {
    const key = callKey(call);
    if (this.#loaded?.calls.has(key)) return this.#loaded;
    // Of training, only the newest form is kept: others are of an earlier schedule.
    const others = this.#calls.filter(({ kind }) => kind !== call.kind || kind !== "train");
    const wanted = new Map([...others, call, ...followersOf(call)].map((each) => [callKey(each), each]));
    this.#calls.splice(0, this.#calls.length, ...wanted.values());
    const state = this.#loaded ? this.#read() : (this.#state as State);
    this.#loaded?.session.dispose();
    const { model, calls } = compile(this.network, this.#rows, this.#calls, this.#hasOneDnn);
    const session = new Session(this.#tf, model);
    this.#write(session, state);
    this.#state = undefined;
    this.#loaded = { session, calls };
    return this.#loaded;
  }

  #forward(call: Call, batch: Batch, path: Path): Float32Array {
    const loaded = this.#ready(call);
    const { prefix, slots } = loaded.calls.get(callKey(call)) as CompiledCall;
    const tf = this.#tf;
    const executed = slots.map((slot) => this.#executedIn(slot, path));
    let result = new Float32Array();
    tf.tidy(() => {
      const feeds = {
        x: this.#image(batch),
        gather: tf.tensor1d(this.#gather(slots, executed), "int32"),
        ...this.#choiceFeed(path),
      };
      result = Float32Array.from(this.#run(loaded.session, prefix, feeds).dataSync());
    });
    return result;
  }

  #run(session: Session, prefix: string, feeds: Record<string, Tensor>): Tensor {
    const named = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => [`${prefix}${name}`, tensor]),
    );
    return session.run(named, [`${prefix}result:0`])[0] as Tensor;
  }

  #image({ x, y }: Batch): Tensor {
    const { height, width, channels } = this.network.image;
    return this.#tf.tensor4d(x, [y.length, height, width, channels]);
  }

  /** Which of a slot's lists of layers the path executes. */
  #executedIn({ paths, kind, position }: Slot, path: Path): string {
    if (kind === undefined || path.kind !== "single" || paths.length === 1) return paths[0] as string;
    return paths[path.selection[kind]?.[position] as number] as string;
  }

  #gather(slots: readonly Slot[], executed: readonly string[]): number[] {
    return slots.map(
      ({ group }, index) => this.#rows.of(executed[index] as string)?.row ?? this.#rows.zeroRow(group),
    );
  }

  #scatter(slots: readonly Slot[], executed: readonly string[], live: ReadonlySet<string>): number[] {
    return slots.map(({ group }, index) => {
      const path = executed[index] as string;
      const row = live.has(path) ? this.#rows.of(path)?.row : undefined;
      return row ?? this.#rows.trashRow(group);
    });
  }

  #choiceFeed(path: Path): Record<string, Tensor> {
    if (path.kind === "only") return {};
    if (path.kind === "single") {
      const indices = this.#order.map(({ kind, position }) => path.selection[kind]?.[position] as number);
      return { choices: this.#tf.tensor1d(indices, "int32") };
    }
    const shares = this.#order.flatMap(({ kind, position, size }) =>
      Array.from({ length: size }, (_, index) => shareOf(path, kind, position, index)),
    );
    return { choices: this.#tf.tensor1d(shares) };
  }

  #seedFeed(path: Path, seed: number): Record<string, Tensor> {
    if (path.kind === "only") return {};
    const edges = this.network.cells.reduce((sum, cell) => sum + cell.edges.length, 0);
    const first = deriveSeed(seed, "skips") | 0;
    const seeds = Array.from({ length: edges }, (_, edge) => [first, edge]);
    return { seeds: this.#tf.tensor2d(seeds, [edges, 2], "int32") };
  }

  #maskFeed(call: Call, { seed, dropPath = 0 }: StepSettings): Record<string, Tensor> {
    if (call.kind !== "train" || !call.dropsPaths) return {};
    const edges = droppableEdges(this.network).length;
    if (edges === 0) return {};
    const masks = new Masks(seed).mask(edges * call.batch, dropPath);
    return { masks: this.#tf.tensor(masks, [edges, call.batch, 1, 1, 1]) };
  }

  #read(): State {
    if (this.#loaded === undefined) return this.#state as State;
    const { session } = this.#loaded;
    const { groups } = this.#rows;
    const names = [
      ...groups.map((_, group) => `w${group}`),
      ...groups.map((_, group) => `v${group}`),
      ...(movingSize(this.network) > 0 ? ["moving"] : []),
    ];
    const tensors = session.run(
      {},
      names.map((name) => `${name}_get:0`),
    );
    const arrays = tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
    this.#tf.dispose(tensors);
    return {
      weights: arrays.slice(0, groups.length),
      momentum: arrays.slice(groups.length, 2 * groups.length),
      moving: arrays[2 * groups.length] ?? new Float32Array(),
    };
  }

  /** In one call: TensorFlow plans each set of fetches anew, which costs more than the values. */
  #write(session: Session, { weights, momentum, moving }: State): void {
    const variables: Variable[] = this.#rows.groups.flatMap(({ width }, group) => {
      const shape = [this.#rows.rowsOf(group), width];
      return [
        { name: `w${group}`, values: weights[group] as Float32Array, shape },
        { name: `v${group}`, values: momentum[group] as Float32Array, shape },
      ];
    });
    if (moving.length > 0) variables.push({ name: "moving", values: moving, shape: [moving.length] });
    this.#store(session, variables);
  }

  #store(session: Session, variables: readonly Variable[]): void {
    this.#tf.tidy(() => {
      const feeds = variables.map(({ name, values, shape }) => [
        `${name}_set`,
        this.#tf.tensor(values, shape),
      ]);
      const fetches = variables.map(({ name }) => `${name}_stored:0`);
      session.run(Object.fromEntries(feeds), fetches);
    });
  }

  /** Calls `visit` for each part of the vector of moving statistics. */
  #visitMoving(visit: (path: string, quantity: "mean" | "variance", from: number, to: number) => void): void {
    let from = 0;
    for (const { path, layers } of listOrder(this.network)) {
      for (const normalisation of normalisationsOf(layers, path)) {
        for (const quantity of ["mean", "variance"] as const) {
          visit(normalisation.path, quantity, from, from + normalisation.channels);
          from += normalisation.channels;
        }
      }
    }
  }

  #offsetOf(path: string): number {
    this.#offsets ??= new Map(normalisationShapes(this.network).map((shape) => [shape.path, shape.offset]));
    return this.#offsets.get(path) as number;
  }
  #offsets: Map<string, number> | undefined;

  #check(values: NamedValues): void {
    const shapes = weightShapes(this.network);
    for (const { name, shape } of shapes) {
      const stored = values.get(name);
      if (stored === undefined) throw new Error(`The checkpoint has no weight ${name}.`);
      if (stored.values.length !== sizeOf(shape)) {
        throw new Error(`The checkpoint's weight ${name} is of shape ${stored.shape}, not ${shape}.`);
      }
    }
    const sizes = normalisationShapes(this.network).reduce((sum, { channels }) => sum + channels, 0);
    for (const quantity of ["mean", "variance"] as const) {
      if (values.get(`moving/${quantity}`)?.values.length !== sizes) {
        throw new Error(`The checkpoint's moving ${quantity} is missing or of another network.`);
      }
    }
    const known = new Set(shapes.flatMap(({ name }) => [name, `momentum/${name}`]));
    for (const name of values.keys()) {
      if (!known.has(name) && !name.startsWith("moving/")) {
        throw new Error(`The checkpoint has ${name}, which the network has not.`);
      }
    }
  }
}

/** What is asked of a network once it is trained: compiled with the training, because a second session costs seconds. */
function followersOf(call: Call): Call[] {
  if (call.kind !== "train") return [];
  if (call.path !== "only") return [{ kind: "evaluate", path: "single", statistics: "batch" }];
  return [{ kind: "observe" }, { kind: "evaluate", path: "only", statistics: "moving" }];
}
