/**
 * Trains a search's supernet round by round and measures candidates on it. The state is one stage's supernet and
 * the number of steps it has been trained; everything random follows from the task, so that any runner that loads
 * the state or repeats the rounds reaches the same weights.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { DeviceBackend } from "../device/backend.ts";
import { deviceOf } from "../device/backends/tfjs.ts";
import { measureSubject } from "../device/measure.ts";
import { canonicalHash } from "../shared/genotype.ts";
import type { MeasuringSettings, NetworkSubject } from "../shared/measuring.ts";
import { buildSupernet, type Network } from "../shared/network.ts";
import type {
  Measurement,
  Notice,
  StageTask,
  TrainedSteps,
  TrainRoundReport,
  TrainRoundTask,
} from "../shared/protocol.ts";
import { deriveSeed } from "../shared/random.ts";
import { genotypeFromSelection, type InlineSpace, resolveSpace, type Selection } from "../shared/space.ts";
import { type Batch, evaluationBatch, standardAugmentation } from "./data/batches.ts";
import { BatchLoader } from "./data/batchLoader.ts";
import type { Dataset } from "./data/dataset.ts";
import { type Halves, splitHalves } from "./data/split.ts";
import { differences, type Environment, environmentOf } from "./environment.ts";
import { createExecutor } from "./executor/create.ts";
import {
  accuracyOf,
  DivergenceError,
  type Evaluation,
  type Executor,
  type Path,
} from "./executor/executor.ts";
import { cosine } from "./executor/sgd.ts";
import { isOutOfMemory, TrainingFailure, whyExhausted } from "./failure.ts";
import type { Backend } from "./kernels/backend.ts";
import { type PathSource, pathAt, untrained, withStep } from "./paths.ts";
import { Tuning } from "./tuning.ts";
import { deserialise, serialise } from "./weights.ts";

/** Most images that are normalised together when a candidate is measured; halved whenever memory runs out. */
const EVALUATION_CHUNK = 250;
/** Fewer say too little of mean and variance. */
const SMALLEST_CHUNK = 8;

/** Makes what trains a network; the seed is of its start values. */
export type ExecutorFactory = (backend: Backend, network: Network, seed: number) => Executor;

/** How a piece of work tells what it does and learns that it should stop. */
export interface WorkHooks {
  /** Throws where the work must not go on. */
  throwIfEnded?: () => void;
  progress?: (done: number, total: number, trainLoss: number | null) => void;
  /** Told what the people behind the search should know. */
  notice?: (notice: Notice) => void;
}

export type RoundResult = Omit<TrainRoundReport, "kind" | "leaseId">;

/** What a checkpoint says about its weights. */
interface CheckpointMeta {
  stage: StageTask;
  /** Last round that is complete. */
  round: number;
  /** Steps of the stage that the weights have been trained. */
  stepsDone: number;
  lossSum: number;
  /** Missing in files of runners that did not count. */
  trainedSteps?: TrainedSteps | undefined;
  halvedFrom?: number | undefined;
  /** What `round` measured: its report may not have arrived. */
  lastResult?: RoundResult | undefined;
  environment: Environment;
}

interface Held {
  searchId: string;
  stage: StageTask;
  executor: Executor;
  loader: BatchLoader;
  halves: Halves;
  dataset: Dataset;
  sizes: PathSource["sizes"];
  stepsDone: number;
  /** Of the steps of the round that is under way. */
  lossSum: number;
  /** Undefined where they are not known since the stage's start. */
  trainedSteps: TrainedSteps | undefined;
  round: number;
  /** Of `round`, for the case that its report got lost. */
  lastResult: RoundResult | undefined;
  /** First step of the stage that trains half a batch. */
  halvedFrom: number | undefined;
  evaluationChunk: number;
  /** Seconds of the steps that were trained before their round was there. */
  aheadSeconds: number;
}

export class SupernetTrainer {
  readonly #backend: Backend;
  readonly #load: (name: string) => Promise<Dataset>;
  readonly #environment: Environment;
  readonly #makeExecutor: ExecutorFactory;
  /** This machine as one that measures, once that is asked for. */
  #device: DeviceBackend | undefined;
  #held: Held | undefined;
  /** Since when there was nothing to compute. */
  #idleSince = performance.now();

