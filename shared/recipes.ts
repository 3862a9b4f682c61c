/** How an architecture is trained for real: the recipe behind each preset, and its length. */

import type { FinalTraining as RecipeOptions } from "./specification.ts";

/** Everything that decides a training, apart from the architecture and the seed. */
export interface Recipe {
  epochs: number;
  batchSize: number;
  learningRate: number;
  /** How the learning rate falls: to 0 along a cosine, or by this factor every epoch. */
  decay: "cosine" | number;
  /** Share of the steps over which the learning rate rises from 0. */
  warmup: number;
  momentum: number;
  weightDecay: number;
  clipNorm: number;
  padPixels: number;
  cutout: number;
  auxiliaryWeight: number;
  /** At the end; rises linearly from 0. */
  dropPath: number;
  labelSmoothing: number;
  /** What a step keeps of the moving average of the weights that is tested and exported; 0 for none. */
  ema: number;
}

const common = { momentum: 0.9, clipNorm: 5, ema: 0 };

export const recipes: Record<RecipeOptions["preset"], Recipe> = {
  "darts-cifar": {
    ...common,
    epochs: 600,
    batchSize: 96,
    learningRate: 0.025,
    decay: "cosine",
    warmup: 0,
    weightDecay: 3e-4,
    padPixels: 4,
    cutout: 16,
    auxiliaryWeight: 0.4,
    dropPath: 0.3,
    labelSmoothing: 0,
  },
  "darts-imagenet": {
    ...common,
    epochs: 250,
    batchSize: 128,
    learningRate: 0.1,
    decay: 0.97,
    warmup: 0,
    weightDecay: 3e-5,
    padPixels: 4,
    cutout: 0,
    auxiliaryWeight: 0.4,
    dropPath: 0,
    labelSmoothing: 0.1,
  },
  // An epoch or so: augmentation beyond flips, drop-path and cutout would only slow it down.
  demo: {
    ...common,
    epochs: 1,
    batchSize: 64,
    learningRate: 0.15,
    decay: "cosine",
    warmup: 0.1,
    weightDecay: 3e-4,
    padPixels: 0,
    cutout: 0,
    auxiliaryWeight: 0,
    dropPath: 0,
    labelSmoothing: 0,
  },
};

/** The preset with what the specification changes of it. */
export function resolveRecipe(options: RecipeOptions): Recipe {
  const recipe = { ...recipes[options.preset] };
  for (const key of Object.keys(recipe) as (keyof Recipe)[]) {
    const value = (options as Partial<Record<keyof Recipe, number>>)[key];
    if (value !== undefined) Object.assign(recipe, { [key]: value });
  }
  return recipe;
}

/** Weight steps in which so many images are seen once. */
export const stepsPerEpoch = ({ batchSize }: Pick<Recipe, "batchSize">, images: number): number =>
  Math.ceil(images / batchSize);

/** Weight steps of a training on so many images. */
export function recipeSteps(options: RecipeOptions, images: number): number {
  const recipe = resolveRecipe(options);
  return options.steps ?? Math.max(1, Math.round(recipe.epochs * stepsPerEpoch(recipe, images)));
}
