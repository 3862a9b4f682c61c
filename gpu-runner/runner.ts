/**
 * The runner's loop: lease a task, work on it, report, go on with the task in the answer. It keeps nothing that
 * the edge does not have: a runner that vanishes is replaced by one that loads the last checkpoint and repeats
 * the rounds since.
 */

import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hexHash } from "../shared/hash.ts";
import {
  type FinalTrainingTask,
  type LeasedTask,
  longestMessage,
  type Notice,
  protocolVersion,
  type Report,
  type ScoreTask,
  type TabularTask,
  type Task,
  type TrainRoundTask,
} from "../shared/protocol.ts";
import type { Dataset } from "./data/dataset.ts";
import { defaultCacheDir, reasonOf } from "./data/files.ts";
import type { DatasetLoader } from "./datasets.ts";
import { type EdgeClient, EdgeError, EdgeUnreachable } from "./edgeClient.ts";
import { createExecutor } from "./executor/create.ts";
import { TrainingFailure } from "./failure.ts";
import { FinalTraining } from "./finalTraining.ts";
import type { Backend } from "./kernels/backend.ts";
import { MemoryGuard } from "./limits/guard.ts";
import { TableRounds } from "./tableRounds.ts";
import { scoreAll } from "./trainingFree/scoreAll.ts";
import { type ExecutorFactory, type RoundResult, SupernetTrainer, type WorkHooks } from "./trainRound.ts";

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30_000;
const REASON_LENGTH = 1000;
/** Most notices that one heartbeat carries. */
const MOST_NOTICES = 16;

export interface RunnerSettings {
  name: string;
  /** Only work of this search. */
  searchId?: string | undefined;
  /** Whether to end when there is nothing to do. */
  untilIdle: boolean;
  checkpointSeconds: number;
  /** Without it: what suits the backend. */
  makeExecutor?: ExecutorFactory | undefined;
  /** Where pushed tables, and notes of steps under way, are kept; without it the project's cache. */
  cacheDir?: string | undefined;
  log: (line: string) => void;
  /** Asks the runner to checkpoint, give its task back and end. */
  signal: AbortSignal;
}

