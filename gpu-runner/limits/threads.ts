/** Whether this process may start the threads that training needs: libraries abort where they cannot. Linux only. */

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { cgroupFolders, field, numberIn, type ReadText, readText, softLimit } from "./files.ts";

/** Capabilities whose holders are not bound by `ulimit -u`: CAP_SYS_ADMIN and CAP_SYS_RESOURCE. */
const EXEMPT = (1n << 21n) | (1n << 24n);

export interface ThreadLimit {
  /** What limits, in words. */
  what: string;
  /** Threads and processes that may still be started. */
  free: number;
}

/** Too few threads or processes may be started; the message is one line. */
export class TooFewThreads extends Error {
  /** What to do. */
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.name = "TooFewThreads";
    this.fix = fix;
  }
}

/** The numeric folders of /proc. */
const listProcesses = (): string[] => {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
};

/** The limit that leaves the fewest; undefined where there is none. */
export function threadLimit(
  read: ReadText = readText,
  processes: () => string[] = listProcesses,
): ThreadLimit | undefined {
  const limits = [...cgroupLimits(read), ...userLimit(read, processes)];
  return limits.sort((left, right) => left.free - right.free)[0];
}

function cgroupLimits(read: ReadText): ThreadLimit[] {
  return cgroupFolders("pids", read).flatMap(({ folder }) => {
    const limit = numberIn(`${folder}/pids.max`, read);
    const used = numberIn(`${folder}/pids.current`, read);
    if (limit === undefined || used === undefined) return [];
    return [{ what: `the cgroup's pids.max of ${limit}`, free: Math.max(0, limit - used) }];
  });
}

/** `ulimit -u` counts the threads of all processes of a user. */
function userLimit(read: ReadText, processes: () => string[]): ThreadLimit[] {
  const limit = softLimit("Max processes", read);
  const own = read("/proc/self/status");
  const user = field(own, "Uid");
  const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(own ?? "")?.[1] ?? "0";
  if (limit === undefined || user === undefined || (BigInt(`0x${capabilities}`) & EXEMPT) !== 0n) return [];
  const used = processes()
    .map((id) => read(`/proc/${id}/status`))
    .filter((status) => field(status, "Uid") === user)
    .reduce((sum, status) => sum + (field(status, "Threads") ?? 0), 0);
  return [{ what: `ulimit -u of ${limit}`, free: Math.max(0, limit - used) }];
}

/** Threads of Node's as it starts. */
export const startThreads = 7;

/**
 * Threads that a runner starts: TensorFlow's pools, as counted at 1 to 8 threads each (5, one a thread within
 * operations, two a thread between them), Node's own pool and the thread that assembles batches.
 */
export function runnerThreads(env: NodeJS.ProcessEnv = process.env, cores = availableParallelism()): number {
  const within = Number(env.TF_NUM_INTRAOP_THREADS) || cores;
  const between = Number(env.TF_NUM_INTEROP_THREADS) || cores;
  return 5 + within + 2 * between + 4 + 2;
}

/**
 * @param what is to be started, such as `The runner`
 * @throws TooFewThreads where fewer than `needed` may be started
 */
export function requireThreads(what: string, needed: number, limit = threadLimit()): void {
  if (limit === undefined || limit.free >= needed) return;
  throw new TooFewThreads(
    `${what} needs about ${needed} threads more, and ${limit.what} leaves ${limit.free}.`,
    "Raise it (docker run --pids-limit, ulimit -u), or set TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1.",
  );
}
