/** Cells of NAS-Bench-201 scored without training, as the product scores what a search starts from. */

import { bestScored } from "../../edge/controller/untrained.ts";
import { loadBackend } from "../../gpu-runner/kernels/backend.ts";
import { scoreAll } from "../../gpu-runner/trainingFree/scoreAll.ts";
import { textOf } from "../../shared/code.ts";
import { datasetFacts } from "../../shared/datasets.ts";
import type { ScoreReport, ScoreTask } from "../../shared/protocol.ts";
import { Random } from "../../shared/random.ts";
import type { Benchmark } from "../search/benchmark.ts";
import { network } from "./settings.ts";

/** Random cells of the table that are scored once, and those of them that each search scores. */
export const scoring = { cells: 2000, each: 1000, seeds: [1], images: 32 };

export interface ScoredCells {
  codes: string[];
  scores: ScoreReport["scores"];
  /** Of all of them. */
  processorSeconds: number;
}

const taskOf = (codes: string[]): ScoreTask => ({
  kind: "score",
  taskId: "contest-r0",
  searchId: "contest",
  round: 0,
  dataset: "cifar10",
  space: "nas-bench-201",
  ...network,
  codes,
  seeds: scoring.seeds,
  images: scoring.images,
  candidates: [],
});

export async function scoreCells({ table }: Benchmark, signal: AbortSignal): Promise<ScoredCells> {
  const backend = await loadBackend("tensorflow");
  const { image, classes } = datasetFacts.cifar10;
  const codes = new Random(1).shuffle(table.codes.map(textOf)).slice(0, scoring.cells);
  const started = process.cpuUsage();
  const throwIfEnded = () => signal.throwIfAborted();
  const scores = await scoreAll(backend, taskOf(codes), { ...image, classes }, { throwIfEnded });
  const { user, system } = process.cpuUsage(started);
  return { codes, scores, processorSeconds: (user + system) / 1e6 };
}

/** What a search starts from that scores its share of the cells, the best first. */
export function startsFrom(
  { codes, scores }: ScoredCells,
  { problem }: Pick<Benchmark, "problem">,
  seed: number,
): number[][] {
  const own = new Random(seed).shuffle([...codes.keys()]).slice(0, scoring.each);
  const task = taskOf(own.map((index) => codes[index] as string));
  const report: ScoreReport = {
    kind: "score",
    leaseId: "",
    scores: own.map((index) => scores[index] ?? null),
    measurements: [],
    digest: "",
    seconds: { train: 0, evaluate: 0, idle: 0 },
  };
  return bestScored(task, report, problem).map((code) => [...code]);
}
