/**
 * Trains a supernet of NAS-Bench-201 with the runner's own executor, batches and paths, saves it every few minutes
 * and scores cells with it.
 */

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { type Batch, evaluationBatch } from "../../gpu-runner/data/batches.ts";
import { BatchLoader } from "../../gpu-runner/data/batchLoader.ts";
import { createExecutor } from "../../gpu-runner/executor/create.ts";
import { accuracyOf, type Executor } from "../../gpu-runner/executor/executor.ts";
import { cosine } from "../../gpu-runner/executor/sgd.ts";
import type { Backend } from "../../gpu-runner/kernels/backend.ts";
import { MovingAverage } from "../../gpu-runner/movingAverage.ts";
import { Tuning } from "../../gpu-runner/tuning.ts";
import { deserialise, serialise } from "../../gpu-runner/weights.ts";
import { buildSupernet, type Cell, type Network } from "../../shared/network.ts";
import { deriveSeed } from "../../shared/random.ts";
import { fullChoices } from "../../shared/space.ts";
import type { RankingImages } from "./images.ts";
import { pathOf, singlePath } from "./paths.ts";
import { type Score, ScoreFile, scoreSchema } from "./scoreFile.ts";
import { type EvaluationSettings, type TrainingSettings, trainingSettings } from "./settings.ts";
import { type BenchmarkCell, space } from "./table.ts";

const MOMENTUM = 0.9;
const CLIP_NORM = 5;
const SAVE_SECONDS = 120;
const TELL_SECONDS = 30;
/** Steps whose speed decides how many fit into a processor time, after those in which the graph is compiled. */
const PROBE_STEPS = 200;
const PROBE_SKIP = 10;
/** Black border of a crop relative to the side: 4 pixels of 32. */
const PAD_SHARE = 1 / 8;

/** How long to train: a number of steps, or as many as fit into some processor time at the speed of the first ones. */
export type Length = { steps: number } | { coreMinutes: number };

export interface Training {
  steps: number;
  /** Processor time of training, of all threads, without saving. */
  cpuSeconds: number;
  seconds: number;
  /** Mean of the last hundred steps. */
  trainLoss: number;
}

const checkpointMeta = z.object({
  settings: trainingSettings,
  steps: z.int(),
  done: z.int(),
  cpuSeconds: z.number(),
  seconds: z.number(),
  trainLoss: z.number(),
  averagedAt: z.int(),
});
type CheckpointMeta = z.infer<typeof checkpointMeta>;

/** The benchmark's network with every operation on every edge, its channels and cells as wanted. */
export function rankingNetwork(settings: TrainingSettings, classes: number): Network {
  const { channels, cells, imagePixels, reductions } = settings;
  const network = buildSupernet({
    space,
    choices: fullChoices(space),
    channels,
    layers: 3 * cells + 2,
    classes,
    image: { height: imagePixels, width: imagePixels, channels: 3 },
    reductions: reductions === "light" ? "shortcuts" : "blocks",
  });
  return reductions === "conv" ? { ...network, cells: network.cells.map(withFirstConvolution) } : network;
}

/** Of a residual block, its first ReLU, convolution and normalisation alone. */
function withFirstConvolution(cell: Cell): Cell {
  if (cell.kind !== "residual") return cell;
  const preprocess = cell.preprocess.map(({ path, layers: [block] }) => {
    if (block?.kind !== "sum") throw new Error("A residual block is no sum.");
    return { path, layers: block.branches[0]?.slice(0, 3) ?? [] };
  });
  return { ...cell, preprocess };
}

export class Supernet {
  readonly #executor: Executor;
  readonly #settings: TrainingSettings;
  readonly #data: RankingImages;
  readonly #average: MovingAverage;
  readonly #log: (line: string) => void;

  constructor(
    backend: Backend,
    settings: TrainingSettings,
    data: RankingImages,
    log: (line: string) => void,
  ) {
    this.#settings = settings;
    this.#data = data;
    this.#log = log;
    this.#average = new MovingAverage(settings.averageDecay);
    const network = rankingNetwork(settings, data.images.classes);
    this.#executor = createExecutor(backend, network, deriveSeed(settings.seed, "weights"));
  }

