/** Runs contestants on made-up objectives, one objective after the other, among threads. */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { Worker } from "node:worker_threads";
import type { ObjectiveOptions } from "./objectives.ts";

/** An objective and whoever is to be tried on it. */
export interface LargeJob {
  objective: ObjectiveOptions;
  contestants: string[];
  /** Evaluations after which the front is scored, rising. */
  marks: number[];
  /** The Python that has the peers, where one is asked for. */
  python: string | undefined;
}

export interface LargeResult {
  objective: ObjectiveOptions;
  contestant: string;
  /** Regret in percent by the job's marks. */
  regrets: number[];
  marks: number[];
  /** CPU time of the contestant a round, mean. */
  cpuMsPerRound: number;
}

const script = path.join(import.meta.dirname, "worker.ts");

/**
 * @param stateFile results are kept there, and what it has is not run again
 * @param done called after each job
 */
export async function runLargeJobs(
  jobs: readonly LargeJob[],
  workers: number,
  stateFile: string | undefined,
  done: () => void,
): Promise<LargeResult[]> {
  const results = stateFile === undefined ? [] : stored(stateFile);
  const known = new Set(results.map(keyOf));
  const keep = (result: LargeResult) => {
    results.push(result);
    if (stateFile !== undefined) appendFileSync(stateFile, `${JSON.stringify(result)}\n`);
  };
  const waiting = [...jobs];
  const work = async () => {
    const worker = new Worker(script);
    try {
      for (let job = waiting.shift(); job; job = waiting.shift()) {
        const { objective, marks } = job;
        const contestants = job.contestants.filter(
          (contestant) => !known.has(keyOf({ objective, contestant, marks })),
        );
        if (contestants.length > 0)
          for (const result of await ask(worker, { ...job, contestants })) keep(result);
        done();
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, work));
  const wanted = new Set(
    jobs.flatMap(({ objective, contestants, marks }) =>
      contestants.map((contestant) => keyOf({ objective, contestant, marks })),
    ),
  );
  return results.filter((result) => wanted.has(keyOf(result)));
}

const keyOf = ({ objective, contestant, marks }: Pick<LargeResult, "objective" | "contestant" | "marks">) =>
  JSON.stringify([objective, contestant, marks]);

/** A line that was cut off by an interruption is run again. */
function stored(file: string): LargeResult[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as LargeResult];
      } catch {
        return [];
      }
    });
}

function ask(worker: Worker, job: LargeJob): Promise<LargeResult[]> {
  return new Promise((resolve, reject) => {
    worker.once("error", reject);
    worker.once("message", (results: LargeResult[]) => {
      worker.off("error", reject);
      resolve(results);
    });
    worker.postMessage(job);
  });
}