  /** @param load gives a data set by name */
  constructor(
    backend: Backend,
    load: (name: string) => Promise<Dataset>,
    makeExecutor: ExecutorFactory = createExecutor,
  ) {
    this.#backend = backend;
    this.#makeExecutor = makeExecutor;
    this.#load = load;
    this.#environment = environmentOf(backend);
  }

  /** Starts to count idle time: work has come to a runner that had none. */
  startClock(): void {
    this.#idleSince = performance.now();
  }

  /** The last complete round of the search whose supernet is held, or -1. */
  lastRound(searchId: string): number {
    return this.#held?.searchId === searchId ? this.#held.round : -1;
  }

  /** Whether the held weights are those that the round starts from, or it starts a stage. */
  canRun(task: TrainRoundTask): boolean {
    const held = this.#held;
    if (held === undefined || !isSame(held, task.searchId, task.stage)) return task.firstStep === 0;
    if (held.round === task.round) return held.lastResult !== undefined;
    const { firstStep, steps, halvedFrom = Number.POSITIVE_INFINITY } = task;
    const isHalved = held.halvedFrom !== undefined || held.stepsDone <= halvedFrom;
    // Also a round whose steps are all trained must have been completed: its loss is summed up until then.
    const isNext = held.round === task.round - 1 || (held.round < 0 && firstStep === 0);
    return isNext && held.stepsDone >= firstStep && held.stepsDone <= firstStep + steps && isHalved;
  }

  /** Whether the held weights lie behind those that the round starts from: rounds in between would lead there. */
  isBehind(task: TrainRoundTask): boolean {
    const held = this.#held;
    return (
      held !== undefined &&
      isSame(held, task.searchId, task.stage) &&
      held.round < task.round - 1 &&
      held.stepsDone <= task.firstStep
    );
  }

