/**
 * Scores cells of NAS-Bench-201 that were never trained, in the benchmark's own network (16 channels, 5 cells a stage,
 * images of 32 pixels) or a smaller one. Each seed has its own start weights, images and probes.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { evaluationBatch } from "../../gpu-runner/data/batches.ts";
import type { Backend } from "../../gpu-runner/kernels/backend.ts";
import { Scorer } from "../../gpu-runner/trainingFree/scorer.ts";
import { withoutUnread } from "../../gpu-runner/trainingFree/unread.ts";
import { deriveNetwork, type Network, type NetworkSize } from "../../shared/network.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { genotypeFromSelection } from "../../shared/space.ts";
import { meanScores, type UntrainedScores, untrainedScoresSchema } from "../../shared/untrained.ts";
import type { RankingImages } from "./images.ts";
import type { ScoreFile } from "./scoreFile.ts";
import type { UntrainedSettings } from "./settings.ts";
import { type BenchmarkCell, space } from "./table.ts";

const SAVE_SECONDS = 60;

/** A cell's scores by each seed, as a file has them. */
export const untrainedSchema = z.array(untrainedScoresSchema);

const image: NetworkSize["image"] = { height: 32, width: 32, channels: 3 };

/** The benchmark's network of a cell, or one of another size; `cells` are in each stage. */
export function benchmarkNetwork(
  selection: readonly number[],
  classes: number,
  keepsUnread: boolean,
  { channels, cells } = { channels: 16, cells: 5 },
): Network {
  const size: Omit<NetworkSize, "classes"> = { channels, layers: 3 * cells + 2, image };
  const operations = space.cells.normal?.operations ?? [];
  const names = selection.map((operation) => operations[operation] as string);
  const genotype = genotypeFromSelection(space, { normal: names });
  const network = deriveNetwork({ ...size, classes, genotype, auxiliary: false });
  return keepsUnread ? network : withoutUnread(network);
}

/** A batch of the benchmark's size: images normalised, or numbers from the standard normal distribution. */
function inputsOf(
  data: RankingImages,
  { inputs, batchImages }: UntrainedSettings,
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
  const { height, width, channels } = image;
  return Float32Array.from({ length: batchImages * height * width * channels }, () => random.normal());
}

/**
 * Scores of each cell by each seed, `[cell][seed]`.
 *
 * @param options.file goes on where it stands, and gets all scores in the end and every few minutes
 * @param options.signal ends the scoring after a cell, which the file then has
 */
export async function scoreUntrained(
  backend: Backend,
  cells: readonly BenchmarkCell[],
  data: RankingImages,
  settings: UntrainedSettings,
  options: {
    seed: number;
    file: ScoreFile<UntrainedScores[]>;
    signal?: AbortSignal;
    log: (line: string) => void;
  },
): Promise<UntrainedScores[][]> {
  const { file, signal, log } = options;
  const scorers = Array.from({ length: settings.seeds }, (_, index) => {
    const seed = deriveSeed(options.seed, "untrained", index);
    const { patternImages } = settings;
    return new Scorer(backend, { seed, images: inputsOf(data, settings, seed), patternImages });
  });
  const scores = file.read();
  let savedAt = performance.now();
  try {
    for (const { selection } of cells.slice(scores.length)) {
      const network = benchmarkNetwork(selection, data.images.classes, settings.keepsUnread, settings);
      scores.push(scorers.map((scorer) => scorer.score(network)));
      await nextTurn(); // or no signal comes through
      if (signal?.aborted || performance.now() - savedAt > SAVE_SECONDS * 1000) {
        savedAt = performance.now();
        file.write(scores);
        log(`scored ${scores.length} of ${cells.length} untrained cells`);
      }
      signal?.throwIfAborted();
    }
  } finally {
    for (const scorer of scorers) scorer.dispose();
  }
  file.write(scores);
  return scores;
}

/** The means over a cell's seeds. */
export function cellScores(seeds: readonly UntrainedScores[]): UntrainedScores {
  const means = meanScores(seeds);
  if (means === null) throw new Error("A cell's scores are no numbers.");
  return means;
}
