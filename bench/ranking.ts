/**
 * How well shared weights rank the cells of NAS-Bench-201: trains a supernet on CIFAR-10, scores cells with it and
 * holds the order against the benchmark's true accuracy, beside what parameters alone and the benchmark's own short
 * training say. Of CIFAR-10 only training images are used, one part to train, another to rank. `--scores untrained`
 * ranks by scores that need no training, `both` by both.
 *
 *     npm run -s bench:ranking -- --table nasbench201.csv.gz --data FOLDER [--minutes 60] [--json]
 */

import { type Dataset, loadDataset } from "../gpu-runner/data/dataset.ts";
import { environmentOf } from "../gpu-runner/environment.ts";
import { type Backend, loadBackend } from "../gpu-runner/kernels/backend.ts";
import { rankingImages } from "./ranking/images.ts";
import { parseOptions, type RankingOptions } from "./ranking/options.ts";
import { printed, reportOf } from "./ranking/report.ts";
import { ScoreFile, scoreSchema } from "./ranking/scoreFile.ts";
import { Supernet } from "./ranking/supernet.ts";
import { type BenchmarkCell, drawCells, readCells } from "./ranking/table.ts";
import { cellScores, scoreUntrained, untrainedSchema } from "./ranking/trainingFree.ts";

const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());
process.once("SIGTERM", () => abort.abort());
const options = parseOptions(process.argv.slice(2));
if (typeof options === "string") {
  console.error(options);
  process.exit(2);
}
console.log(await measure(options));

async function measure(options: RankingOptions): Promise<string> {
  const { draw, architectures, threads } = options;
  useThreads(threads);
  const cells = drawCells(readCells(options.table), {
    name: draw,
    count: architectures,
    seed: options.drawSeed,
  });
  const dataset = await loadDataset("cifar10", { folder: options.data, log });
  const backend = await loadBackend("tensorflow");
  const supernet =
    options.scores === "untrained" ? undefined : await bySupernet(backend, dataset, cells, options);
  const untrained =
    options.scores === "supernet" ? undefined : await byStart(backend, dataset, cells, options);
  const evidence = { supernet: supernet?.scores, untrained: untrained?.scores.map(cellScores) };
  const report = {
    ...options,
    training: supernet?.training,
    scoringCpuSeconds: supernet?.scoringCpuSeconds,
    untrainedCpuSeconds: untrained?.cpuSeconds,
    ...reportOf(cells, evidence, { seed: options.drawSeed, resamples: options.resamples }),
    environment: environmentOf(backend),
  };
  return options.json ? JSON.stringify(report) : printed(report);
}

/** Trains a supernet and scores the cells with it. */
async function bySupernet(
  backend: Backend,
  dataset: Dataset,
  cells: readonly BenchmarkCell[],
  options: RankingOptions,
) {
  const { settings, evaluation, checkpoint } = options;
  const data = rankingImages(dataset, { sidePixels: settings.imagePixels, seed: settings.seed });
  const supernet = new Supernet(backend, settings, data, log);
  const training = await supernet.train(options.length, checkpoint, abort.signal);
  log(`trained ${training.steps} steps in ${Math.round(training.cpuSeconds)} s of processor time`);
  const indices = cells.map(({ index }) => index);
  const of = { settings, steps: training.steps, evaluation, indices };
  const file = new ScoreFile(checkpoint && `${checkpoint}.scores.json`, scoreSchema, of);
  const started = process.cpuUsage();
  const scores = await supernet.score(cells, evaluation, { file, signal: abort.signal });
  supernet.dispose();
  return { training, scores, scoringCpuSeconds: cpuSecondsSince(started) };
}

/** Scores the cells by start weights. */
async function byStart(
  backend: Backend,
  dataset: Dataset,
  cells: readonly BenchmarkCell[],
  options: RankingOptions,
) {
  const { untrained, checkpoint } = options;
  const { seed } = options.settings;
  const data = rankingImages(dataset, { sidePixels: dataset.train.height, seed });
  const of = { untrained, seed, indices: cells.map(({ index }) => index) };
  const file = new ScoreFile(checkpoint && `${checkpoint}.untrained.json`, untrainedSchema, of);
  const started = process.cpuUsage();
  const scores = await scoreUntrained(backend, cells, data, untrained, {
    seed,
    file,
    signal: abort.signal,
    log,
  });
  const cpuSeconds = cpuSecondsSince(started);
  log(
    `scored without training in ${(cpuSeconds / cells.length / untrained.seeds).toFixed(3)} s a cell and seed`,
  );
  return { scores, cpuSeconds };
}

function cpuSecondsSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}

/** TensorFlow reads them while it loads. */
function useThreads(count: number | undefined): void {
  if (count === undefined) return;
  for (const name of ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"])
    process.env[name] = String(count);
}
