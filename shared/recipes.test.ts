import { describe, expect, test } from "vitest";
import { recipeSteps, resolveRecipe } from "./recipes.ts";
import { finalTrainingSchema } from "./specification.ts";

describe("the recipe", () => {
  test("is the preset with the specification's changes", () => {
    expect(resolveRecipe({ preset: "darts-cifar", top: 1, batchSize: 128 })).toMatchObject({
      batchSize: 128,
      learningRate: 0.025,
      cutout: 16,
      auxiliaryWeight: 0.4,
    });
  });

  test("takes warm-up and moving average from the specification", () => {
    const recipe = finalTrainingSchema.parse({ warmup: 0.05, ema: 0.9999 });
    expect(resolveRecipe(recipe)).toMatchObject({ warmup: 0.05, ema: 0.9999, epochs: 600 });
    expect(finalTrainingSchema.safeParse({ ema: 1 }).success).toBe(false);
  });

  test("is as long as its steps say, else its epochs with the last batch of each, and never nothing", () => {
    const stepsOf = (change: object) => recipeSteps(finalTrainingSchema.parse(change), 45_000);
    expect(stepsOf({})).toBe(600 * 469);
    expect(stepsOf({ epochs: 4, batchSize: 100 })).toBe(4 * 450);
    expect(stepsOf({ epochs: 4, steps: 7 })).toBe(7);
    expect(stepsOf({ epochs: 0.0001 })).toBe(1);
  });
});
