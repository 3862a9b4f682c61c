/** Runs strategies from seeds, one job after the other, in a thread of its own. */

import { parentPort, workerData } from "node:worker_threads";
import { type Benchmark, loadBenchmark } from "./benchmark.ts";
import type { Job, WorkerData } from "./pool.ts";
import { runStrategy } from "./run.ts";
import { strategies } from "./strategies.ts";

const { searches, evaluations } = workerData as WorkerData;
const benchmarks = new Map<number, Benchmark>();

parentPort?.on("message", ({ search, contestant, seed }: Job) => {
  const strategy = strategies[contestant];
  if (!strategy) throw new Error(`There is no strategy ${contestant}.`);
  parentPort?.postMessage(runStrategy(strategy, benchmarkOf(search), evaluations, seed));
});

function benchmarkOf(index: number): Benchmark {
  const search = searches[index];
  if (!search) throw new Error(`There is no search ${index}.`);
  const benchmark = benchmarks.get(index) ?? loadBenchmark(search);
  benchmarks.set(index, benchmark);
  return benchmark;
}
