/** The data of a task: a built-in data set by its name, a pushed one from the edge under the task's lease. */

import { isBuiltIn } from "../shared/datasets.ts";
import { type Dataset, type LoadOptions, loadDataset } from "./data/dataset.ts";
import { defaultCacheDir } from "./data/files.ts";
import { loadPushed } from "./data/pushed.ts";
import type { EdgeClient } from "./edgeClient.ts";

/** What entitles to a task's data, and says whether the work goes on. */
export interface TaskLease {
  taskId: string;
  leaseId: string;
  throwIfEnded?: (() => void) | undefined;
}

export type DatasetLoader = (name: string, lease: TaskLease) => Promise<Dataset>;

/** Loads what tasks ask for, each only once; of the pushed data sets the last one stays in memory. */
export function createDatasetLoader(
  client: Pick<EdgeClient, "dataset" | "datasetShard">,
  options: LoadOptions,
): DatasetLoader {
  const builtIn = new Map<string, Promise<Dataset>>();
  let pushed: { key: string; dataset: Dataset } | undefined;
  return async (name, lease) => {
    if (isBuiltIn(name)) {
      const known = builtIn.get(name) ?? loadDataset(name, options);
      builtIn.set(name, known);
      known.catch(() => builtIn.delete(name));
      return known;
    }
    // A name may have been pushed anew since the last task; its header tells.
    const header = await client.dataset(lease);
    if (header.kind === "table") throw new Error(`${name} is a table: there are no images to train on.`);
    const key = JSON.stringify(header);
    if (pushed?.key === key) return pushed.dataset;
    pushed = undefined;
    const source = { shard: (number: number) => client.datasetShard(lease, number) };
    const { cacheDir = defaultCacheDir(), log } = options;
    const { throwIfEnded } = lease;
    pushed = { key, dataset: await loadPushed(header, source, { cacheDir, log, throwIfEnded }) };
    return pushed.dataset;
  };
}