  /**
   * Trains and measures one round, from the step at which it was left where that was in the middle.
   *
   * @throws Error where the held weights are not those that the round starts from; TrainingFailure
   */
  async run(task: TrainRoundTask, hooks: WorkHooks = {}): Promise<RoundResult> {
    const startedAt = performance.now();
    const held = await this.#hold(task);
    if (held.round === task.round && held.lastResult !== undefined) return held.lastResult;
    if (held.stepsDone < task.firstStep || held.stepsDone > task.firstStep + task.steps) {
      throw new Error(
        `Round ${task.round} trains steps ${task.firstStep} to ${task.firstStep + task.steps}, but the supernet has ${held.stepsDone} steps.`,
      );
    }
    held.halvedFrom ??= task.halvedFrom;
    await this.#train(held, task, hooks);
    const trainedAt = performance.now();
    const { found, diverged } = await this.#measure(held, task, hooks);
    if (found.length === 0 && diverged.length > 0) throw withoutNumbers(task);
    const measurements = await this.#measureNetworks(task, found, hooks);
    held.round = task.round;
    const result: RoundResult = {
      measurements,
      ...(diverged.length > 0 ? { diverged } : {}),
      trainLoss: task.steps > 0 ? held.lossSum / task.steps : null,
      digest: held.executor.digest(),
      ...(held.halvedFrom === undefined ? {} : { halvedFrom: held.halvedFrom }),
      ...(task.steps > 0 || held.trainedSteps === undefined ? {} : { trainedSteps: held.trainedSteps }),
      seconds: {
        train: held.aheadSeconds + (trainedAt - startedAt) / 1000,
        evaluate: (performance.now() - trainedAt) / 1000,
        idle: Math.max(0, (startedAt - this.#idleSince) / 1000 - held.aheadSeconds),
      },
    };
    held.lossSum = 0;
    held.aheadSeconds = 0;
    held.lastResult = result;
    this.#idleSince = performance.now();
    return result;
  }

  /**
   * Trains steps of the round after one that is complete, as far as the task says what they are, until `isEnough`.
   * The weights become those that the next round would have made of them.
   */
  async trainAhead(
    task: TrainRoundTask,
    isEnough: () => boolean,
    hooks: Pick<WorkHooks, "notice"> = {},
  ): Promise<void> {
    const held = this.#held;
    const { ahead, firstStep, steps } = task;
    if (ahead === undefined || held?.round !== task.round || !isSame(held, task.searchId, task.stage)) return;
    const startedAt = performance.now();
    try {
      const next = { ...task, ...ahead, firstStep: firstStep + steps };
      await this.#train(held, next, hooks, isEnough);
    } catch {
      // Weights are as before the step; it fails again in its own round, where it can be told.
    }
    held.aheadSeconds += (performance.now() - startedAt) / 1000;
  }

  /** Frees the memory of the supernet; the last checkpoint brings it back. */
  forget(): void {
    this.#replace(undefined);
  }

  /** The state as a file, or nothing before the first complete round. */
  checkpoint(): { searchId: string; round: number; bytes: Uint8Array } | undefined {
    const held = this.#held;
    if (held === undefined || held.round < 0) return undefined;
    const { searchId, stage, round, stepsDone, lossSum, trainedSteps, halvedFrom, lastResult } = held;
    const state = { stage, round, stepsDone, lossSum, trainedSteps, halvedFrom, lastResult };
    const meta: CheckpointMeta = { ...state, environment: this.#environment };
    return { searchId, round, bytes: serialise(held.executor.values(), meta) };
  }

  /**
   * Takes over the state of a file of `checkpoint` where the task's round can be reached from it. The file names no
   * search: one that was imported has another id than it had.
   *
   * @returns what is not as it was when the file was made, in words; where anything is, numbers may differ
   * @throws Error where the file is damaged or of no use for the task
   */
  async restore(bytes: Uint8Array, task: TrainRoundTask): Promise<string[]> {
    const { values, meta } = deserialise(bytes);
    const { stage, environment, ...state } = meta as CheckpointMeta;
    const isOver = isEqual(stage, task.stage) && state.stepsDone > task.firstStep + task.steps;
    const holdsResult = state.round === task.round && state.lastResult !== undefined;
    if (state.round > task.round || (isOver && !holdsResult))
      throw new Error(`It goes beyond round ${task.round}.`);
    const held = await this.#build(task.searchId, stage);
    try {
      held.executor.load(values);
    } catch (err) {
      held.executor.dispose();
      throw err;
    }
    this.#replace({ ...held, ...state, searchId: task.searchId, trainedSteps: state.trainedSteps });
    return differences(environment, this.#environment);
  }

  async #hold({ searchId, stage }: TrainRoundTask): Promise<Held> {
    const held = this.#held;
    if (held !== undefined && isSame(held, searchId, stage)) return held;
    const built = await this.#build(searchId, stage);
    this.#replace(built);
    return built;
  }

  #replace(held: Held | undefined): void {
    this.#held?.loader.dispose();
    this.#held?.executor.dispose();
    this.#held = held;
  }

  async #build(searchId: string, stage: StageTask): Promise<Held> {
    const dataset = await this.#load(stage.dataset);
    const { height, width, channels, classes } = dataset.train;
    const network = buildSupernet({
      space: resolveSpace(stage.space as string | InlineSpace),
      choices: stage.choices,
      channels: stage.channels,
      layers: stage.layers,
      classes,
      image: { height, width, channels },
      stem: stage.stem,
      ...(stage.reductions === undefined ? {} : { reductions: stage.reductions }),
    });
    const halves = splitHalves(dataset.train, stage.seed, { valid: stage.validationFraction });
    const loader = new BatchLoader(dataset.train, halves.weights, dataset, {
      batchSize: stage.batchSize,
      seed: deriveSeed(stage.seed, "batches"),
      augmentation: standardAugmentation,
    });
    const sizes = Object.fromEntries(
      Object.entries(stage.choices).map(([kind, edges]) => [
        kind,
        edges.map((operations) => operations.length),
      ]),
    );
    const executor = this.#makeExecutor(this.#backend, network, stage.seed);
    const progress = {
      stepsDone: 0,
      lossSum: 0,
      trainedSteps: untrained(sizes),
      round: -1,
      lastResult: undefined,
      halvedFrom: undefined,
    };
    const before = this.#held?.searchId === searchId ? this.#held : undefined;
    const rest = { evaluationChunk: before?.evaluationChunk ?? EVALUATION_CHUNK, aheadSeconds: 0 };
    return { searchId, stage, executor, loader, halves, dataset, sizes, ...progress, ...rest };
  }

  async #train(
    held: Held,
    task: TrainRoundTask,
    hooks: WorkHooks,
    isEnough: () => boolean = () => false,
  ): Promise<void> {
    const paths: PathSource = {
      kind: task.paths,
      seed: task.pathSeed,
      sizes: held.sizes,
      logits: task.logits,
    };
    held.loader.seek(held.stepsDone);
    while (held.stepsDone < task.firstStep + task.steps && !isEnough()) {
      const step = held.stepsDone;
      const path = pathAt(paths, step);
      const loss = await this.#step(held, task, path, hooks);
      held.lossSum += loss;
      held.trainedSteps = held.trainedSteps && withStep(held.trainedSteps, path);
      held.stepsDone++;
      hooks.progress?.(step + 1 - task.firstStep, task.steps, loss);
      await nextTurn(); // timers, such as the heartbeat's, run here
      hooks.throwIfEnded?.();
    }
  }

