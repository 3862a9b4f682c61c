/** What a ranking is trained by. Two runs of the same settings and steps train the same weights. */

import { z } from "zod";

export const pathKinds = ["fair", "uniform", "connected", "wide"] as const;

export const reductionKinds = ["full", "conv", "light"] as const;

/** Everything that the trained weights depend on but the number of steps. */
export const trainingSettings = z.strictObject({
  /** Channels of the first stage; the benchmark has 16. */
  channels: z.int().min(1),
  /** Cells in each of the three stages; the benchmark has 5. */
  cells: z.int().min(1),
  /** Side of the images in pixels: CIFAR-10's 32, or 16. */
  imagePixels: z.union([z.literal(16), z.literal(32)]),
  /** What stands between stages: the benchmark's residual blocks, their first convolution alone, or their shortcut. */
  reductions: z.enum(reductionKinds),
  batchSize: z.int().min(1),
  paths: z.enum(pathKinds),
  /** At the first step; it falls to 0 along half a cosine. */
  learningRate: z.number().positive(),
  weightDecay: z.number().min(0),
  labelSmoothing: z.number().min(0).max(1),
  /** Probability that a number that leaves a skip connection is dropped. */
  skipDropout: z.number().min(0).max(1),
  /** Whether images are cropped and mirrored at random. */
  augments: z.boolean(),
  /** Share of the past that a step keeps in the weights' moving average; 0 for the last step's weights. */
  averageDecay: z.number().min(0).max(1),
  seed: z.int(),
});
export type TrainingSettings = z.infer<typeof trainingSettings>;

/** How cells are scored with trained weights. */
export interface EvaluationSettings {
  /** Held-out images in all, and how many of them are normalised together. */
  images: number;
  batchImages: number;
  /** Steps that each cell is trained by itself, from the shared weights, before it is scored. */
  tuningSteps: number;
  tuningRate: number;
}

/** What scores without training are taken from: random numbers, as AZ-NAS does, or images that train weights. */
export const inputKinds = ["noise", "images"] as const;

/** How cells are scored without training. */
export interface UntrainedSettings {
  /** Of the networks' first stage, and cells in each stage; 16 and 5 in the benchmark. */
  channels: number;
  cells: number;
  /** Start weights, inputs and probes; scores are means over them. */
  seeds: number;
  /** In each batch, and how many of them SWAP looks at. */
  batchImages: number;
  patternImages: number;
  inputs: (typeof inputKinds)[number];
  /** Whether edges that no output depends on are scored, too, as the published scores have it. */
  keepsUnread: boolean;
}
