/** A search through the real Worker on this machine, for benchmarks. */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSearch, createToken, finishedStates, listTrainings, readSearch } from "../cli/api.ts";
import { startChild } from "../cli/children.ts";
import { EdgeClient } from "../cli/client.ts";
import { newToken } from "../cli/commands/dev.ts";
import { type LocalEdge, startLocalEdge } from "../cli/localEdge.ts";
import { rootDir } from "../setup/node.mjs";
import type { SpecificationInput } from "../shared/specification.ts";

const idleMs = 10_000;
const CLI = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

export interface LocalSearch {
  id: string;
  client: EdgeClient;
  /**
   * Runners side by side, which share the cores, until nothing is left to do or `watch` has seen enough. Throws Error
   * when one of them fails.
   */
  work(runners: number, watch?: Watch): Promise<void>;
}

/** Looks at a search while runners work on it. */
export interface Watch {
  everyMs: number;
  /** @returns whether the runners go on */
  look(): Promise<boolean>;
}

interface Options {
  /** Not for data that comes with the product. */
  dataFolder: string | undefined;
  log: (line: string) => void;
  signal: AbortSignal;
}

/** Starts an edge with an empty database, creates the search and gives both to `use`; all of it is gone afterwards. */
export async function withLocalSearch<T>(
  specification: SpecificationInput,
  options: Options,
  use: (search: LocalSearch) => Promise<T>,
): Promise<T> {
  const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
  const edge = await startLocalEdge({ stateDir, token: newToken(), port: 0, signal: options.signal });
  try {
    const client = new EdgeClient(edge.url, edge.token, options.signal);
    const { id } = await createSearch(client, specification);
    const { token } = await createToken(client, { name: "bench", scopes: ["runner"] });
    const runAll = async (runners: number, signal: AbortSignal) => {
      const threads = String(Math.max(1, Math.floor(availableParallelism() / runners)));
      const names = Array.from({ length: runners }, (_, index) => `bench-${index}`);
      await Promise.all(
        names.map(async (name) => {
          // A runner ends as soon as there is nothing for it, which may be only while another one works.
          for (;;) {
            await runner(edge, { token, searchId: id, name, threads }, { ...options, signal });
            if (!(await hasWork(client, id))) return;
            await pause(idleMs, undefined, { signal });
          }
        }),
      );
    };
    const work = (runners: number, watch?: Watch) =>
      watch === undefined
        ? runAll(runners, options.signal)
        : watched(watch, options.signal, (signal) => runAll(runners, signal));
    return await use({ id, client, work });
  } finally {
    await edge.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Works and looks in turns; the work ends with the signal, or when a look says so. */
async function watched(
  { everyMs, look }: Watch,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const enough = new AbortController();
  const done = new AbortController();
  const working = work(AbortSignal.any([signal, enough.signal])).finally(() => done.abort());
  const looking = async () => {
    while (!done.signal.aborted) {
      await pause(everyMs, undefined, { signal: done.signal }).catch(() => {});
      if (done.signal.aborted || (await look())) continue;
      enough.abort();
      return;
    }
  };
  const [worked, looked] = await Promise.allSettled([
    working,
    looking().catch((error) => {
      enough.abort();
      throw error;
    }),
  ]);
  if (looked.status === "rejected") throw looked.reason;
  if (worked.status === "rejected" && (signal.aborted || !enough.signal.aborted)) throw worked.reason;
}

async function hasWork(client: EdgeClient, id: string): Promise<boolean> {
  const { state } = await readSearch(client, id);
  const trainings = await listTrainings(client, id);
  return (
    !finishedStates.includes(state) || trainings.some((training) => !finishedStates.includes(training.state))
  );
}

async function runner(
  edge: LocalEdge,
  { token, searchId, name, threads }: { token: string; searchId: string; name: string; threads: string },
  { dataFolder, log, signal }: Options,
): Promise<void> {
  const data = dataFolder === undefined ? [] : ["--data", dataFolder];
  const args = ["runner", "--until-idle", "--search", searchId, "--name", name, ...data];
  const child = startChild(process.execPath, [CLI, ...args], {
    cwd: rootDir,
    env: {
      ...process.env,
      NASTURTIUM_EDGE: edge.url,
      NASTURTIUM_TOKEN: token,
      OMP_NUM_THREADS: threads,
      TF_NUM_INTRAOP_THREADS: threads,
    },
    onLine: (line) => log(`${name}: ${line}`),
  });
  const stop = () => void child.stop();
  signal.addEventListener("abort", stop, { once: true });
  const code = await child.exited;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`runner ${name} ended with code ${code}: ${child.tail()}`);
}