  /** One weight step and its loss; with half its batch, and so half the learning rate, once memory ran out. */
  async #step(held: Held, task: TrainRoundTask, path: Path, hooks: WorkHooks): Promise<number> {
    const { stage, stepsDone: step } = held;
    const batch = await held.loader.next();
    const fail = (err: Error, kind: "diverged" | "out-of-memory"): TrainingFailure => {
      const where = `step ${step} of stage ${stage.index + 1}`;
      const selection = path.kind === "single" ? { selection: operationsOf(stage, path.selection) } : {};
      return new TrainingFailure(`${err.message} At ${where}.`, { kind, step, ...selection });
    };
    for (;;) {
      const isHalf = isHalved(held);
      const settings = {
        learningRate: cosine(stage.learningRate, step, stage.totalSteps) / (isHalf ? 2 : 1),
        momentum: stage.momentum,
        weightDecay: stage.weightDecay,
        clipNorm: stage.clipNorm,
        skipDropout: task.skipDropout,
        seed: deriveSeed(task.pathSeed, "dropout", step),
      };
      try {
        return held.executor.trainStep(isHalf ? firstHalf(batch) : batch, path, settings).loss;
      } catch (err) {
        if (err instanceof DivergenceError) throw fail(err, "diverged");
        if (!isOutOfMemory(err)) throw err;
        if (isHalf || stage.batchSize < 2) throw fail(err as Error, "out-of-memory");
        held.halvedFrom = step;
        hooks.notice?.({
          type: "memory.exhausted",
          data: { stage: stage.index, step, batchSize: half(stage.batchSize), ...whyExhausted(err) },
        });
      }
    }
  }

  /** All candidates, on batches of half the size where memory runs out: then all of them again. */
  async #measure(held: Held, task: TrainRoundTask, hooks: WorkHooks): Promise<Measured> {
    try {
      return await this.#measureAll(held, task, hooks);
    } catch (err) {
      if (!isOutOfMemory(err) || err instanceof TrainingFailure || this.#held !== held) throw err;
      const { stepsDone: step } = held;
      const fail = (doing: string) =>
        new TrainingFailure(`${(err as Error).message} While ${doing}, after step ${step}.`, {
          kind: "out-of-memory",
          step,
        });
      if (err instanceof TuningNeedsMemory) {
        const { index, batchSize } = held.stage;
        if (isHalved(held) || batchSize < 2) throw fail("tuning");
        held.halvedFrom = step;
        const data = { stage: index, step, batchSize: half(batchSize), ...whyExhausted(err.cause) };
        hooks.notice?.({ type: "memory.exhausted", data });
      } else {
        const count = imagesOf(held, task.evaluation);
        const smaller = half(Math.min(held.evaluationChunk, count));
        if (Math.floor(count / Math.ceil(count / smaller)) < SMALLEST_CHUNK) throw fail("measuring");
        held.evaluationChunk = smaller;
        const data = { step, evaluationImages: smaller, ...whyExhausted(err) };
        hooks.notice?.({ type: "memory.exhausted", data });
      }
      return this.#measure(held, task, hooks);
    }
  }

  /** Beside the accuracy, what each candidate's derived network takes on this machine; null where it cannot be told. */
  async #measureNetworks(
    { measure, stage, candidates }: TrainRoundTask,
    measurements: Measurement[],
    hooks: WorkHooks,
  ): Promise<Measurement[]> {
    if (measure === undefined) return measurements;
    this.#device ??= await deviceOf(this.#backend);
    const all: Measurement[] = [];
    for (const measurement of measurements) {
      const selection = candidates[measurement.candidate]?.selection;
      if (selection === undefined) continue;
      const subject = derivedSubject(stage, measure.network, selection);
      const { values } = await measureSubject(this.#device, subject, measure.objectives, onRunner);
      const medians = Object.entries(values).map(([name, value]) => [name, value?.median ?? null] as const);
      all.push({ ...measurement, values: { ...measurement.values, ...Object.fromEntries(medians) } });
      hooks.throwIfEnded?.();
    }
    return all;
  }

  async #measureAll(held: Held, task: TrainRoundTask, hooks: WorkHooks): Promise<Measured> {
    const { stage, candidates, evaluation } = task;
    const all: Measured = { found: [], diverged: [] };
    if (candidates.length === 0) return all;
    const batches = evaluationBatches(held, evaluation);
    const tuning = startTuning(held, task);
    try {
      for (const [candidate, { selection }] of candidates.entries()) {
        const path = pathOfSelection(stage, selection);
        const isTrained =
          tuning === undefined || (await isTuned(tuning, path, afterTuningStep(hooks, task, candidate)));
        const result = isTrained ? measured(held.executor, path, batches) : null;
        if (result === null) all.diverged.push(candidate);
        else all.found.push({ candidate, ...result });
        await nextTurn();
        hooks.throwIfEnded?.();
      }
    } finally {
      if (tuning) this.#endTuning(tuning);
    }
    return all;
  }

  /** Where the shared weights cannot be given back, the last checkpoint brings them. */
  #endTuning(tuning: Tuning): void {
    try {
      tuning.end();
    } catch (err) {
      this.forget();
      throw err;
    }
  }
}

