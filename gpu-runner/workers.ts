/**
 * Several runners on one machine, each a process of its own: TensorFlow has one set of threads and one GPU context
 * per process. What they work on is the edge's to decide, one of them on a search's supernet and the others on
 * final trainings.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { guard } from "../setup/guard.mjs";

/** Fewer cores than these make a runner wait for itself. */
const CORES_PER_WORKER = 4;
const FIRST_PAUSE_MS = 1000;
/** A worker that crashes more often than this in the window stays down. */
const RESTARTS = 5;
const RESTART_WINDOW_MS = 600_000;
const QUERY_TIMEOUT_MS = 10_000;
/** How long a worker may take to store a checkpoint and give its task back when the process that started it is gone. */
const ORPHAN_SECONDS = 120;

/** What a worker's processes find in their environment. */
export type WorkerEnvironment = Record<string, string>;

export interface Machine {
  cores: number;
  /** What CUDA calls the GPUs, such as `0`. */
  gpus: readonly string[];
}

/** The GPUs that CUDA_VISIBLE_DEVICES leaves, or all that NVIDIA's driver lists. */
export function thisMachine(env: NodeJS.ProcessEnv = process.env): Machine {
  const cores = availableParallelism();
  const visible = env.CUDA_VISIBLE_DEVICES;
  if (visible !== undefined) {
    const gpus = visible.split(",").map((gpu) => gpu.trim());
    return { cores, gpus: gpus.filter((gpu) => gpu !== "" && gpu !== "-1") };
  }
  try {
    const listed = execFileSync("nvidia-smi", ["--query-gpu=index", "--format=csv,noheader"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: QUERY_TIMEOUT_MS,
    });
    return { cores, gpus: listed.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()])) };
  } catch {
    return { cores, gpus: [] };
  }
}

/**
 * The environment of each worker. `auto`: one for each GPU, else one for every 4 cores, at least one. Several share
 * the cores evenly, and GPUs in turn; one alone gets what the machine has, and no flag that changes its numbers.
 *
 * @example planWorkers("auto", { cores: 32, gpus: ["0", "1"] }) // two, each with a GPU and 16 threads
 */
export function planWorkers(wanted: "auto" | number, { cores, gpus }: Machine): WorkerEnvironment[] {
  const count = wanted === "auto" ? gpus.length || Math.max(1, Math.floor(cores / CORES_PER_WORKER)) : wanted;
  const threads = String(Math.max(1, Math.floor(cores / count)));
  return Array.from({ length: count }, (_, index) => {
    const gpu = gpus[index % Math.max(1, gpus.length)];
    return {
      ...(gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: gpu }),
      ...(count === 1 ? {} : { TF_NUM_INTRAOP_THREADS: threads, OMP_NUM_THREADS: threads }),
    };
  });
}

/** A worker ended too often, or in a way that would come again. */
export class WorkerDown extends Error {
  /** Null for a signal. */
  readonly code: number | null;

  constructor(message: string, code: number | null) {
    super(message);
    this.name = "WorkerDown";
    this.code = code;
  }
}

export interface WorkersOptions {
  workers: readonly WorkerEnvironment[];
  command: string;
  /** The arguments of worker `index`, counted from 0. */
  args: (index: number) => readonly string[];
  /** What all of them find in their environment besides. */
  env: NodeJS.ProcessEnv;
  /** Told each line that a worker prints, with its number from 1 before it. */
  log: (line: string) => void;
  /** Asks all of them to checkpoint, give their tasks back and end. */
  signal: AbortSignal;
  /** Whether an exit code means that a new start would end the same way. */
  isFinal?: (code: number) => boolean;
  firstPauseMs?: number;
}

/**
 * Runs the workers until each has ended by itself or the signal has ended it. One that crashes is started again, with
 * growing pauses and not for ever.
 *
 * @throws WorkerDown where a worker stays down; the others have then been asked to end
 */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const ends = await Promise.allSettled(
    options.workers.map(async (environment, index) => {
      try {
        await superviseWorker({ ...options, signal }, environment, index);
      } catch (err) {
        failed.abort();
        throw err;
      }
    }),
  );
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
}

async function superviseWorker(
  options: WorkersOptions,
  environment: WorkerEnvironment,
  index: number,
): Promise<void> {
  const { signal, log, firstPauseMs = FIRST_PAUSE_MS } = options;
  const label = `[${index + 1}]`;
  let crashes: number[] = [];
  while (!signal.aborted) {
    const ending = await runOnce(options, environment, index);
    if (ending === 0 || signal.aborted) return;
    crashes = [...crashes, Date.now()].filter((time) => time > Date.now() - RESTART_WINDOW_MS);
    const how = typeof ending === "number" ? `with code ${ending}` : `by ${ending}`;
    const isHopeless = typeof ending === "number" && options.isFinal?.(ending) === true;
    if (isHopeless || crashes.length > RESTARTS)
      throw new WorkerDown(
        `Worker ${index + 1} ended ${how} and stays down.`,
        typeof ending === "number" ? ending : null,
      );
    const pauseMs = firstPauseMs * 2 ** (crashes.length - 1);
    log(`${label} ended ${how}; starting it again in ${pauseMs / 1000} s.`);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** @returns the exit code, or the signal that ended the process */
function runOnce(
  { command, args, env, log, signal }: WorkersOptions,
  environment: WorkerEnvironment,
  index: number,
): Promise<number | string> {
  // A group of its own, so that Ctrl-C reaches it through us, once; guarded, so that it ends when we are gone.
  const child = spawn(command, args(index), {
    env: { ...env, ...environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const release = guard(child.pid === undefined ? undefined : -child.pid, ORPHAN_SECONDS);
  forwardLines(child, (line) => log(`[${index + 1}] ${line}`));
  const terminate = () => child.kill("SIGTERM");
  signal.addEventListener("abort", terminate, { once: true });
  return new Promise<number | string>((resolve) => {
    child.on("error", (err) => {
      log(`[${index + 1}] ${err.message}`);
      resolve(1);
    });
    child.on("close", (code, by) => resolve(code ?? by ?? 1));
  }).finally(() => {
    signal.removeEventListener("abort", terminate);
    release();
  });
}

function forwardLines(child: ChildProcess, log: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) log(line);
    });
    stream?.on("end", () => {
      if (rest !== "") log(rest);
    });
  }
}