type Reason = "stop" | "lease-lost" | "signal" | "protocol-mismatch";

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
  /** The edge changed while there was work: it may be given back, but not go on. */
  #mismatch: EdgeError | undefined;
  #progress: { done: number; total: number; trainLoss: number | null } | undefined;
  /** Not told yet. */
  #notices: Notice[] = [];

  constructor(held: LeasedTask, client: EdgeClient, signal: AbortSignal) {
    this.held = held;
    this.#client = client;
    this.#signal = signal;
    this.#timer = setInterval(() => void this.#beat(), held.heartbeatSeconds * 1000);
  }

  readonly hooks: WorkHooks = {
    throwIfEnded: () => {
      if (this.#signal.aborted) throw new Interrupted("signal");
      if (this.#mismatch) throw this.#mismatch;
      if (this.#ended) throw new Interrupted(this.#ended);
      if (this.remainingMs() <= 0) throw new Interrupted("lease-lost");
    },
    progress: (done, total, trainLoss) => {
      this.#progress = { done, total, trainLoss };
    },
    notice: (notice) => {
      if (this.#notices.length < MOST_NOTICES) this.#notices.push(notice);
    },
  };

  remainingMs(): number {
    return this.#renewedAt + this.held.leaseSeconds * 1000 - performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }

  /** Tells what there is to tell before the lease goes. */
  async tell(): Promise<void> {
    if (this.#notices.length > 0) await this.#beat();
  }

  async #beat(): Promise<void> {
    const sentAt = performance.now();
    const notices = this.#notices;
    this.#notices = [];
    try {
      const { leaseId, task } = this.held;
      const progress = this.#progress && { progress: this.#progress };
      const told = notices.length > 0 ? { notices } : {};
      const { stop } = await this.#client.heartbeat(task.taskId, { leaseId, ...progress, ...told });
      this.#renewedAt = sentAt;
      if (stop) this.#ended = "stop";
    } catch (err) {
      // What cannot be sent is not lost: the lease runs on until it ends by itself.
      this.#notices = [...notices, ...this.#notices].slice(0, MOST_NOTICES);
      if (!(err instanceof EdgeError)) return;
      if (err.isLeaseLost || err.status === 404) this.#ended = "lease-lost";
      if (err.isProtocolMismatch) this.#mismatch = err;
    }
  }
}

export class Runner {
  readonly #client: EdgeClient;
  readonly #backend: Backend;
  readonly #load: DatasetLoader;
  readonly #settings: RunnerSettings;
  readonly #memory: MemoryGuard;
  readonly #makeExecutor: ExecutorFactory;
  readonly #supernet: SupernetTrainer;
  readonly #tables: TableRounds;
  #checkpointedAt = performance.now();
  /** The lease under which there is, or last was, work. */
  #lease: Lease | undefined;
  /** The checkpoint that is being stored while training goes on. */
  #storing: Promise<void> | undefined;

  /** @param load gives the data set of a task */
  constructor(client: EdgeClient, backend: Backend, load: DatasetLoader, settings: RunnerSettings) {
    this.#client = client;
    this.#backend = backend;
    this.#load = load;
    this.#settings = settings;
    const { makeExecutor = createExecutor, cacheDir = defaultCacheDir(), log } = settings;
    this.#memory = new MemoryGuard({ folder: path.join(cacheDir, "steps"), log });
    this.#makeExecutor = (...made) => this.#memory.watch(makeExecutor(...made), backend);
    this.#supernet = new SupernetTrainer(backend, (name) => this.#dataset(name), this.#makeExecutor);
    this.#tables = new TableRounds(client, settings);
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
    let pauseMs = FIRST_PAUSE_MS;
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
          await this.#pause(answer.reached ? answer.retryAfterSeconds * 1000 : pauseMs);
          pauseMs = answer.reached ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
          continue;
        }
        pauseMs = FIRST_PAUSE_MS;
        this.#supernet.startClock();
        this.#tables.startClock();
      }
      next = await this.#work(next);
    }
    await this.#storing;
    this.#supernet.forget();
  }

  async #register(): Promise<string> {
    const { name, log, signal } = this.#settings;
    const { name: backend, versions, threads } = this.#backend;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        const request = { protocolVersion, name, backend: { name: backend, versions, threads } };
        const { runnerId } = await this.#client.register(request);
        log(`Registered as ${name} (${backend}, ${threads} threads).`);
        return runnerId;
      } catch (err) {
        if (!passes(err)) throw err;
        log(`${err.message}; trying again.`);
        await this.#pause(pauseMs);
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
      if (!passes(err)) throw err;
      log(`${err.message}; asking again.`);
      return { lease: null, retryAfterSeconds: 0, reached: false };
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
    this.#memory.begin(held.task.kind === "finalTraining" ? held.task.trainingId : held.task.searchId);
    try {
      lease.hooks.throwIfEnded?.();
      return await this.#report(lease, await this.#do(held.task, lease));
    } catch (err) {
      if (err instanceof Interrupted) {
        await this.#giveBack(lease, err.reason);
        return null;
      }
      if (isMismatch(err)) {
        await this.#giveBack(lease, "protocol-mismatch");
        throw err;
      }
      if (passes(err) || (err instanceof EdgeError && err.isLeaseLost)) {
        log(`${err.message}; the task is dropped.`);
        return null;
      }
      log(`Task failed: ${reasonOf(err)}`);
      return await this.#reportFailure(lease, err);
    } finally {
      this.#memory.end();
      lease.end();
    }
  }

  #do(task: Task, lease: Lease): Promise<Report> {
    if (task.kind === "trainRound") return this.#trainRound(task, lease);
    if (task.kind === "tabular") return this.#tabular(task, lease);
    if (task.kind === "score") return this.#score(task, lease);
    return this.#finalTraining(task, lease);
  }

  async #tabular(task: TabularTask, { held: { leaseId }, hooks }: Lease): Promise<Report> {
    const { taskId, round } = task;
    const result = await this.#tables.run(task, { taskId, leaseId, throwIfEnded: hooks.throwIfEnded });
    const found = result.measurements.filter(({ values }) => values.accuracy !== null).length;
    this.#settings.log(
      `Round ${round}: ${found} of ${task.candidates.length} candidates found in ${task.table}.`,
    );
    return { kind: "tabular", leaseId, ...result };
  }

  async #score(task: ScoreTask, { held: { leaseId }, hooks }: Lease): Promise<Report> {
    const { train } = await this.#dataset(task.dataset);
    const startedAt = performance.now();
    const scores = await scoreAll(this.#backend, task, train, hooks);
    const seconds = (performance.now() - startedAt) / 1000;
    this.#supernet.startClock();
    this.#settings.log(`Scored ${scores.length} architectures without training in ${seconds.toFixed(1)} s.`);
    return {
      kind: "score",
      leaseId,
      scores,
      measurements: [],
      digest: hexHash(JSON.stringify(scores)),
      seconds: { train: 0, evaluate: seconds, idle: 0 },
    };
  }

  /** Reports, and trains on while the answer is under way where the task says how. */
  async #report(lease: Lease, report: Report): Promise<LeasedTask | null> {
    const { task } = lease.held;
    await lease.tell();
    let isAnswered = false;
    const answer = this.#client.report(task.taskId, report, Math.max(0, lease.remainingMs())).finally(() => {
      isAnswered = true;
    });
    answer.catch(() => {}); // awaited below
    if (report.kind === "trainRound" && task.kind === "trainRound") {
      const isEnough = () => isAnswered || this.#settings.signal.aborted;
      await this.#supernet.trainAhead(task, isEnough, lease.hooks);
    }
    return (await answer).next;
  }

  async #reportFailure(lease: Lease, err: unknown): Promise<LeasedTask | null> {
    const { leaseId } = lease.held;
    const message = reasonOf(err).slice(0, longestMessage);
    const cause = err instanceof TrainingFailure ? { cause: err.failure } : {};
    try {
      return await this.#report(lease, { kind: "failure", leaseId, message, ...cause });
    } catch (failed) {
      this.#settings.log(`The failure could not be reported: ${reasonOf(failed)}`);
      return null;
    }
  }

  async #trainRound(task: TrainRoundTask, lease: Lease): Promise<Report> {
    const { log, checkpointSeconds } = this.#settings;
    await this.#catchUp(task, lease);
    this.#saveBeside(checkpointSeconds, () => this.#supernetState(lease), lease);
    const result = await this.#supernet.run(task, lease.hooks);
    log(describeRound(task, result));
    return { kind: "trainRound", leaseId: lease.held.leaseId, ...result };
  }

  /** Brings the supernet to where the round starts: from the newest good checkpoint and the rounds after it. */
  async #catchUp(task: TrainRoundTask, lease: Lease): Promise<void> {
    if (this.#supernet.canRun(task)) return;
    if (!this.#supernet.isBehind(task)) this.#supernet.forget();
    if (this.#supernet.canRun(task)) return;
    const { log } = this.#settings;
    const { searchId } = task;
    await this.#restore(task, lease, {
      holds: this.#supernet.lastRound(searchId),
      load: (bytes) => this.#supernet.restore(bytes, task),
    });
    if (this.#supernet.canRun(task)) return;
    let differs = false;
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
        if (result.digest === digest) {
          log(`Repeated round ${round}.`);
          continue;
        }
        log(`Repeated round ${round}: its weights differ from those reported (${digest}); going on.`);
        if (!differs) {
          const data = { round, reported: digest, repeated: result.digest };
          lease.hooks.notice?.({ type: "round.differs", data });
        }
        differs = true;
      }
    }
  }

  /** Loads the newest checkpoint that is good and holds more than what is there. */
  async #restore(
    task: Task,
    { hooks }: Lease,
    into: { holds: number; load: (bytes: Uint8Array) => string[] | Promise<string[]> },
  ): Promise<void> {
    const { log } = this.#settings;
    const { searchId } = task;
    const trainingId = task.kind === "finalTraining" ? task.trainingId : undefined;
    const what = trainingId === undefined ? "after round" : "at step";
    const where = trainingId === undefined ? {} : { trainingId };
    for (const checkpoint of await this.#client.checkpoints(searchId, trainingId)) {
      const { round } = checkpoint;
      if (round <= into.holds) return;
      try {
        const changes = await into.load(await this.#client.download(checkpoint));
        log(`Loaded the checkpoint ${what} ${round}.`);
        if (changes.length > 0) {
          log(`From here on results may differ from an uninterrupted run's: ${changes.join("; ")}.`);
          hooks.notice?.({ type: "exactness.lost", data: { ...where, checkpoint: round, changes } });
        }
        return;
      } catch (err) {
        if (err instanceof EdgeUnreachable) throw err;
        const reason = reasonOf(err);
        log(`The checkpoint ${what} ${round} is of no use: ${reason}`);
        const data = { ...where, checkpoint: round, reason: reason.slice(0, REASON_LENGTH) };
        hooks.notice?.({ type: "checkpoint.damaged", data });
      }
    }
  }

  #supernetState({ held: { task } }: Lease): Checkpoint | undefined {
    const state = this.#supernet.checkpoint();
    return state?.searchId === task.searchId ? state : undefined;
  }

  /** Stores a checkpoint while training goes on, where the last one is older than so many seconds. */
  #saveBeside(afterSeconds: number, take: () => Checkpoint | undefined, lease: Lease): void {
    if (this.#storing || performance.now() - this.#checkpointedAt <= afterSeconds * 1000) return;
    const checkpoint = take();
    if (checkpoint === undefined) return;
    this.#storing = this.#save(lease, checkpoint).finally(() => {
      this.#storing = undefined;
    });
  }

  /** Does not fail: a checkpoint that is missing costs time, not results. */
  async #save(lease: Lease, { bytes, ...what }: Checkpoint): Promise<void> {
    this.#checkpointedAt = performance.now();
    const { leaseId } = lease.held;
    const fileName = `checkpoint-${what.round}.bin`;
    try {
      await this.#client.upload({ ...what, leaseId, purpose: "checkpoint", fileName }, bytes);
    } catch (err) {
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
    this.#supernet.forget(); // its memory; a checkpoint brings it back
    const dataset = await this.#dataset(task.dataset);
    const training = new FinalTraining(this.#backend, dataset, task, this.#makeExecutor);
    const take = () => ({ searchId, trainingId, round: training.step, bytes: training.checkpoint() });
    try {
      await this.#restore(task, lease, { holds: 0, load: (bytes) => training.restore(bytes) });
      this.#checkpointedAt = performance.now();
      const hooks = {
        ...lease.hooks,
        log,
        afterStep: () => this.#saveBeside(checkpointSeconds, take, lease),
      };
      if (task.validation !== undefined) {
        const short = await training.runShort(hooks);
        await this.#storing;
        return { kind: "shortTraining", leaseId: lease.held.leaseId, ...short };
      }
      const result = await training.run(hooks);
      await this.#storing; // not beyond the end of the training
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
      const isHeld = (err instanceof Interrupted && err.reason !== "lease-lost") || isMismatch(err);
      if (isHeld && training.step > 0) {
        await this.#storing;
        await this.#save(lease, take());
      }
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
    log(farewells[reason]);
    try {
      await this.#storing;
      const state = task.kind === "trainRound" ? this.#supernetState(lease) : undefined;
      if (state !== undefined) await this.#save(lease, state);
      await lease.tell();
      await this.#client.release(task.taskId, leaseId);
    } catch (err) {
      log(`The task could not be given back: ${reasonOf(err)}`);
    }
  }
}

interface Checkpoint {
  searchId: string;
  trainingId?: string;
  round: number;
  bytes: Uint8Array;
}

/** What is said when a task is given back. */
const farewells: Record<Exclude<Reason, "lease-lost">, string> = {
  stop: "The edge asks to stop.",
  signal: "Stopping.",
  "protocol-mismatch": "The edge speaks another version of the protocol now; giving the task back.",
};

const isMismatch = (err: unknown): boolean => err instanceof EdgeError && err.isProtocolMismatch;

/** Whether the edge may answer later, or be reached again. */
const passes = (err: unknown): err is EdgeError | EdgeUnreachable =>
  err instanceof EdgeUnreachable || (err instanceof EdgeError && err.passes);

function describeRound(
  task: TrainRoundTask,
  { measurements, diverged = [], trainLoss, seconds }: RoundResult,
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
  if (diverged.length > 0) parts.push(`${diverged.length} diverged`);
  const total = seconds.train + seconds.evaluate + seconds.idle;
  if (total > 0) parts.push(`idle ${Math.round((100 * seconds.idle) / total)}%`);
  return `${parts.join(", ")}.`;
}