  /**
   * Trains to the end, from where the checkpoint stands if there is one.
   *
   * @param signal ends the training after a step, which the checkpoint then has
   * @throws Error where the checkpoint is of other settings or another length; what the signal says
   */
  async train(length: Length, checkpoint: string | undefined, signal?: AbortSignal): Promise<Training> {
    const state = this.#resume(length, checkpoint);
    const loader = this.#loader();
    loader.seek(state.done);
    let savedAt = performance.now();
    let toldAt = savedAt;
    const clock = new Clock(state);
    try {
      while (state.steps === 0 || state.done < state.steps) {
        await this.#step(state, loader);
        clock.update(state);
        if (state.steps === 0 && "coreMinutes" in length)
          state.steps = clock.stepsIn(length.coreMinutes, state);
        const now = performance.now();
        if (now - toldAt > TELL_SECONDS * 1000) {
          toldAt = now;
          this.#tell(state);
        }
        await nextTurn(); // or no signal comes through
        const isDue = signal?.aborted === true || now - savedAt > SAVE_SECONDS * 1000;
        if (checkpoint !== undefined && isDue) {
          savedAt = now;
          this.#save(state, checkpoint);
          clock.restart(state);
        }
        signal?.throwIfAborted();
      }
    } finally {
      loader.dispose();
    }
    if (checkpoint !== undefined) this.#save(state, checkpoint);
    if (this.#average.values !== undefined) this.#executor.load(this.#average.values);
    const { steps, cpuSeconds, seconds, trainLoss } = state;
    return { steps, cpuSeconds, seconds, trainLoss };
  }

  /**
   * Scores cells on held-out images, each batch normalised by its own statistics. Where cells are tuned, each starts
   * from the shared weights and sees the same batches.
   */
  async score(
    cells: readonly BenchmarkCell[],
    evaluation: EvaluationSettings,
    {
      file = new ScoreFile(undefined, scoreSchema, {}),
      signal,
    }: { file?: ScoreFile<Score>; signal?: AbortSignal } = {},
  ): Promise<Score[]> {
    const batches = this.#heldOutBatches(evaluation);
    const tuning = this.#tuning(evaluation);
    const scores = file.read();
    const known = scores.length;
    const startedAt = performance.now();
    let [toldAt, savedAt] = [startedAt, startedAt];
    try {
      for (const { selection } of cells.slice(known)) {
        const path = singlePath(selection);
        await tuning?.train(path);
        const [result] = this.#executor.evaluate(batches, [path], "batch");
        if (result === undefined) throw new Error("The executor gave no evaluation.");
        const accuracy = accuracyOf(result);
        if (accuracy === null) throw new Error(`Training diverged: the loss of a cell is ${result.loss}.`);
        scores.push({ loss: result.loss, accuracy });
        await nextTurn();
        const now = performance.now();
        if (signal?.aborted || now - savedAt > SAVE_SECONDS * 1000) {
          savedAt = now;
          file.write(scores);
        }
        signal?.throwIfAborted();
        if (now - toldAt < TELL_SECONDS * 1000) continue;
        toldAt = now;
        const left = ((now - startedAt) / 1000 / (scores.length - known)) * (cells.length - scores.length);
        this.#log(`scored ${scores.length} of ${cells.length} cells, ${duration(left)} left`);
      }
    } finally {
      tuning?.end();
    }
    file.write(scores);
    return scores;
  }

  dispose(): void {
    this.#executor.dispose();
  }

  #resume(length: Length, checkpoint: string | undefined): CheckpointMeta {
    const settings = this.#settings;
    const steps = "steps" in length ? length.steps : 0;
    const fresh = { settings, steps, done: 0, cpuSeconds: 0, seconds: 0, trainLoss: 0, averagedAt: 0 };
    if (checkpoint === undefined || !existsSync(checkpoint)) return fresh;
    const { values, meta } = deserialise(readFileSync(checkpoint));
    const state = checkpointMeta.parse(meta);
    if (JSON.stringify(state.settings) !== JSON.stringify(settings))
      throw new Error(`${checkpoint} was trained with other settings: ${JSON.stringify(state.settings)}.`);
    if (steps > 0 && state.steps !== steps)
      throw new Error(`${checkpoint} is of a training of ${state.steps} steps, not ${steps}.`);
    this.#executor.load(MovingAverage.without(values));
    this.#average.restore(values, state.averagedAt);
    this.#log(`goes on from step ${state.done} of ${state.steps}`);
    return state;
  }

