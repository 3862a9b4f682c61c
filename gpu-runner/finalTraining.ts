/**
 * Trains one architecture on all training images and tests it on images that the search never saw; or, to compare
 * architectures, trains on a part of the training images and measures on the others. Follows the recipe of DARTS (Liu
 * et al. 2019); the `demo` preset is a short one for small images on a CPU.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { countNetwork } from "../shared/count.ts";
import { deriveNetwork, type Network } from "../shared/network.ts";
import type { FinalTrainingReport, FinalTrainingTask, ShortTrainingReport } from "../shared/protocol.ts";
import { deriveSeed } from "../shared/random.ts";
import { type Recipe, recipeSteps, resolveRecipe, stepsPerEpoch } from "../shared/recipes.ts";
import { type Augmentation, type Batch, evaluationBatch } from "./data/batches.ts";
import { BatchLoader } from "./data/batchLoader.ts";
import type { Dataset, Images } from "./data/dataset.ts";
import { splitHalves } from "./data/split.ts";
import { differences, type Environment, environmentOf } from "./environment.ts";
import { createExecutor } from "./executor/create.ts";
import { accuracyOf, DivergenceError, type Executor } from "./executor/executor.ts";
import { cosine } from "./executor/sgd.ts";
import { type ExportFile, exportFiles } from "./exports/index.ts";
import { isOutOfMemory, TrainingFailure, whyExhausted } from "./failure.ts";
import type { Backend } from "./kernels/backend.ts";
import { LossCurve, type SavedCurve } from "./lossCurve.ts";
import { MovingAverage } from "./movingAverage.ts";
import { type ExecutorFactory, half, type WorkHooks } from "./trainRound.ts";
import type { NamedValues } from "./weightShapes.ts";
import { deserialise, serialise } from "./weights.ts";

/** Batches of half the size, twice as many of them and half the learning rate, once memory ran out. */
const HALVING = 2;
/** Statistics of a training of fewer steps are measured again at its end: moving ones would lag behind. */
const CALIBRATED_BELOW_STEPS = 5000;
const CALIBRATION_BATCHES = 20;
const TEST_CHUNK = 250;
/** The reported training loss is a moving average over about this many steps. */
const LOSS_STEPS = 50;
const LOG_SECONDS = 10;

export interface FinalTrainingHooks extends WorkHooks {
  log?: (line: string) => void;
  afterStep?: () => void;
}

export type FinalTrainingResult = Omit<FinalTrainingReport, "kind" | "leaseId" | "exports">;
export type ShortTrainingResult = Omit<ShortTrainingReport, "kind" | "leaseId">;

/** Indices of training images: those that train weights and those that are measured instead of the test set. */
interface Use {
  weights: Int32Array;
  validation: Int32Array;
}

interface CheckpointMeta {
  hash: string;
  step: number;
  trainLoss: number;
  seconds: number;
  /** 1, or `HALVING` once memory ran out: steps count batches of that part of the recipe's size. */
  split: number;
  averagedAt: number;
  /** Absent in those of earlier versions. */
  curve?: SavedCurve;
  environment: Environment;
}

export class FinalTraining {
  readonly recipe: Recipe;
  readonly network: Network;
  readonly #task: FinalTrainingTask;
  readonly #dataset: Dataset;
  readonly #use: Use;
  readonly #executor: Executor;
  readonly #environment: Environment;
  readonly #average: MovingAverage | undefined;
  /** What was trained, while the executor holds the averages. */
  #trained: NamedValues | undefined;
  #loader: BatchLoader;
  #split = 1;
  #testChunk = TEST_CHUNK;
  #step = 0;
  #trainLoss = 0;
  readonly #curve = new LossCurve();
  #seconds = 0;

  constructor(
    backend: Backend,
    dataset: Dataset,
    task: FinalTrainingTask,
    makeExecutor: ExecutorFactory = createExecutor,
  ) {
    const { height, width, channels, classes } = dataset.train;
    this.#task = task;
    this.#dataset = dataset;
    this.#use = useOf(dataset.train, task);
    this.recipe = resolveRecipe(task.recipe);
    this.#environment = environmentOf(backend);
    const { auxiliaryWeight, ema } = this.recipe;
    this.network = deriveNetwork({
      genotype: task.genotype,
      auxiliary: auxiliaryWeight > 0,
      channels: task.channels,
      layers: task.layers,
      classes,
      image: { height, width, channels },
      stem: task.stem,
    });
    this.#executor = makeExecutor(backend, this.network, deriveSeed(task.seed, "weights"));
    this.#average = ema > 0 ? new MovingAverage(ema) : undefined;
    this.#loader = this.#batches();
  }

