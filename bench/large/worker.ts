/** Runs contestants on the objectives that it is told, in a thread of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parentPort } from "node:worker_threads";
import { peers, runPeer, writeAskedProblem } from "../peers/search.ts";
import { type Run, runStrategy } from "../search/run.ts";
import { strategies } from "../search/strategies.ts";
import type { LargeJob, LargeResult } from "./jobs.ts";
import { LargeProblem } from "./problem.ts";

parentPort?.on("message", (job: LargeJob) => {
  void resultsOf(job).then((results) => parentPort?.postMessage(results));
});

async function resultsOf(job: LargeJob): Promise<LargeResult[]> {
  const { objective, contestants, marks } = job;
  const problem = new LargeProblem(objective);
  const results: LargeResult[] = [];
  for (const contestant of contestants) {
    const run = await runOf(contestant, problem, job);
    results.push({
      objective,
      contestant,
      marks,
      regrets: marks.map((mark) => problem.regretOf(run, mark)),
      cpuMsPerRound: (run.cpuMs.at(-1) ?? 0) / Math.max(1, run.cpuMs.length),
    });
  }
  return results;
}

async function runOf(contestant: string, problem: LargeProblem, job: LargeJob): Promise<Run> {
  const evaluations = job.marks.at(-1) ?? 0;
  const { seed } = job.objective;
  if (!peers.includes(contestant)) {
    const strategy = strategies[contestant];
    if (strategy === undefined) throw new RangeError(`There is no contestant ${contestant}.`);
    return runStrategy(strategy, problem, evaluations, seed);
  }
  const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-large-"));
  try {
    const problemFile = path.join(folder, "problem.json");
    writeAskedProblem(problemFile, problem, evaluations);
    const runs: Run[] = [];
    const peer = { python: job.python ?? "python3", problemFile, peer: contestant };
    await runPeer(peer, [seed], (_, run) => runs.push(run), problem);
    return runs[0] as Run;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
