/** Trains architectures in this process as the product's runner does, and says what that cost. */

import { type Dataset, loadDataset } from "../../gpu-runner/data/dataset.ts";
import { TrainingFailure } from "../../gpu-runner/failure.ts";
import { FinalTraining } from "../../gpu-runner/finalTraining.ts";
import { type Backend, loadBackend } from "../../gpu-runner/kernels/backend.ts";
import { trivialAccuracy } from "../../shared/datasets.ts";
import type { FinalTrainingTask } from "../../shared/protocol.ts";
import { finalTrainingSchema } from "../../shared/specification.ts";
import type { Architecture, ContestDataset } from "./arena.ts";
import { network, validationFraction } from "./settings.ts";

/** A search has spent what it may. */
export class BudgetSpent extends Error {}

/** Processor seconds of trainings in this process. */
export class Budget {
  readonly most: number;
  #spent = 0;

  constructor(mostProcessorSeconds: number) {
    this.most = mostProcessorSeconds;
  }

  get spent(): number {
    return this.#spent;
  }

  /**
   * Counts the process's work until the end of `work`.
   *
   * @param work gets what is to be called often, which throws BudgetSpent
   */
  async charge<T>(work: (check: () => void) => Promise<T>): Promise<T> {
    const started = process.cpuUsage();
    const used = () => {
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1e6;
    };
    const check = () => {
      if (this.#spent + used() >= this.most) throw new BudgetSpent("The budget is spent.");
    };
    try {
      check();
      return await work(check);
    } finally {
      this.#spent += used();
    }
  }
}

export interface Tested {
  testAccuracy: number;
  seconds: number;
}

export class Trainer {
  readonly #dataset: Dataset;
  readonly #backend: Backend;
  readonly #signal: AbortSignal;

  constructor(dataset: Dataset, backend: Backend, signal: AbortSignal) {
    this.#dataset = dataset;
    this.#backend = backend;
    this.#signal = signal;
  }

  /** @param folder of the data set's files, where it does not come with the product */
  static async load(
    dataset: ContestDataset,
    folder: string | undefined,
    { log, signal }: { log: (line: string) => void; signal: AbortSignal },
  ): Promise<Trainer> {
    return new Trainer(await loadDataset(dataset, { folder, log }), await loadBackend("tensorflow"), signal);
  }

  /**
   * Accuracy in percent on training images that were held out, as a search by training measures it; 0 of a training that
   * failed.
   *
   * @throws BudgetSpent; the signal's reason
   */
  async validate(architecture: Architecture, steps: number, seed: number, budget: Budget): Promise<number> {
    return budget.charge(async (check) => {
      const training = this.#training(architecture, steps, seed, { fraction: validationFraction });
      const throwIfEnded = () => {
        this.#signal.throwIfAborted();
        check();
      };
      try {
        return (await training.runShort({ throwIfEnded })).validationAccuracy;
      } catch (error) {
        if (error instanceof TrainingFailure) return 0;
        throw error;
      } finally {
        training.dispose();
      }
    });
  }

  /**
   * Trains on all training images and tests; what fails answers no better than by chance.
   *
   * @throws the signal's reason
   */
  async test(architecture: Architecture, steps: number, seed: number): Promise<Tested> {
    const training = this.#training(architecture, steps, seed);
    try {
      const throwIfEnded = () => this.#signal.throwIfAborted();
      const { testAccuracy, seconds } = await training.run({ throwIfEnded });
      return { testAccuracy, seconds };
    } catch (error) {
      if (!(error instanceof TrainingFailure)) throw error;
      return { testAccuracy: trivialAccuracy({ name: this.#dataset.name }), seconds: 0 };
    } finally {
      training.dispose();
    }
  }

  #training(
    { genotype, hash }: Architecture,
    steps: number,
    seed: number,
    validation?: FinalTrainingTask["validation"],
  ): FinalTraining {
    return new FinalTraining(this.#backend, this.#dataset, {
      kind: "finalTraining",
      taskId: "contest",
      searchId: "contest",
      trainingId: "contest",
      genotype,
      hash,
      dataset: this.#dataset.name,
      ...network,
      recipe: finalTrainingSchema.parse({ preset: "demo", steps }),
      seed,
      ...(validation === undefined ? {} : { validation }),
    });
  }
}
