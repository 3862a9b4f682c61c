/**
 * Scores cells of NAS-Bench-201 that were never trained, in the benchmark's own network: 16 channels, 5 cells a stage,
 * images of 32 pixels. Each seed has its own start weights, images and probes.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { evaluationBatch } from "../../gpu-runner/data/batches.ts";
import type { Backend } from "../../gpu-runner/kernels/backend.ts";
import { Scorer, type TrainingFreeScores } from "../../gpu-runner/trainingFree/scorer.ts";
import { deriveNetwork, type Network, type NetworkSize } from "../../shared/network.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { genotypeFromSelection } from "../../shared/space.ts";
import type { RankingImages } from "./images.ts";
import { type BenchmarkCell, liveEdges, space } from "./table.ts";

/** What networks are scored on: random numbers, as AZ-NAS does, or images that train weights. */
export const inputKinds = ["noise", "images"] as const;

export interface TrainingFreeSettings {
  seeds: number;
  batchImages: number;
  patternImages: number;
  inputs: (typeof inputKinds)[number];
  /** Whether edges that no output depends on are taken out before a network is scored. */
  prunes: boolean;
}

const size: Omit<NetworkSize, "classes"> = {
  channels: 16,
  layers: 17,
  image: { height: 32, width: 32, channels: 3 },
};

/** The benchmark's network of a cell. */
export function benchmarkNetwork(selection: readonly number[], classes: number, prunes: boolean): Network {
  const operations = space.cells.normal?.operations ?? [];
  const isLive = liveEdges(selection);
  const names = selection.map((operation, edge) =>
    prunes && !isLive[edge] ? "none" : (operations[operation] as string),
  );
  const genotype = genotypeFromSelection(space, { normal: names });
  return deriveNetwork({ ...size, classes, genotype, auxiliary: false });
}

/** A batch of the benchmark's size: images normalised, or numbers from the standard normal distribution. */
function inputsOf(
  data: RankingImages,
  { inputs, batchImages }: TrainingFreeSettings,
  seed: number,
): Float32Array {
  const random = new Random(deriveSeed(seed, "inputs"));
  if (inputs === "images") {
    const chosen = Array.from(
      { length: batchImages },
      () => data.train[random.integer(data.train.length)] as number,
    );
    return evaluationBatch(data.images, chosen, data.normalisation).x;
  }
  const { height, width, channels } = size.image;
  return Float32Array.from({ length: batchImages * height * width * channels }, () => random.normal());
}

/**
 * Scores of each cell by each seed, `[cell][seed]`.
 *
 * @param options.known scores of the first cells, from a run before
 * @param options.tell called after each cell with all scores so far
 */
export async function scoreUntrained(
  backend: Backend,
  cells: readonly BenchmarkCell[],
  data: RankingImages,
  settings: TrainingFreeSettings,
  options: {
    seed: number;
    known: readonly TrainingFreeScores[][];
    tell: (scores: readonly TrainingFreeScores[][]) => void;
    signal: AbortSignal;
  },
): Promise<TrainingFreeScores[][]> {
  const scorers = Array.from({ length: settings.seeds }, (_, index) => {
    const seed = deriveSeed(options.seed, "untrained", index);
    const { patternImages } = settings;
    return new Scorer(backend, { seed, images: inputsOf(data, settings, seed), patternImages });
  });
  const scores = [...options.known];
  try {
    for (const { selection } of cells.slice(scores.length)) {
      const network = benchmarkNetwork(selection, data.images.classes, settings.prunes);
      scores.push(scorers.map((scorer) => scorer.score(network)));
      options.tell(scores);
      await nextTurn(); // or no signal comes through
      options.signal.throwIfAborted();
    }
  } finally {
    for (const scorer of scorers) scorer.dispose();
  }
  return scores;
}
