/**
 * How well shared weights rank the cells of NAS-Bench-201: trains a supernet on CIFAR-10, scores cells with it and
 * holds the order against the benchmark's true accuracy, beside what parameters alone and the benchmark's own short
 * training say. Of CIFAR-10 only training images are used, one part to train, another to rank.
 *
 *     npm run -s bench:ranking -- --table nasbench201.csv.gz --data FOLDER [--minutes 60] [--json]
 */

import { loadDataset } from "../gpu-runner/data/dataset.ts";
import { environmentOf } from "../gpu-runner/environment.ts";
import { loadBackend } from "../gpu-runner/kernels/backend.ts";
import { rankingImages } from "./ranking/images.ts";
import { parseOptions, type RankingOptions } from "./ranking/options.ts";
import { printed, reportOf } from "./ranking/report.ts";
import { ScoreFile } from "./ranking/scoreFile.ts";
import { Supernet } from "./ranking/supernet.ts";
import { drawCells, readCells } from "./ranking/table.ts";

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
  const { settings, evaluation, draw, architectures, threads, checkpoint } = options;
  useThreads(threads);
  const cells = drawCells(readCells(options.table), {
    name: draw,
    count: architectures,
    seed: options.drawSeed,
  });
  const dataset = await loadDataset("cifar10", { folder: options.data, log });
  const data = rankingImages(dataset, { sidePixels: settings.imagePixels, seed: settings.seed });
  const backend = await loadBackend("tensorflow");
  const supernet = new Supernet(backend, settings, data, log);
  const training = await supernet.train(options.length, checkpoint, abort.signal);
  log(`trained ${training.steps} steps in ${Math.round(training.cpuSeconds)} s of processor time`);
  const indices = cells.map(({ index }) => index);
  const file = new ScoreFile(checkpoint, { settings, steps: training.steps, evaluation, indices });
  const started = process.cpuUsage();
  const scores = await supernet.score(cells, evaluation, { file, signal: abort.signal });
  const { user, system } = process.cpuUsage(started);
  const scoringCpuSeconds = (user + system) / 1e6;
  supernet.dispose();
  const report = {
    ...options,
    training,
    scoringCpuSeconds,
    ...reportOf(cells, scores, { seed: options.drawSeed, resamples: options.resamples }),
    environment: environmentOf(backend),
  };
  return options.json ? JSON.stringify(report) : printed(report);
}

/** TensorFlow reads them while it loads. */
function useThreads(count: number | undefined): void {
  if (count === undefined) return;
  for (const name of ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"])
    process.env[name] = String(count);
}