  #loader(): BatchLoader {
    const { images, normalisation, train } = this.#data;
    const { batchSize, augments, seed, imagePixels } = this.#settings;
    return new BatchLoader(images, train, normalisation, {
      batchSize,
      seed: deriveSeed(seed, "batches"),
      augmentation: {
        padPixels: augments ? imagePixels * PAD_SHARE : 0,
        flip: augments,
        cutoutPixels: 0,
      },
    });
  }

  async #step(state: CheckpointMeta, loader: BatchLoader): Promise<void> {
    const settings = this.#settings;
    const step = state.done;
    const batch = await loader.next();
    // Until it is known how many steps there are, the rate stays at its start.
    const { loss } = this.#executor.trainStep(batch, pathOf(settings, step), {
      learningRate:
        state.steps === 0 ? settings.learningRate : cosine(settings.learningRate, step, state.steps),
      momentum: MOMENTUM,
      weightDecay: settings.weightDecay,
      clipNorm: CLIP_NORM,
      skipDropout: settings.skipDropout,
      labelSmoothing: settings.labelSmoothing,
      seed: deriveSeed(settings.seed, "dropout", step),
    });
    state.done++;
    state.trainLoss += (loss - state.trainLoss) / Math.min(100, state.done);
    if (settings.averageDecay > 0)
      this.#average.update(state.done, state.done === state.steps, () => this.#executor.values());
  }

  /** What trains cells by themselves; undefined where they are scored as they are. */
  #tuning({ tuningSteps: steps, tuningRate: learningRate }: EvaluationSettings): Tuning | undefined {
    if (steps === 0) return undefined;
    const { weightDecay } = this.#settings;
    const settings = { steps, learningRate, momentum: MOMENTUM, weightDecay, clipNorm: CLIP_NORM };
    return new Tuning(this.#executor, this.#loader(), settings);
  }

  #heldOutBatches({ images, batchImages }: EvaluationSettings): Batch[] {
    const { images: all, heldOut, normalisation } = this.#data;
    const count = Math.min(images, heldOut.length);
    const batches = Math.ceil(count / batchImages);
    return Array.from({ length: batches }, (_, batch) =>
      evaluationBatch(
        all,
        heldOut.subarray(Math.floor((batch * count) / batches), Math.floor(((batch + 1) * count) / batches)),
        normalisation,
      ),
    );
  }

  #tell({ done, steps, seconds, trainLoss }: CheckpointMeta): void {
    const left = (seconds / done) * (steps - done);
    this.#log(`step ${done} of ${steps}, loss ${trainLoss.toFixed(3)}, ${duration(left)} left`);
  }

  /** Appears complete or not at all. */
  #save(state: CheckpointMeta, checkpoint: string): void {
    const values = new Map([...this.#executor.values(), ...this.#average.saved()]);
    const temporary = `${checkpoint}.part`;
    writeFileSync(temporary, serialise(values, { ...state, averagedAt: this.#average.at }));
    renameSync(temporary, checkpoint);
  }
}

/** Adds up the time of training in a state. */
class Clock {
  #seconds = 0;
  #cpuSeconds = 0;
  #probe: { done: number; cpuSeconds: number } | undefined;

  constructor(state: CheckpointMeta) {
    this.restart(state);
  }

  /** Leaves out the time since the last update. */
  restart({ seconds, cpuSeconds }: CheckpointMeta): void {
    this.#seconds = performance.now() / 1000 - seconds;
    this.#cpuSeconds = cpuNow() - cpuSeconds;
  }

  update(state: CheckpointMeta): void {
    state.seconds = performance.now() / 1000 - this.#seconds;
    state.cpuSeconds = cpuNow() - this.#cpuSeconds;
  }

  /** Steps that fit into the processor time, or 0 where it is too early to say. */
  stepsIn(coreMinutes: number, { done, cpuSeconds }: CheckpointMeta): number {
    if (done >= PROBE_SKIP) this.#probe ??= { done, cpuSeconds };
    if (this.#probe === undefined || done < PROBE_SKIP + PROBE_STEPS) return 0;
    const secondsPerStep = (cpuSeconds - this.#probe.cpuSeconds) / (done - this.#probe.done);
    return Math.max(done, Math.round((60 * coreMinutes) / secondsPerStep));
  }
}

function cpuNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(Math.round(seconds - 60 * minutes)).padStart(2, "0")}`;
}
