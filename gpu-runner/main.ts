/** The runner as the command line starts it. */

import { createDatasetLoader } from "./datasets.ts";
import { EdgeClient } from "./edgeClient.ts";
import { type BackendName, loadBackend } from "./kernels/backend.ts";
import { Runner } from "./runner.ts";

const CHECKPOINT_SECONDS = 60;

export interface RunRunnerOptions {
  /** URL of the edge. */
  edge: string;
  /** With scope `runner`. */
  token: string;
  /** What the edge calls this runner. */
  name: string;
  /** Without it: what setup/launch.mjs found ready, in NASTURTIUM_BACKEND. */
  backend?: BackendName | undefined;
  /** Whether to end when there is nothing to do; default false. */
  untilIdle?: boolean | undefined;
  /** Only work of this search. */
  searchId?: string | undefined;
  /** Folder with the official files of a built-in data set. */
  dataFolder?: string | undefined;
  /** Seconds between two checkpoints; default 60. */
  checkpointSeconds?: number | undefined;
  /** Told whenever the edge has answered. */
  onAnswer?: (() => void) | undefined;
  log: (line: string) => void;
  /** Asks the runner to checkpoint, give its task back and end; SIGTERM does so too. */
  signal?: AbortSignal | undefined;
}

/**
 * Trains for an edge until `signal` or SIGTERM, or with `untilIdle` until there is nothing to do.
 *
 * @throws EdgeError where the edge refuses the runner; Error where the backend cannot be loaded
 */
export async function runRunner(options: RunRunnerOptions): Promise<void> {
  const { edge, token, name, log, dataFolder } = options;
  const terminated = new AbortController();
  const onTerminate = () => terminated.abort();
  process.on("SIGTERM", onTerminate);
  try {
    const signals = [terminated.signal, ...(options.signal ? [options.signal] : [])];
    const preferred = options.backend ?? (process.env.NASTURTIUM_BACKEND === "wasm" ? "wasm" : "tensorflow");
    const backend = await loadBackend(preferred);
    const onRetry = (reason: string, pauseMs: number) => {
      log(`${edge}: ${reason}; trying again in ${(pauseMs / 1000).toFixed(1)} s.`);
    };
    const client = new EdgeClient({ edge, token, onRetry, onAnswer: options.onAnswer });
    const load = createDatasetLoader(client, { folder: dataFolder, log });
    const runner = new Runner(client, backend, load, {
      name,
      searchId: options.searchId,
      untilIdle: options.untilIdle ?? false,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
      log,
      signal: AbortSignal.any(signals),
    });
    await runner.run();
  } finally {
    process.off("SIGTERM", onTerminate);
  }
}
