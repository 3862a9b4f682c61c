/** Trains tiny supernets on made-up images. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBackend } from "../../gpu-runner/kernels/backend.ts";
import { Random } from "../../shared/random.ts";
import { rankingImages } from "./images.ts";
import { pathOf } from "./paths.ts";
import { ScoreFile, scoreSchema } from "./scoreFile.ts";
import { type EvaluationSettings, pathKinds, reductionKinds, type TrainingSettings } from "./settings.ts";
import { rankingNetwork, Supernet } from "./supernet.ts";
import { type BenchmarkCell, isConnected } from "./table.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-ranking-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SIDE = 32;
const COUNT = 60;
const random = new Random(1);
const train = {
  count: COUNT,
  height: SIDE,
  width: SIDE,
  channels: 3,
  classes: 2,
  classNames: ["a", "b"],
  pixels: Uint8Array.from({ length: COUNT * SIDE * SIDE * 3 }, () => random.integer(256)),
  labels: Uint8Array.from({ length: COUNT }, (_, index) => index % 2),
};
const dataset = { train, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const data = rankingImages(dataset, { sidePixels: 16, seed: 1 });

const settings: TrainingSettings = {
  channels: 2,
  cells: 1,
  imagePixels: 16,
  reductions: "light",
  batchSize: 4,
  paths: "fair",
  learningRate: 0.1,
  weightDecay: 0,
  labelSmoothing: 0,
  skipDropout: 0,
  augments: true,
  averageDecay: 0.9,
  seed: 1,
};
const evaluation: EvaluationSettings = { images: 12, batchImages: 6, tuningSteps: 0, tuningRate: 0.1 };
const rest = { canonicalIndex: 0, accuracy: 0, twelveEpochs: 0, parameters: 0 };
const cells: BenchmarkCell[] = [
  { index: 0, selection: [3, 1, 2, 1, 4, 3], ...rest },
  { index: 1, selection: [1, 2, 3, 4, 0, 1], ...rest },
];

const backend = process.env.NASTURTIUM_BACKEND === "tensorflow" ? await loadBackend("tensorflow") : undefined;

describe.skipIf(backend === undefined)("a supernet", () => {
  const make = (changed: Partial<TrainingSettings> = {}): Supernet => {
    if (backend === undefined) throw new Error("There is no TensorFlow.");
    return new Supernet(backend, { ...settings, ...changed }, data, () => {});
  };

  test("that was interrupted ends like one that was not", async () => {
    const whole = make();
    await whole.train({ steps: 25 }, undefined);
    const expected = await whole.score(cells, evaluation);
    whole.dispose();

    const checkpoint = path.join(folder, "interrupted");
    const first = make();
    await expect(first.train({ steps: 25 }, checkpoint, AbortSignal.abort())).rejects.toThrow();
    first.dispose();
    const second = make();
    const { steps } = await second.train({ steps: 25 }, checkpoint);
    expect(steps).toBe(25);
    expect(await second.score(cells, evaluation)).toEqual(expected);
    second.dispose();
  });

  test("whose scoring was interrupted gives the same scores", async () => {
    const supernet = make({ averageDecay: 0 });
    await supernet.train({ steps: 2 }, undefined);
    const tuned = { ...evaluation, tuningSteps: 2 };
    const expected = await supernet.score(cells, tuned);
    supernet.dispose();

    const again = make({ averageDecay: 0 });
    await again.train({ steps: 2 }, undefined);
    const file = new ScoreFile(path.join(folder, "scored"), scoreSchema, tuned);
    await expect(again.score(cells, tuned, { file, signal: AbortSignal.abort() })).rejects.toThrow();
    expect(file.read()).toHaveLength(1);
    again.dispose();
    const third = make({ averageDecay: 0 });
    await third.train({ steps: 2 }, undefined);
    expect(await third.score(cells, tuned, { file })).toEqual(expected);
    expect(new ScoreFile(path.join(folder, "scored"), scoreSchema, evaluation).read()).toEqual([]);
    third.dispose();
  });

  test("does not go on from a checkpoint of other settings", async () => {
    const checkpoint = path.join(folder, "other");
    const first = make();
    await first.train({ steps: 2 }, checkpoint);
    first.dispose();
    const other = make({ learningRate: 0.2 });
    await expect(other.train({ steps: 2 }, checkpoint)).rejects.toThrow(/other settings/);
    const longer = make();
    await expect(longer.train({ steps: 3 }, checkpoint)).rejects.toThrow(/2 steps, not 3/);
  });

  test("tunes each cell from the shared weights, whatever was tuned before", async () => {
    const supernet = make({ averageDecay: 0 });
    await supernet.train({ steps: 2 }, undefined);
    const tuned = { ...evaluation, tuningSteps: 3 };
    const both = await supernet.score(cells, tuned);
    supernet.dispose();
    const again = make({ averageDecay: 0 });
    await again.train({ steps: 2 }, undefined);
    expect(await again.score(cells.slice(1), tuned)).toEqual(both.slice(1));
    again.dispose();
  });
});

describe("settings", () => {
  test.each(reductionKinds)("%s reductions halve rows and double channels", (reductions) => {
    const { cells: planned } = rankingNetwork({ ...settings, reductions }, 2);
    expect(planned.map(({ channels }) => channels)).toEqual([2, 4, 4, 8, 8]);
  });

  test.each(pathKinds)("a step's path with %s paths follows from seed and step alone", (paths) => {
    const pathsAt = () => [0, 1, 2, 3, 4].map((step) => pathOf({ paths, seed: 3 }, step));
    expect(pathsAt()).toEqual(pathsAt());
    expect(new Set(pathsAt().map((drawn) => JSON.stringify(drawn))).size).toBe(5);
  });

  test("connected paths lead from input to output", () => {
    for (let step = 0; step < 300; step++) {
      const drawn = pathOf({ paths: "connected", seed: 3 }, step);
      if (drawn.kind !== "single") throw new Error("not a single path");
      expect(isConnected(drawn.selection.normal ?? [])).toBe(true);
    }
  });

  test("training and ranking images are disjoint parts of the training images", () => {
    expect(new Set([...data.train, ...data.heldOut]).size).toBe(COUNT);
    expect(data.train.length + data.heldOut.length).toBe(COUNT);
    expect(data.images.pixels).toHaveLength(COUNT * 16 * 16 * 3);
  });
});
