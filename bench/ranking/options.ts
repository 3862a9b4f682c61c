/** The command line of bench/ranking.ts. */

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { z } from "zod";
import {
  type EvaluationSettings,
  inputKinds,
  pathKinds,
  reductionKinds,
  type TrainingSettings,
  trainingSettings,
  type UntrainedSettings,
} from "./settings.ts";
import type { Length } from "./supernet.ts";
import type { DrawName } from "./table.ts";

const scoreKinds = ["supernet", "untrained", "both"] as const;

export const usage = `Use: npm run -s bench:ranking -- --table FILE --data FOLDER
  --minutes M | --steps N        how long to train: minutes of each thread's time, 60 without either
  --channels 8 --cells 1         of the supernet's first stage, and in each stage
  --image 16|32                  side of the images in pixels
  --full                         the benchmark's own: 16 channels, 5 cells, 32 pixels, residual blocks
  --batch 128 --learning-rate 0.1 --weight-decay 0.0003 --label-smoothing 0 --skip-dropout 0
  --paths ${pathKinds.join("|")}
  --reductions ${reductionKinds.join("|")}   between stages: residual blocks, or parts of them
  --plain                        images are neither cropped nor mirrored
  --average D                    score a moving average of the weights that keeps D of itself a step
  --architectures 1000 --draw report|choose --draw-seed 1
  --validation-images 2000 --normalise 250   held-out images, and how many are normalised together
  --tune 20 --tune-rate 0.02     steps that each cell is trained by itself before it is scored
  --scores ${scoreKinds.join("|")}   by shared weights, without training, or both
  --untrained-channels 16 --untrained-cells 5    of the networks that are scored
  --untrained-seeds 2 --untrained-batch 32 --pattern-images 32 --inputs ${inputKinds.join("|")}
  --keep-unread                  score edges without training, too, that no output depends on
  --resamples 1000               of the bootstrap
  --seed 1 --threads T --checkpoint FILE --json`;

/** What is measured, as the command line says it. */
export interface RankingOptions {
  table: string;
  data: string;
  settings: TrainingSettings;
  length: Length;
  architectures: number;
  draw: DrawName;
  drawSeed: number;
  evaluation: EvaluationSettings;
  scores: (typeof scoreKinds)[number];
  untrained: UntrainedSettings;
  resamples: number;
  threads: number;
  checkpoint: string | undefined;
  json: boolean;
}

const number = { type: "string" } as const;
const flag = { type: "boolean" } as const;

const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
const share = (fallback: number) => z.coerce.number().min(0).max(1).default(fallback);

const argumentsSchema = z.object({
  table: z.string(),
  data: z.string(),
  minutes: z.coerce.number().positive().optional(),
  steps: z.coerce.number().int().min(1).optional(),
  channels: count(8),
  cells: count(1),
  image: z.coerce.number().default(16),
  batch: count(128),
  "learning-rate": z.coerce.number().positive().default(0.1),
  "weight-decay": share(0.0003),
  "label-smoothing": share(0),
  "skip-dropout": share(0),
  paths: z.enum(pathKinds).default("fair"),
  reductions: z.enum(reductionKinds).optional(),
  plain: z.boolean().default(false),
  average: share(0),
  architectures: count(1000),
  draw: z.enum(["report", "choose"]).default("report"),
  "draw-seed": z.coerce.number().int().default(1),
  "validation-images": count(2000),
  normalise: count(250),
  tune: z.coerce.number().int().min(0).default(20),
  "tune-rate": z.coerce.number().positive().default(0.02),
  scores: z.enum(scoreKinds).default("supernet"),
  "untrained-channels": count(16),
  "untrained-cells": count(5),
  "untrained-seeds": count(2),
  "untrained-batch": count(32),
  "pattern-images": count(32),
  inputs: z.enum(inputKinds).default("noise"),
  "keep-unread": z.boolean().default(false),
  resamples: count(1000),
  seed: z.coerce.number().int().default(1),
  threads: count(availableParallelism()),
  checkpoint: z.string().optional(),
  full: z.boolean().default(false),
  json: z.boolean().default(false),
});
type Arguments = z.infer<typeof argumentsSchema>;

/** Reads the command line; a text is what is wrong with it, or the help that was asked for. */
export function parseOptions(argv: readonly string[]): RankingOptions | string {
  const booleans = new Set(["plain", "full", "keep-unread", "json", "help"]);
  const names = [...Object.keys(argumentsSchema.shape), "help"];
  const options = Object.fromEntries(names.map((name) => [name, booleans.has(name) ? flag : number]));
  try {
    const { values } = parseArgs({ args: [...argv], options });
    if (values.help) return usage;
    return optionsOf(argumentsSchema.parse(values));
  } catch (err) {
    if (!(err instanceof Error)) throw err;
    const reason = err instanceof z.ZodError ? z.prettifyError(err) : err.message;
    return `${reason}\n${usage}`;
  }
}

function optionsOf(args: Arguments): RankingOptions {
  if (args.minutes !== undefined && args.steps !== undefined)
    throw new Error("Give --minutes or --steps, not both.");
  const size = args.full
    ? { channels: 16, cells: 5, imagePixels: 32, reductions: args.reductions ?? "full" }
    : {
        channels: args.channels,
        cells: args.cells,
        imagePixels: args.image,
        reductions: args.reductions ?? "light",
      };
  return {
    table: args.table,
    data: args.data,
    settings: trainingSettings.parse({
      ...size,
      batchSize: args.batch,
      paths: args.paths,
      learningRate: args["learning-rate"],
      weightDecay: args["weight-decay"],
      labelSmoothing: args["label-smoothing"],
      skipDropout: args["skip-dropout"],
      augments: !args.plain,
      averageDecay: args.average,
      seed: args.seed,
    }),
    length:
      args.steps === undefined ? { coreMinutes: (args.minutes ?? 60) * args.threads } : { steps: args.steps },
    architectures: args.architectures,
    draw: args.draw,
    drawSeed: args["draw-seed"],
    evaluation: {
      images: args["validation-images"],
      batchImages: args.normalise,
      tuningSteps: args.tune,
      tuningRate: args["tune-rate"],
    },
    scores: args.scores,
    untrained: {
      channels: args["untrained-channels"],
      cells: args["untrained-cells"],
      seeds: args["untrained-seeds"],
      batchImages: args["untrained-batch"],
      patternImages: args["pattern-images"],
      inputs: args.inputs,
      keepsUnread: args["keep-unread"],
    },
    resamples: args.resamples,
    threads: args.threads,
    checkpoint: args.checkpoint,
    json: args.json,
  };
}
