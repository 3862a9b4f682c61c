/**
 * The runner's loop: lease a task, work on it, report, go on with the task in the answer. It keeps nothing that
 * the edge does not have: a runner that vanishes is replaced by one that loads the last checkpoint and repeats
 * the rounds since.
 */

import { setTimeout as sleep } from "node:timers/promises";
import {
  type FinalTrainingTask,
  type LeasedTask,
  protocolVersion,
  type Report,
  type TrainRoundTask,
} from "../shared/protocol.ts";
import type { Dataset } from "./data/dataset.ts";
import { reasonOf } from "./data/files.ts";
import type { DatasetLoader } from "./datasets.ts";
import { type EdgeClient, EdgeError, EdgeUnreachable } from "./edgeClient.ts";
import { FinalTraining } from "./finalTraining.ts";
import type { Backend } from "./kernels/backend.ts";
import { SupernetTrainer, type WorkHooks } from "./trainRound.ts";

const REGISTER_PAUSE_MS = 2000;
/** Longest failure message that the protocol carries. */
const MESSAGE_LENGTH = 2000;

export interface RunnerSettings {
  name: string;
  /** Only work of this search. */
  searchId?: string | undefined;
  /** Whether to end when there is nothing to do. */
  untilIdle: boolean;
  checkpointSeconds: number;
  log: (line: string) => void;
  /** Asks the runner to checkpoint, give its task back and end. */
  signal: AbortSignal;
}

type Reason = "stop" | "lease-lost" | "signal";

/** The work on a task must not go on. */
class Interrupted extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(`interrupted: ${reason}`);
    this.reason = reason;
  }
}

/** A lease that is kept alive while there is work under it. */
class Lease {
  readonly held: LeasedTask;
  readonly #client: EdgeClient;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #renewedAt = performance.now();
  #ended: Reason | undefined;
  #progress: { done: number; total: number; trainLoss: number | null } | undefined;

  constructor(held: LeasedTask, client: EdgeClient, signal: AbortSignal) {
    this.held = held;
    this.#client = client;
    this.#signal = signal;
    this.#timer = setInterval(() => void this.#beat(), held.heartbeatSeconds * 1000);
  }

