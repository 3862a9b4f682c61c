/**
 * Trains paths of a supernet by themselves for a while, so that they can be judged by more than weights that all of
 * them share. Each starts from the shared weights without momentum and sees the same batches, so that nothing
 * depends on the order of the paths; at the end the shared weights and their momentum are what they were, bit for bit.
 */

import type { BatchLoader } from "./data/batchLoader.ts";
import type { Executor, Path, StepSettings } from "./executor/executor.ts";
import { cosine } from "./executor/sgd.ts";
import type { NamedValues } from "./weightShapes.ts";

/** The learning rate is that of the first step; it falls to 0 along half a cosine. */
export interface TuningSettings
  extends Pick<StepSettings, "learningRate" | "momentum" | "weightDecay" | "clipNorm"> {
  steps: number;
}

export class Tuning {
  readonly #executor: Executor;
  readonly #loader: BatchLoader;
  readonly #settings: TuningSettings;
  readonly #shared: NamedValues;
  readonly #start: NamedValues;

  /**
   * @param executor holds the shared weights; nothing else trains it until `end`
   * @param loader gives the batches, from its first one for every path; disposed by `end`
   * @example
   * const tuning = new Tuning(executor, loader, { steps: 20, learningRate: 0.02, momentum: 0.9, weightDecay: 3e-4, clipNorm: 5 });
   * await tuning.train(path);
   * const [result] = executor.evaluate(batches, [path], "batch");
   * tuning.end();
   */
  constructor(executor: Executor, loader: BatchLoader, settings: TuningSettings) {
    this.#executor = executor;
    this.#loader = loader;
    this.#settings = settings;
    this.#shared = executor.values();
    this.#start = new Map([...this.#shared].filter(([name]) => !name.startsWith("momentum/")));
  }

  /**
   * Leaves the path's tuned weights in the executor.
   *
   * @param afterStep is told the step, from 0, and its loss
   * @throws DivergenceError; whatever `afterStep` throws
   */
  async train(
    path: Path,
    afterStep: (step: number, loss: number) => void | Promise<void> = () => {},
  ): Promise<void> {
    const { steps, learningRate, ...settings } = this.#settings;
    this.#executor.load(this.#start);
    this.#loader.seek(0);
    for (let step = 0; step < steps; step++) {
      const { loss } = this.#executor.trainStep(await this.#loader.next(), path, {
        ...settings,
        learningRate: cosine(learningRate, step, steps),
        seed: step,
      });
      await afterStep(step, loss);
    }
  }

  /** Gives the shared weights and their momentum back. */
  end(): void {
    this.#loader.dispose();
    this.#executor.load(this.#shared);
  }
}
