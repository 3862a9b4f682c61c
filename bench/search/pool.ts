/** Shares runs of strategies out among threads. */

import path from "node:path";
import { Worker } from "node:worker_threads";
import type { TabularSearch } from "./problems.ts";
import type { Run } from "./run.ts";

export interface WorkerData {
  searches: readonly TabularSearch[];
  evaluations: number;
}

export interface Job {
  /** Index among the searches. */
  search: number;
  contestant: string;
  seed: number;
}

const script = path.join(import.meta.dirname, "worker.ts");

/**
 * @param done called after each job
 * @returns the runs in the order of the jobs
 * @throws Error of the first job that fails
 */
export async function runJobs(
  jobs: readonly Job[],
  data: WorkerData,
  workers: number,
  done: () => void,
): Promise<Run[]> {
  const runs: Run[] = [];
  let next = 0;
  const work = async () => {
    const worker = new Worker(script, { workerData: data });
    try {
      for (let index = next++; index < jobs.length; index = next++) {
        runs[index] = await ask(worker, jobs[index] as Job);
        done();
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  return runs;
}

function ask(worker: Worker, job: Job): Promise<Run> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (run: Run) => {
      worker.off("error", reject);
      resolve(run);
    });
    worker.postMessage(job);
  });
}