  readonly hooks: WorkHooks = {
    throwIfEnded: () => {
      if (this.#signal.aborted) throw new Interrupted("signal");
      if (this.#ended) throw new Interrupted(this.#ended);
      if (this.remainingMs() <= 0) throw new Interrupted("lease-lost");
    },
    progress: (done, total, trainLoss) => {
      this.#progress = { done, total, trainLoss };
    },
  };

  remainingMs(): number {
    return this.#renewedAt + this.held.leaseSeconds * 1000 - performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    const sentAt = performance.now();
    try {
      const { leaseId, task } = this.held;
      const progress = this.#progress && { progress: this.#progress };
      const { stop } = await this.#client.heartbeat(task.taskId, { leaseId, ...progress });
      this.#renewedAt = sentAt;
      if (stop) this.#ended = "stop";
    } catch (err) {
      // What cannot be sent is not lost: the lease runs on until it ends by itself.
      if (err instanceof EdgeError && (err.isLeaseLost || err.status === 404)) this.#ended = "lease-lost";
    }
  }
}

export class Runner {
  readonly #client: EdgeClient;
  readonly #backend: Backend;
  readonly #load: DatasetLoader;
  readonly #settings: RunnerSettings;
  readonly #supernet: SupernetTrainer;
  #checkpointedAt = performance.now();
  /** The lease under which there is, or last was, work. */
  #lease: Lease | undefined;

  /** @param load gives the data set of a task */
  constructor(client: EdgeClient, backend: Backend, load: DatasetLoader, settings: RunnerSettings) {
    this.#client = client;
    this.#backend = backend;
    this.#load = load;
    this.#settings = settings;
    this.#supernet = new SupernetTrainer(backend, (name) => this.#dataset(name));
  }

  /**
   * Works until it is told to stop, or until there is nothing to do.
   *
   * @throws EdgeError where the edge refuses this runner, such as for another protocol version
   */
  async run(): Promise<void> {
    const { signal, untilIdle, log } = this.#settings;
    const runnerId = await this.#register();
    let next: LeasedTask | null = null;
    // A task that came with an answer is given back even when the runner was asked to end meanwhile.
    while (!signal.aborted || next !== null) {
      if (next === null) {
        const answer = await this.#askForWork(runnerId);
        next = answer.lease;
        if (next === null) {
          if (untilIdle && answer.reached) {
            log("Nothing to do.");
            break;
          }
          await this.#pause(answer.retryAfterSeconds * 1000);
          continue;
        }
      }
      next = await this.#work(next);
    }
    this.#supernet.dispose();
  }

  async #register(): Promise<string> {
    const { name, log, signal } = this.#settings;
    const { name: backend, versions, threads } = this.#backend;
    while (!signal.aborted) {
      try {
        const request = { protocolVersion, name, backend: { name: backend, versions, threads } };
        const { runnerId } = await this.#client.register(request);
        log(`Registered as ${name} (${backend}, ${threads} threads).`);
        return runnerId;
      } catch (err) {
        if (!(err instanceof EdgeUnreachable) && !(err instanceof EdgeError && err.status >= 500)) throw err;
        log(`${err.message}; trying again.`);
        await this.#pause(REGISTER_PAUSE_MS);
      }
    }
    return "";
  }

  async #askForWork(runnerId: string) {
    const { searchId, log } = this.#settings;
    try {
      const request = { runnerId, ...(searchId === undefined ? {} : { searchId }) };
      return { ...(await this.#client.lease(request)), reached: true };
    } catch (err) {
      const passes =
        err instanceof EdgeUnreachable ||
        (err instanceof EdgeError && (err.status >= 500 || err.status === 429));
      if (!passes) throw err;
      log(`${err.message}; asking again.`);
      return { lease: null, retryAfterSeconds: REGISTER_PAUSE_MS / 1000, reached: false };
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#settings.signal }).catch(() => {});
  }

  /** @returns the next task where the edge gave one with its answer */
  async #work(held: LeasedTask): Promise<LeasedTask | null> {
    const { log, signal } = this.#settings;
    const lease = new Lease(held, this.#client, signal);
    this.#lease = lease;
    try {
      lease.hooks.throwIfEnded?.();
      const report =
        held.task.kind === "trainRound"
          ? await this.#trainRound(held.task, lease)
          : await this.#finalTraining(held.task, lease);
      return await this.#report(lease, report);
    } catch (err) {
      if (err instanceof Interrupted) {
        await this.#giveBack(lease, err.reason);
        return null;
      }
      if (err instanceof EdgeUnreachable || (err instanceof EdgeError && err.isLeaseLost)) {
        log(`${err.message}; the task is dropped.`);
        return null;
      }
      const message = reasonOf(err);
      log(`Task failed: ${message}`);
      return await this.#reportFailure(lease, message);
    } finally {
      lease.end();
    }
  }

  async #report(lease: Lease, report: Report): Promise<LeasedTask | null> {
    const { taskId } = lease.held.task;
    const { next } = await this.#client.report(taskId, report, Math.max(0, lease.remainingMs()));
    return next;
  }

  async #reportFailure(lease: Lease, message: string): Promise<LeasedTask | null> {
    const { leaseId } = lease.held;
    try {
      return await this.#report(lease, {
        kind: "failure",
        leaseId,
        message: message.slice(0, MESSAGE_LENGTH),
      });
    } catch (err) {
      this.#settings.log(`The failure could not be reported: ${reasonOf(err)}`);
      return null;
    }
  }

  async #trainRound(task: TrainRoundTask, lease: Lease): Promise<Report> {
    const { log, checkpointSeconds } = this.#settings;
    await this.#catchUp(task, lease);
    if (performance.now() - this.#checkpointedAt > checkpointSeconds * 1000) await this.#saveSupernet(lease);
    const result = await this.#supernet.run(task, lease.hooks);
    log(describeRound(task, result));
    return { kind: "trainRound", leaseId: lease.held.leaseId, ...result };
  }

  /** Brings the supernet to where the round starts: from the newest good checkpoint and the rounds after it. */
  async #catchUp(task: TrainRoundTask, lease: Lease): Promise<void> {
    if (this.#supernet.canRun(task)) return;
    const { log } = this.#settings;
    const { searchId } = task;
    await this.#restoreSupernet(searchId);
    if (this.#supernet.canRun(task)) return;
    let from = this.#supernet.lastRound(searchId) + 1;
    while (from < task.round) {
      const { data } = await this.#client.roundsSince(searchId, from);
      const rounds = data.filter(({ round }) => round < task.round);
      if (rounds.length === 0) break;
      for (const { round, task: past, digest } of rounds) {
        from = round + 1;
        // Earlier stages leave nothing behind; measuring changes no weights.
        if (past.stage.index !== task.stage.index) continue;
        const result = await this.#supernet.run({ ...past, candidates: [] }, lease.hooks);
        const isEqual = result.digest === digest;
        log(
          `Repeated round ${round}${isEqual ? "." : `: its weights differ from those reported (${digest}); going on.`}`,
        );
      }
    }
  }

  #restoreSupernet(searchId: string): Promise<void> {
    return this.#restore(searchId, undefined, {
      holds: this.#supernet.lastRound(searchId),
      load: (bytes) => this.#supernet.restore(bytes, searchId),
    });
  }

  /** Loads the newest checkpoint that is good and holds more than what is there. */
  async #restore(
    searchId: string,
    trainingId: string | undefined,
    into: { holds: number; load: (bytes: Uint8Array) => void | Promise<void> },
  ): Promise<void> {
    const { log } = this.#settings;
    const what = trainingId === undefined ? "after round" : "at step";
    for (const checkpoint of await this.#client.checkpoints(searchId, trainingId)) {
      const { round } = checkpoint;
      if (round <= into.holds) return;
      try {
        await into.load(await this.#client.download(checkpoint));
        log(`Loaded the checkpoint ${what} ${round}.`);
        return;
      } catch (err) {
        if (err instanceof EdgeUnreachable) throw err;
        log(`The checkpoint ${what} ${round} is of no use: ${reasonOf(err)}`);
      }
    }
  }

  async #saveSupernet(lease: Lease): Promise<void> {
    const state = this.#supernet.checkpoint();
    if (state === undefined || state.searchId !== lease.held.task.searchId) return;
    const { searchId, round, bytes } = state;
    await this.#save(lease, { searchId, round }, bytes);
  }

  async #save(
    lease: Lease,
    what: { searchId: string; round: number; trainingId?: string },
    bytes: Uint8Array,
  ): Promise<void> {
    this.#checkpointedAt = performance.now();
    const { leaseId } = lease.held;
    const blob = {
      ...what,
      leaseId,
      purpose: "checkpoint",
      fileName: `checkpoint-${what.round}.bin`,
    } as const;
    try {
      await this.#client.upload(blob, bytes);
    } catch (err) {
      if (err instanceof EdgeError && err.isLeaseLost) throw err;
      this.#settings.log(`The checkpoint could not be stored: ${reasonOf(err)}`);
    }
  }

  /** The data set of the task under way. */
  #dataset(name: string): Promise<Dataset> {
    if (this.#lease === undefined) throw new Error(`There is no task that needs ${name}.`);
    const { held, hooks } = this.#lease;
    const { task, leaseId } = held;
    return this.#load(name, { taskId: task.taskId, leaseId, throwIfEnded: hooks.throwIfEnded });
  }

  async #finalTraining(task: FinalTrainingTask, lease: Lease): Promise<Report> {
    const { log, checkpointSeconds } = this.#settings;
    const { searchId, trainingId } = task;
    const training = new FinalTraining(this.#backend, await this.#dataset(task.dataset), task);
    const save = () =>
      this.#save(lease, { searchId, trainingId, round: training.step }, training.checkpoint());
    try {
      await this.#restore(searchId, trainingId, { holds: 0, load: (bytes) => training.restore(bytes) });
      this.#checkpointedAt = performance.now();
      const result = await training.run({
        ...lease.hooks,
        log,
        afterStep: async () => {
          if (performance.now() - this.#checkpointedAt > checkpointSeconds * 1000) await save();
        },
      });
      const exports: Record<string, string> = {};
      for (const { format, fileName, bytes } of training.exports(result)) {
        const blob = {
          leaseId: lease.held.leaseId,
          purpose: "export",
          searchId,
          trainingId,
          format,
          fileName,
        } as const;
        exports[format] = await this.#client.upload(blob, bytes);
      }
      return { kind: "finalTraining", leaseId: lease.held.leaseId, ...result, exports };
    } catch (err) {
      if (err instanceof Interrupted && err.reason !== "lease-lost" && training.step > 0) await save();
      throw err;
    } finally {
      training.dispose();
    }
  }

  async #giveBack(lease: Lease, reason: Reason): Promise<void> {
    const { log } = this.#settings;
    const { task, leaseId } = lease.held;
    if (reason === "lease-lost") {
      log("The lease is lost; the task is dropped.");
      return;
    }
    log(reason === "stop" ? "The edge asks to stop." : "Stopping.");
    try {
      if (task.kind === "trainRound") await this.#saveSupernet(lease);
      await this.#client.release(task.taskId, leaseId);
    } catch (err) {
      log(`The task could not be given back: ${reasonOf(err)}`);
    }
  }
}

function describeRound(
  task: TrainRoundTask,
  { measurements, trainLoss, seconds }: Awaited<ReturnType<SupernetTrainer["run"]>>,
): string {
  const { stage, round, firstStep, steps } = task;
  const parts = [`Round ${round}, stage ${stage.index + 1}`];
  if (steps > 0) {
    const rate = (steps * stage.batchSize) / seconds.train;
    parts.push(
      `step ${firstStep + steps} of ${stage.totalSteps}`,
      `loss ${trainLoss?.toFixed(3)}`,
      `${Math.round(rate)} images/s`,
    );
  }
  if (measurements.length > 0) {
    const best = Math.max(...measurements.map(({ values }) => values.accuracy ?? 0));
    parts.push(
      `best of ${measurements.length} candidates ${best.toFixed(1)}% in ${seconds.evaluate.toFixed(1)} s`,
    );
  }
  return `${parts.join(", ")}.`;
}
