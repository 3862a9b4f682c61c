import { describe, expect, test } from "vitest";
import { profile } from "./profile.ts";
import { type SpecificationInput, specificationSchema } from "./specification.ts";
import { workOf } from "./trainingCost.ts";
import { checkSpecification } from "./validate.ts";

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

describe("short trainings that a specification does not mention", () => {
  const checked = (change: Partial<SpecificationInput>) => {
    const { specification } = checkSpecification({ name: "x", dataset: { name: "cifar10" }, ...change });
    if (specification === undefined) throw new Error("refused");
    return specification;
  };
  const network = { kind: "supernet" as const, network: { channels: 16, layers: 8 } };
  const schedule = (epochs: number) => ({
    stages: [{ layers: 8, channels: 16, epochs, drop: { normal: 2, reduction: 2 } }],
  });

  test("are written out when a search is checked, and cost a third of it once that is enough", () => {
    for (const epochs of [2, 5, 20]) {
      const specification = checked({ evaluation: network, schedule: schedule(epochs) });
      const { search, reranking } = workOf(specification);
      expect(reranking / (search + reranking)).toBeLessThanOrEqual(1 / 3);
      expect(reranking / (search + reranking)).toBeGreaterThan(0.3);
      expect(specification.reranking?.enabled).toBe(true);
    }
  });

  test("are the fewest that compare anything where a third is not enough, and no longer than the final training", () => {
    const small = checked({ evaluation: network, schedule: { preset: "demo-3" } }).reranking;
    expect(small).toMatchObject({ architectures: 6, rungs: [{ steps: 80 }] });
    const brief = { preset: "demo" as const, steps: 30 };
    expect(checked({ schedule: schedule(5), finalTraining: brief }).reranking?.rungs).toEqual([
      { steps: 30 },
    ]);
  });

  test("are as they were told, none where they are turned off, and a published preset's own", () => {
    const told = { architectures: 3, rungs: [{ steps: 7 }] };
    expect(checked({ reranking: told }).reranking).toMatchObject(told);
    expect(checked({ reranking: { enabled: false } }).reranking?.enabled).toBe(false);
    expect(checked({ schedule: { preset: "tnd-nas-cifar10" } }).reranking).toBeUndefined();
  });
});
