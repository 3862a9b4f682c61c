/**
 * Trains a search's supernet round by round and measures candidates on it. The state is one stage's supernet and
 * the number of steps it has been trained; everything random follows from the task, so that any runner that loads
 * the state or repeats the rounds reaches the same weights.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { buildSupernet } from "../shared/network.ts";
import type { Measurement, StageTask, TrainRoundReport, TrainRoundTask } from "../shared/protocol.ts";
import { deriveSeed } from "../shared/random.ts";
import { type InlineSpace, resolveSpace, type Selection } from "../shared/space.ts";
import { type Batch, BatchSource, evaluationBatch, standardAugmentation } from "./data/batches.ts";
import type { Dataset } from "./data/dataset.ts";
import { type Halves, splitHalves } from "./data/split.ts";
import { EagerExecutor } from "./executor/eager.ts";
import type { Executor, Path } from "./executor/executor.ts";
import type { Backend } from "./kernels/backend.ts";
import { type PathSource, pathAt } from "./paths.ts";
import { deserialise, serialise } from "./weights.ts";

/** Most images that are normalised together when a candidate is measured. */
const EVALUATION_CHUNK = 250;

/** How a piece of work tells what it does and learns that it should stop. */
export interface WorkHooks {
  /** Throws where the work must not go on. */
  throwIfEnded?: () => void;
  progress?: (done: number, total: number, trainLoss: number | null) => void;
}

export type RoundResult = Omit<TrainRoundReport, "kind" | "leaseId">;

/** What a checkpoint says about its weights. */
interface CheckpointMeta {
  searchId: string;
  stage: StageTask;
  /** Last round that is complete. */
  round: number;
  /** Steps of the stage that the weights have been trained. */
  stepsDone: number;
  lossSum: number;
}

interface Held {
  searchId: string;
  stage: StageTask;
  executor: Executor;
  source: BatchSource;
  halves: Halves;
  dataset: Dataset;
  sizes: PathSource["sizes"];
  stepsDone: number;
  /** Of the steps of the round that is under way. */
  lossSum: number;
  round: number;
  /** Of `round`, for the case that its report got lost. */
  lastResult: RoundResult | undefined;
}

export class SupernetTrainer {
  readonly #backend: Backend;
  readonly #load: (name: string) => Promise<Dataset>;
  #held: Held | undefined;
  #endedAt = performance.now();

  /** @param load gives a data set by name */
  constructor(backend: Backend, load: (name: string) => Promise<Dataset>) {
    this.#backend = backend;
    this.#load = load;
  }

  /** The last complete round of the search whose supernet is held, or -1. */
  lastRound(searchId: string): number {
    return this.#held?.searchId === searchId ? this.#held.round : -1;
  }

  /** Whether the held weights are those that the round starts from, or it starts a stage. */
  canRun(task: TrainRoundTask): boolean {
    const held = this.#held;
    if (held !== undefined && isSame(held, task.searchId, task.stage)) {
      if (held.round === task.round) return held.lastResult !== undefined;
      return held.round < task.round && held.stepsDone >= task.firstStep;
    }
    return task.firstStep === 0;
  }

  /**
   * Trains and measures one round, from the step at which it was left where that was in the middle.
   *
   * @throws Error where the held weights are not those that the round starts from; DivergenceError
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
    await this.#train(held, task, hooks);
    const trainedAt = performance.now();
    const measurements = await this.#measure(held, task, hooks);
    held.round = task.round;
    const result: RoundResult = {
      measurements,
      trainLoss: task.steps > 0 ? held.lossSum / task.steps : null,
      digest: held.executor.weights.digest(),
      seconds: {
        train: (trainedAt - startedAt) / 1000,
        evaluate: (performance.now() - trainedAt) / 1000,
        idle: (startedAt - this.#endedAt) / 1000,
      },
    };
    held.lossSum = 0;
    held.lastResult = result;
    this.#endedAt = performance.now();
    return result;
  }

  /** The state as a file, or nothing before the first complete round. */
  checkpoint(): { searchId: string; round: number; bytes: Uint8Array } | undefined {
    const held = this.#held;
    if (held === undefined || held.round < 0) return undefined;
    const { searchId, stage, round, stepsDone, lossSum } = held;
    const meta: CheckpointMeta = { searchId, stage, round, stepsDone, lossSum };
    return { searchId, round, bytes: serialise(held.executor.values(), meta) };
  }