/** Every candidate costs so much time of the runner's at most. */
const onRunner: MeasuringSettings = { batchSize: 1, width: 0.05, limitSeconds: 2 };

/** The network that a selection stands for, as it would be trained and exported in the end. */
function derivedSubject(
  stage: Pick<StageTask, "space">,
  network: NonNullable<TrainRoundTask["measure"]>["network"],
  selection: Selection,
): NetworkSubject {
  const space = resolveSpace(stage.space as string | InlineSpace);
  const { skeleton } = space;
  if (skeleton === "positions") throw new RangeError("a space of positions has no networks");
  const genotype = genotypeFromSelection(space, selection);
  const hash = canonicalHash(genotype, space);
  return { key: hash, kind: "network", genotype, hash, skeleton, ...network };
}

/** A round's candidates: what was measured, and those whose loss is no number. */
interface Measured {
  found: Measurement[];
  diverged: number[];
}

/** What the measurement of a path says, apart from whose it is; null where its loss is no number. */
function measured(
  executor: Executor,
  path: Path,
  batches: readonly Batch[],
): Omit<Measurement, "candidate"> | null {
  const [result] = executor.evaluate(batches, [path], "batch");
  const evaluation = result as Evaluation;
  const accuracy = accuracyOf(evaluation);
  if (accuracy === null) return null;
  return { values: { accuracy }, images: evaluation.images, loss: evaluation.loss };
}

/** Weights of which no candidate can be told are lost, and would be lost again. */
function withoutNumbers({ stage, firstStep, steps, candidates, tuning }: TrainRoundTask): TrainingFailure {
  const step = firstStep + steps;
  const where = `after step ${step} of stage ${stage.index + 1}`;
  const remedy =
    tuning === undefined
      ? "Lower the learning rate."
      : "Lower the learning rate, or confirmation.tuningRate: each was trained by itself first.";
  const message = `Training diverged: none of ${candidates.length} candidates measured ${where} has a loss that is a number. ${remedy}`;
  return new TrainingFailure(message, { kind: "diverged", step });
}

