/**
 * What the trainings behind NAS-Bench-201's column of 12 epochs cost on this machine, in processor seconds of the product's
 * own training steps. The benchmark's recipe: 25,000 images an epoch in batches of 256.
 */

import { availableParallelism, cpus } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { standardAugmentation } from "../../gpu-runner/data/batches.ts";
import { BatchLoader } from "../../gpu-runner/data/batchLoader.ts";
import { type Dataset, loadDataset } from "../../gpu-runner/data/dataset.ts";
import { createExecutor } from "../../gpu-runner/executor/create.ts";
import { type Backend, loadBackend } from "../../gpu-runner/kernels/backend.ts";
import { type CostTable, costTable, selectionCost } from "../../shared/count.ts";
import { type BenchmarkCell, isConnected, liveEdges, readCells, space } from "../ranking/table.ts";
import { benchmarkNetwork } from "../ranking/trainingFree.ts";
import { type CostLine, type CostPoint, costOf, fitCost, fitError } from "./costFit.ts";

export const benchmarkRecipe = { epochs: 12, images: 25_000, batchSize: 256 };

/** Cells that are measured, and steps of each; the first is to warm up. */
export const costSample = { cells: 6, warmupSteps: 1, steps: 3 };

const size = { channels: 16, layers: 17, image: { height: 32, width: 32, channels: 3 }, classes: 10 };
const stepSettings = { learningRate: 0.1, momentum: 0.9, weightDecay: 5e-4, clipNorm: 5, seed: 1 };

export interface MeasuredCost {
  line: CostLine;
  points: CostPoint[];
  /** Mean of the line's relative errors. */
  meanError: number;
  machine: { cpu: string | undefined; cores: number };
  versions: Record<string, string>;
}

/** Multiply-adds for one image of the part of the benchmark's network that is read. */
export function macsCounter(): (selection: readonly number[]) => number {
  const table: CostTable = costTable(space, size);
  const operations = space.cells.normal?.operations ?? [];
  return (selection) => {
    const live = liveEdges(selection);
    const names = selection.map((operation, edge) => (live[edge] ? operations[operation] : "none") as string);
    return selectionCost(table, { normal: names }).macs;
  };
}

/** Processor seconds of the benchmark's training of a network of so many multiply-adds. */
export const trainingSeconds = (line: CostLine, macs: number): number =>
  benchmarkRecipe.epochs * benchmarkRecipe.images * costOf(line, macs);

/** Trains a few steps of cells of all sizes. Takes a minute or two. */
export async function measureCost(options: {
  tableFile: string;
  dataFolder: string;
  log: (line: string) => void;
  signal: AbortSignal;
}): Promise<MeasuredCost> {
  const macsOf = macsCounter();
  const dataset = await loadDataset("cifar10", { folder: options.dataFolder, log: options.log });
  const backend = await loadBackend("tensorflow");
  const points: CostPoint[] = [];
  for (const { selection } of spreadCells(readCells(options.tableFile), macsOf)) {
    const processorSecondsPerImage = await secondsPerImage(backend, dataset, selection, options.signal);
    const point = { macs: macsOf(selection), processorSecondsPerImage };
    points.push(point);
    options.log(
      `${Math.round(point.macs / 1e6)} M multiply-adds: ${(1000 * processorSecondsPerImage).toFixed(2)} ms an image`,
    );
  }
  const line = fitCost(points);
  return {
    line,
    points,
    meanError: fitError(line, points),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    versions: backend.versions,
  };
}

/** Connected cells of sizes that are about equally far apart. */
function spreadCells(
  cells: readonly BenchmarkCell[],
  macsOf: (selection: readonly number[]) => number,
): BenchmarkCell[] {
  const sized = cells
    .filter(({ selection }) => isConnected(selection))
    .map((cell) => ({ cell, macs: macsOf(cell.selection) }));
  const all = sized.map(({ macs }) => macs);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  return Array.from({ length: costSample.cells }, (_, index) => {
    const wanted = least + ((most - least) * index) / (costSample.cells - 1);
    const off = ({ macs }: { macs: number }) => Math.abs(macs - wanted);
    return sized.reduce((best, next) => (off(next) < off(best) ? next : best)).cell;
  });
}

async function secondsPerImage(
  backend: Backend,
  dataset: Dataset,
  selection: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const { batchSize, images } = benchmarkRecipe;
  const indices = Int32Array.from({ length: images }, (_, index) => index);
  const loader = new BatchLoader(dataset.train, indices, dataset, {
    batchSize,
    seed: 1,
    augmentation: standardAugmentation,
  });
  const executor = createExecutor(backend, benchmarkNetwork(selection, dataset.train.classes, false), 1);
  try {
    let started = process.cpuUsage();
    for (let step = 0; step < costSample.warmupSteps + costSample.steps; step++) {
      if (step === costSample.warmupSteps) started = process.cpuUsage();
      executor.trainStep(await loader.next(), { kind: "only" }, stepSettings);
      await nextTurn(); // or no signal comes through
      signal.throwIfAborted();
    }
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1e6 / (costSample.steps * batchSize);
  } finally {
    executor.dispose();
    loader.dispose();
  }
}