  /**
   * Takes over the state of a file of `checkpoint`.
   *
   * @throws Error where the file is damaged or of another search
   */
  async restore(bytes: Uint8Array, searchId: string): Promise<void> {
    const { values, meta } = deserialise(bytes);
    const { stage, round, stepsDone, lossSum, searchId: savedId } = meta as CheckpointMeta;
    if (savedId !== searchId) throw new Error(`The checkpoint is of search ${savedId}.`);
    const held = await this.#build(searchId, stage);
    held.executor.load(values);
    this.#replace({ ...held, round, stepsDone, lossSum });
  }

  dispose(): void {
    this.#replace(undefined);
  }

  async #hold({ searchId, stage }: TrainRoundTask): Promise<Held> {
    const held = this.#held;
    if (held !== undefined && isSame(held, searchId, stage)) return held;
    const built = await this.#build(searchId, stage);
    this.#replace(built);
    return built;
  }

  #replace(held: Held | undefined): void {
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
    });
    const halves = splitHalves(dataset.train, stage.seed, { valid: stage.validationFraction });
    const source = new BatchSource(dataset.train, halves.weights, dataset, {
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
    const executor = new EagerExecutor(this.#backend, network, stage.seed);
    const progress = { stepsDone: 0, lossSum: 0, round: -1, lastResult: undefined };
    return { searchId, stage, executor, source, halves, dataset, sizes, ...progress };
  }

  async #train(held: Held, task: TrainRoundTask, hooks: WorkHooks): Promise<void> {
    const { stage } = held;
    const paths: PathSource = {
      kind: task.paths,
      seed: task.pathSeed,
      sizes: held.sizes,
      logits: task.logits,
    };
    held.source.seek(held.stepsDone);
    while (held.stepsDone < task.firstStep + task.steps) {
      const step = held.stepsDone;
      const { loss } = held.executor.trainStep(held.source.next(), pathAt(paths, step), {
        learningRate: cosine(stage.learningRate, step, stage.totalSteps),
        momentum: stage.momentum,
        weightDecay: stage.weightDecay,
        clipNorm: stage.clipNorm,
        skipDropout: task.skipDropout,
        seed: deriveSeed(task.pathSeed, "dropout", step),
      });
      held.lossSum += loss;
      held.stepsDone++;
      hooks.progress?.(step + 1 - task.firstStep, task.steps, loss);
      await nextTurn(); // timers, such as the heartbeat's, run here
      hooks.throwIfEnded?.();
    }
  }

  async #measure(
    held: Held,
    { stage, candidates, evaluation }: TrainRoundTask,
    hooks: WorkHooks,
  ): Promise<Measurement[]> {
    if (candidates.length === 0) return [];
    const batches = evaluationBatches(held, evaluation);
    const measurements: Measurement[] = [];
    for (const [candidate, { selection }] of candidates.entries()) {
      const path = pathOfSelection(stage, selection);
      const [result] = held.executor.evaluate(batches, [path], "batch");
      const { images, correct, loss } = result as { images: number; correct: number; loss: number };
      measurements.push({
        candidate,
        values: { accuracy: (100 * correct) / images },
        images,
        loss: Number.isFinite(loss) ? loss : null,
      });
      await nextTurn();
      hooks.throwIfEnded?.();
    }
    return measurements;
  }
}

/** A learning rate that falls from its start to 0 along half a cosine. */
export function cosine(start: number, step: number, totalSteps: number): number {
  return (start / 2) * (1 + Math.cos((Math.PI * Math.min(step, totalSteps)) / totalSteps));
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

/** Images of half B from its `offset`, in batches of nearly equal size because each is normalised by itself. */
function evaluationBatches(
  { dataset, halves }: Held,
  { images, offset }: TrainRoundTask["evaluation"],
): Batch[] {
  const count = Math.min(images, halves.rewards.length);
  const indices = Array.from(
    { length: count },
    (_, index) => halves.rewards[(offset + index) % halves.rewards.length] as number,
  );
  const batches = Math.ceil(count / EVALUATION_CHUNK);
  return Array.from({ length: batches }, (_, index) => {
    const chunk = indices.slice(
      Math.floor((index * count) / batches),
      Math.floor(((index + 1) * count) / batches),
    );
    return evaluationBatch(dataset.train, chunk, dataset);
  });
}

function isSame(held: Held, searchId: string, stage: StageTask): boolean {
  return held.searchId === searchId && JSON.stringify(held.stage) === JSON.stringify(stage);
}