/** How a round's candidates are trained by themselves; undefined where they are not. */
function startTuning(held: Held, { stage, tuning }: TrainRoundTask): Tuning | undefined {
  if (tuning === undefined) return undefined;
  const { dataset, halves, executor } = held;
  const isHalf = isHalved(held);
  const loader = new BatchLoader(dataset.train, halves.weights, dataset, {
    batchSize: isHalf ? half(stage.batchSize) : stage.batchSize,
    seed: deriveSeed(stage.seed, "tuning"),
    augmentation: standardAugmentation,
  });
  const { momentum, weightDecay, clipNorm } = stage;
  const learningRate = tuning.learningRate / (isHalf ? 2 : 1);
  const settings = { steps: tuning.steps, learningRate, momentum, weightDecay, clipNorm };
  return new Tuning(executor, loader, settings);
}

/** Tells how far the tuning of all candidates is, and lets timers, such as the heartbeat's, run. */
function afterTuningStep(
  hooks: WorkHooks,
  { candidates, tuning }: TrainRoundTask,
  candidate: number,
): (step: number, loss: number) => Promise<void> {
  const steps = tuning?.steps ?? 0;
  return async (step, loss) => {
    hooks.progress?.(candidate * steps + step + 1, candidates.length * steps, loss);
    await nextTurn();
    hooks.throwIfEnded?.();
  };
}

/** Memory that does not suffice for training a candidate by itself. */
class TuningNeedsMemory extends Error {
  declare readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** Trains a candidate by itself; false where its numbers stop being numbers, so that there is nothing to measure. */
async function isTuned(
  tuning: Tuning,
  path: Path,
  afterStep: (step: number, loss: number) => Promise<void>,
): Promise<boolean> {
  try {
    await tuning.train(path, afterStep);
    return true;
  } catch (err) {
    if (err instanceof DivergenceError) return false;
    throw isOutOfMemory(err) ? new TuningNeedsMemory(err as Error) : err;
  }
}

/**
 * The path of one operation per edge.
 *
 * @throws Error where an edge does not have the operation any more
 */
export function pathOfSelection({ choices }: Pick<StageTask, "choices">, selection: Selection): Path {
  const indices = Object.entries(choices).map(([kind, edges]) => {
    const chosen = edges.map((operations, edge) => {
      const operation = selection[kind]?.[edge] ?? "";
      const index = operations.indexOf(operation);
      if (index < 0) throw new Error(`Edge ${edge} of the ${kind} cell has no operation "${operation}".`);
      return index;
    });
    return [kind, chosen];
  });
  return { kind: "single", selection: Object.fromEntries(indices) };
}

/** Whether batches are halved by now. */
const isHalved = ({ halvedFrom, stepsDone }: Held): boolean =>
  halvedFrom !== undefined && stepsDone >= halvedFrom;

/** Images on which each candidate is measured. */
const imagesOf = ({ halves }: Held, { images }: TrainRoundTask["evaluation"]): number =>
  Math.min(images, halves.rewards.length);

/** Images of half B from its `offset`, in batches of nearly equal size because each is normalised by itself. */
function evaluationBatches(held: Held, evaluation: TrainRoundTask["evaluation"]): Batch[] {
  const { dataset, halves, evaluationChunk } = held;
  const { offset } = evaluation;
  const count = imagesOf(held, evaluation);
  const indices = Array.from(
    { length: count },
    (_, index) => halves.rewards[(offset + index) % halves.rewards.length] as number,
  );
  const batches = Math.ceil(count / evaluationChunk);
  return Array.from({ length: batches }, (_, index) => {
    const chunk = indices.slice(
      Math.floor((index * count) / batches),
      Math.floor(((index + 1) * count) / batches),
    );
    return evaluationBatch(dataset.train, chunk, dataset);
  });
}

function isSame(held: Held, searchId: string, stage: StageTask): boolean {
  return held.searchId === searchId && isEqual(held.stage, stage);
}

const isEqual = (left: StageTask, right: StageTask): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

/** What a path executes, by name. */
function operationsOf({ choices }: StageTask, path: Record<string, readonly number[]>): Selection {
  const named = Object.entries(path).map(([kind, indices]) => {
    const operations = indices.map((index, edge) => choices[kind]?.[edge]?.[index] ?? "");
    return [kind, operations];
  });
  return Object.fromEntries(named);
}

/** At least one, so that something is left to train. */
export const half = (count: number): number => Math.max(1, Math.floor(count / 2));

function firstHalf({ x, y }: Batch): Batch {
  const images = half(y.length);
  return { x: x.slice(0, (x.length / y.length) * images), y: y.slice(0, images) };
}
