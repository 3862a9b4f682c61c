/**
 * Runs other libraries' searches on the tables of bench/search.ts and scores them in the same way: Optuna's NSGA-II and
 * TPE and pymoo's NSGA-II, in a Python environment that is installed into the cache on first use. An architecture that
 * is evaluated again costs a peer nothing.
 *
 *     npm run -s bench:peers -- --problem P1 [--peer optuna-nsga2,optuna-tpe,pymoo-nsga2]
 *         [--evaluations 100,300,1000] [--seeds 10] [--workers CORES] [--json]
 *     npm run -s bench:peers -- --table FILE --reward COLUMN --score COLUMN --cost COLUMN
 *         [--space nas-bench-201|JSON|FILE] [--architecture arch] [the rest as above]
 */

import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { ensureSearchPeers, peers, runPeer, writePeerProblem } from "./peers/search.ts";
import { type Comparison, compare } from "./search/compare.ts";
import type { Run } from "./search/run.ts";

/** Seeds of a process, which takes half a second to start. */
const largestBatch = 5;

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-peers-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

await compare(import.meta.filename, "peer", peers, async (comparison) => {
  const python = await ensureSearchPeers();
  const batches = batchesOf(comparison);
  const done = comparison.start();
  const runs: Run[] = [];
  const versions: Record<string, string> = {};
  const work = async () => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const { peer, problemFile, indices } = batch;
      const seeds = [...indices.keys()];
      const found = await runPeer({ python, problemFile, peer }, seeds, (seed, run) => {
        runs[indices.get(seed) ?? -1] = run;
        done();
      });
      Object.assign(versions, found);
    }
  };
  await Promise.all(Array.from({ length: comparison.options.workers }, work));
  return { runs, versions };
});

/** Seeds that one process runs. */
interface Batch {
  peer: string;
  problemFile: string;
  /** Index of the job, by seed. */
  indices: Map<number, number>;
}

/** Each peer on each problem takes turns, so that the time that is left can be told early. */
function batchesOf({ options, benchmarks, jobs }: Comparison): Batch[] {
  const { workers, checkpoints, seeds } = options;
  const files = benchmarks.map((benchmark, search) => {
    const file = path.join(folder, `${search}.json`);
    writePeerProblem(file, benchmark, checkpoints.at(-1) ?? 0);
    return file;
  });
  const size = Math.min(largestBatch, Math.ceil(seeds.length / workers));
  const batches = new Map<string, Batch>();
  for (const [index, { search, contestant, seed }] of jobs.entries()) {
    const key = [Math.floor((seed - 1) / size), search, contestant].join();
    const batch = batches.get(key) ?? {
      peer: contestant,
      problemFile: files[search] ?? "",
      indices: new Map(),
    };
    batch.indices.set(seed, index);
    batches.set(key, batch);
  }
  return [...batches.values()];
}
