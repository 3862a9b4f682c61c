import { describe, expect, test } from "vitest";
import { profile } from "./profile.ts";
import { specificationSchema } from "./specification.ts";

const rerankingOf = (change: object) =>
  profile(specificationSchema.parse({ name: "x", dataset: { name: "cifar10" }, ...change })).reranking;

describe("what ordering the archive costs at most", () => {
  test("is 8 trainings of 4 epochs and 4 of 12 after a published preset, on the images that are not held out", () => {
    const stepsPerEpoch = Math.ceil(45_000 / 96);
    expect(rerankingOf({ schedule: { preset: "tnd-nas-cifar10" } })).toEqual({
      trainings: 12,
      steps: (8 * 4 + 4 * 12) * stepsPerEpoch,
    });
  });

  test("halves from rung to rung, rounded up, until a single architecture would be left", () => {
    const rungs = [{ steps: 10 }, { steps: 100 }, { steps: 1000 }, { steps: 10_000 }];
    expect(rerankingOf({ reranking: { architectures: 5, rungs } })).toEqual({
      trainings: 5 + 3 + 2,
      steps: 5 * 10 + 3 * 100 + 2 * 1000,
    });
  });

  test("is nothing where the archive is not ordered again", () => {
    expect(rerankingOf({ schedule: { preset: "demo-3" } })).toEqual({ trainings: 0, steps: 0 });
  });
});