  get batchSize(): number {
    const { batchSize } = this.recipe;
    return this.#split === 1 ? batchSize : half(batchSize);
  }

  get totalSteps(): number {
    return recipeSteps(this.#task.recipe, this.#use.weights.length) * this.#split;
  }

  /** Steps that have been trained. */
  get step(): number {
    return this.#step;
  }

  /**
   * Trains, then tests.
   *
   * @throws TrainingFailure; whatever the hooks throw; Error for a task with `validation`
   */
  async run(hooks: FinalTrainingHooks = {}): Promise<FinalTrainingResult> {
    if (this.#task.validation !== undefined) throw new Error("A short training is not tested.");
    const elapsed = await this.#train(hooks);
    const { test } = this.#dataset;
    const { accuracy, loss } = await this.#measure(test, everyIndex(test), hooks);
    this.#assertNumbers();
    this.#seconds = elapsed();
    hooks.log?.(`Final training: test accuracy ${accuracy.toFixed(2)}%.`);
    const { parameters, macs } = countNetwork(this.network);
    const curve = this.#curve.points(this.#step, this.#trainLoss);
    return { testAccuracy: accuracy, testLoss: loss, parameters, macs, ...this.#trainedFor(), curve };
  }

  /**
   * Trains, then measures on the training images that were held out.
   *
   * @throws TrainingFailure; whatever the hooks throw; Error for a task without `validation`
   */
  async runShort(hooks: FinalTrainingHooks = {}): Promise<ShortTrainingResult> {
    if (this.#task.validation === undefined) throw new Error("This training holds no images out.");
    const elapsed = await this.#train(hooks);
    const { validation } = this.#use;
    const { accuracy, loss } = await this.#measure(this.#dataset.train, validation, hooks);
    this.#seconds = elapsed();
    hooks.log?.(`Short training: ${accuracy.toFixed(2)}% of ${validation.length} held-out images.`);
    return {
      validationAccuracy: accuracy,
      validationLoss: loss,
      images: validation.length,
      ...this.#trainedFor(),
    };
  }

  #trainedFor() {
    const { totalSteps: steps, batchSize } = this;
    return { trainLoss: this.#trainLoss, steps, batchSize, seconds: this.#seconds };
  }

  /** @returns the seconds it has taken so far, those of former runners included */
  async #train(hooks: FinalTrainingHooks): Promise<() => number> {
    const name = this.#task.validation === undefined ? "Final" : "Short";
    const startedAt = performance.now();
    const before = this.#seconds;
    const elapsed = () => before + (performance.now() - startedAt) / 1000;
    let loggedAt = startedAt;
    let loggedStep = this.#step;
    this.#loader.seek(this.#step);
    while (this.#step < this.totalSteps) {
      await this.#trainStep(hooks);
      this.#average?.update(this.#step, this.#step === this.totalSteps, () => this.#executor.values());
      this.#seconds = elapsed();
      hooks.progress?.(this.#step, this.totalSteps, this.#trainLoss);
      const sinceLog = (performance.now() - loggedAt) / 1000;
      if (sinceLog > LOG_SECONDS) {
        const rate = ((this.#step - loggedStep) * this.batchSize) / sinceLog;
        const loss = this.#trainLoss.toFixed(3);
        hooks.log?.(
          `${name} training: step ${this.#step} of ${this.totalSteps}, loss ${loss}, ${Math.round(rate)} images/s.`,
        );
        loggedAt = performance.now();
        loggedStep = this.#step;
      }
      await nextTurn(); // timers, such as the heartbeat's, run here
      hooks.throwIfEnded?.();
      hooks.afterStep?.();
    }
    if (this.#average?.values !== undefined) {
      this.#trained = this.#executor.values();
      this.#executor.load(this.#average.values);
    }
    if (this.totalSteps < CALIBRATED_BELOW_STEPS) await this.#calibrate();
    return elapsed;
  }

  /** Weights and moving statistics of the trained model, averages where the recipe asks for them. */
  trainedValues(): NamedValues {
    return this.#executor.values();
  }

  /** The trained model in every format, ready to be stored. */
  exports(result: FinalTrainingResult): ExportFile[] {
    return exportFiles({
      network: this.network,
      values: this.trainedValues(),
      genotype: this.#task.genotype,
      hash: this.#task.hash,
      dataset: this.#dataset,
      size: { stem: this.#task.stem, channels: this.#task.channels, layers: this.#task.layers },
      result,
    });
  }

  /** Class scores before the softmax for images of the test set. */
  logits(indices: readonly number[]): Float32Array {
    const batch = evaluationBatch(this.#dataset.test, indices, this.#dataset);
    return this.#executor.logits(batch, { kind: "only" }, "moving");
  }

  checkpoint(): Uint8Array {
    const meta: CheckpointMeta = {
      hash: this.#task.hash,
      step: this.#step,
      trainLoss: this.#trainLoss,
      seconds: this.#seconds,
      split: this.#split,
      averagedAt: this.#average?.at ?? 0,
      curve: this.#curve.saved(),
      environment: this.#environment,
    };
    const trained = this.#trained ?? this.#executor.values();
    return serialise(new Map([...trained, ...(this.#average?.saved() ?? [])]), meta);
  }

  /**
   * @returns what is not as it was when the file was made, in words; where anything is, numbers may differ
   * @throws Error where the file is damaged or of another architecture
   */
  restore(bytes: Uint8Array): string[] {
    const { values, meta } = deserialise(bytes);
    const { hash, step, trainLoss, seconds, split, averagedAt, curve, environment } = meta as CheckpointMeta;
    if (hash !== this.#task.hash) throw new Error(`The checkpoint is of architecture ${hash}.`);
    this.#executor.load(MovingAverage.without(values));
    this.#average?.restore(values, averagedAt);
    this.#trained = undefined;
    if (curve !== undefined) this.#curve.restore(curve);
    this.#step = step;
    this.#trainLoss = trainLoss;
    this.#seconds = seconds;
    this.#split = split;
    this.#loader.dispose();
    this.#loader = this.#batches();
    return differences(environment, this.#environment);
  }

  dispose(): void {
    this.#loader.dispose();
    this.#executor.dispose();
  }

  #batches(): BatchLoader {
    const { train } = this.#dataset;
    const { padPixels, cutout } = this.recipe;
    const augmentation: Augmentation = { padPixels, flip: true, cutoutPixels: cutout };
    const seed = deriveSeed(this.#task.seed, "batches");
    const { batchSize } = this;
    return new BatchLoader(train, this.#use.weights, this.#dataset, { batchSize, seed, augmentation });
  }

  async #trainStep(hooks: FinalTrainingHooks): Promise<void> {
    let loss: number;
    try {
      loss = await this.#tryStep();
    } catch (err) {
      const where = { step: this.#step, hash: this.#task.hash };
      const tell = () =>
        `${(err as Error).message} At step ${this.#step} of architecture ${this.#task.hash}.`;
      if (err instanceof DivergenceError) throw new TrainingFailure(tell(), { kind: "diverged", ...where });
      if (!isOutOfMemory(err)) throw err;
      if (this.#split > 1 || this.batchSize < HALVING)
        throw new TrainingFailure(tell(), { kind: "out-of-memory", ...where });
      this.#halve(hooks, err);
      return this.#trainStep(hooks);
    }
    this.#step++;
    const share = Math.max(1 / this.#step, 1 / LOSS_STEPS);
    this.#trainLoss += (loss - this.#trainLoss) * share;
    this.#curve.add(this.#step, this.#trainLoss);
  }

  async #tryStep(): Promise<number> {
    const { recipe } = this;
    const epochSteps = stepsPerEpoch(recipe, this.#use.weights.length) * this.#split;
    const settings = {
      learningRate: learningRateAt(recipe, this.#step, this.totalSteps, epochSteps) / this.#split,
      momentum: recipe.momentum,
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm,
      dropPath: (recipe.dropPath * this.#step) / this.totalSteps,
      labelSmoothing: recipe.labelSmoothing,
      auxiliaryWeight: recipe.auxiliaryWeight,
      seed: deriveSeed(this.#task.seed, "dropPath", this.#step),
    };
    return this.#executor.trainStep(await this.#loader.next(), { kind: "only" }, settings).loss;
  }

  /** Goes on at the same image, with two steps for each that is left: batches, learning rate and epochs stay in proportion. */
  #halve(hooks: FinalTrainingHooks, err: unknown): void {
    const step = this.#step;
    this.#split = HALVING;
    this.#step *= HALVING;
    this.#average?.splitSteps(HALVING);
    this.#curve.splitSteps(HALVING);
    this.#loader.dispose();
    this.#loader = this.#batches();
    this.#loader.seek(this.#step);
    hooks.log?.(`Memory ran out at step ${step}: going on with batches of ${this.batchSize}.`);
    const { hash, trainingId } = this.#task;
    const data = { trainingId, hash, step, batchSize: this.batchSize, ...whyExhausted(err) };
    hooks.notice?.({ type: "memory.exhausted", data });
  }

  async #calibrate(): Promise<void> {
    this.#loader.seek(this.totalSteps);
    const batches: Batch[] = [];
    while (batches.length < CALIBRATION_BATCHES) batches.push(await this.#loader.next());
    this.#executor.calibrate(batches, { kind: "only" });
  }

  async #measure(
    images: Images,
    measured: Int32Array,
    hooks: FinalTrainingHooks,
  ): Promise<{ accuracy: number; loss: number }> {
    let correct = 0;
    let loss = 0;
    for (let first = 0; first < measured.length; ) {
      const length = Math.min(this.#testChunk, measured.length - first);
      const indices = [...measured.subarray(first, first + length)];
      const batch = evaluationBatch(images, indices, this.#dataset);
      try {
        const [part] = this.#executor.evaluate([batch], [{ kind: "only" }], "moving");
        correct += part?.correct ?? 0;
        loss += (part?.loss ?? 0) * length;
        first += length;
      } catch (err) {
        if (!isOutOfMemory(err)) throw err;
        const where = { step: this.#step, hash: this.#task.hash };
        if (this.#testChunk === 1)
          throw new TrainingFailure(`${(err as Error).message} In the test.`, {
            kind: "out-of-memory",
            ...where,
          });
        this.#testChunk = half(this.#testChunk);
      }
      await nextTurn();
      hooks.throwIfEnded?.();
    }
    const evaluation = { images: measured.length, correct, loss: loss / measured.length };
    const accuracy = accuracyOf(evaluation);
    if (accuracy === null) throw this.#diverged(`the loss of the test is ${evaluation.loss}`);
    return { accuracy, loss: evaluation.loss };
  }

  /** @throws TrainingFailure where weights or moving statistics that would be exported are no numbers */
  #assertNumbers(): void {
    for (const [name, { values }] of this.trainedValues())
      if (!name.startsWith("momentum/") && !values.every(Number.isFinite))
        throw this.#diverged(`${name} holds what is no finite number`);
  }

  #diverged(what: string): TrainingFailure {
    const step = this.#step;
    const { hash } = this.#task;
    return new TrainingFailure(
      `Training diverged: ${what}. Lower the learning rate. After step ${step} of architecture ${hash}.`,
      { kind: "diverged", step, hash },
    );
  }
}

const everyIndex = ({ count }: Images): Int32Array => Int32Array.from({ length: count }, (_, index) => index);

/** @throws Error where a share of the images is no image, or all of them */
function useOf(train: Images, { seed, validation }: FinalTrainingTask): Use {
  if (validation === undefined) return { weights: everyIndex(train), validation: new Int32Array() };
  const { weights, rewards } = splitHalves(train, seed, { valid: validation.fraction });
  const held = rewards.subarray(0, validation.images ?? rewards.length);
  if (held.length === 0 || weights.length === 0)
    throw new Error(`${train.count} images cannot be split by ${validation.fraction}.`);
  return { weights, validation: held };
}

/** The learning rate of a step: a short linear rise, then the recipe's decay. */
export function learningRateAt(
  { learningRate, decay, warmup }: Pick<Recipe, "learningRate" | "decay" | "warmup">,
  step: number,
  totalSteps: number,
  epochSteps: number,
): number {
  const rising = warmup * totalSteps;
  if (step < rising) return (learningRate * (step + 1)) / (rising + 1);
  if (decay !== "cosine") return learningRate * decay ** Math.floor(step / epochSteps);
  return cosine(learningRate, step - rising, totalSteps - rising);
}
