/**
 * How a search spends its training: stages of progressive shrinking, how weights are trained and how the policy
 * learns. A preset is one row of `schedulePresets`; `tnd-nas-cifar10` is the run behind the published CIFAR-10 cell
 * (blyucs/pdarts, 2021). The `demo-*` rows are fixed tables, never derived from measured speed.
 */
import { z } from "zod";

const positive = z.number().positive();
const count = z.int().min(1);

export const stageSchema = z.strictObject({
  layers: count.max(60).describe("cells of this stage's supernet"),
  channels: count.max(512).describe("channels of its first cells"),
  /** Length of the stage; `steps` wins over `epochs` (of half A of the training images). */
  epochs: positive.optional(),
  warmupEpochs: z.number().min(0).optional(),
  steps: count.optional(),
  warmupSteps: z.int().min(0).optional(),
  drop: z
    .record(z.string(), z.int().min(0))
    .describe("operations dropped per edge at the stage's end, by cell kind"),
  skipDropout: z.number().min(0).max(0.95).default(0),
  targets: z
    .record(z.string(), positive)
    .optional()
    .describe("reward target by objective id, in its unit; overrides the objective's target"),
  exponents: z.record(z.string(), z.number().max(0)).optional().describe("reward exponent by objective id"),
});
export type Stage = z.infer<typeof stageSchema>;
type StageInput = z.input<typeof stageSchema>;

export const scheduleSchema = z.strictObject({
  batchSize: count.max(4096).default(64),
  /** Share of the training images that gives rewards; the rest trains the weights. */
  validationFraction: z.number().min(0.05).max(0.9).default(0.5),
  stepsPerRound: count.max(10_000).default(1).describe("weight steps between two policy updates"),
  warmupStepsPerRound: count.max(10_000).default(50),
  weights: z
    .strictObject({
      learningRate: positive.default(0.04),
      momentum: z.number().min(0).max(0.999).default(0.9),
      weightDecay: z.number().min(0).default(3e-4),
      clipNorm: positive.default(5),
      warmupPaths: z.enum(["fair", "uniform", "mixture"]).default("fair"),
      paths: z.enum(["fair", "uniform", "policy", "mixture"]).default("fair"),
    })
    .prefault({}),
  policy: z
    .strictObject({
      candidates: count.max(64).default(10),
      evaluationImages: count.max(10_000).default(256),
      learningRate: positive.default(6e-3),
      beta1: z.number().min(0).max(0.999).default(0.5),
      beta2: z.number().min(0).max(0.99999).default(0.999),
      weightDecay: z.number().min(0).default(1e-3),
      clipNorm: positive.default(5),
      baselineStep: z.number().min(0).max(1).default(0.95),
      initialScale: z.number().min(0).default(1e-3),
      reward: z.enum(["hinge", "multiplicative"]).default("hinge"),
      signal: z
        .enum(["loss", "accuracy"])
        .default("loss")
        .describe(
          "what a strategy learns from: 100 exp(-loss), which ranks better, or the share of right answers",
        ),
    })
    .prefault({}),
  /** At a stage's end the front is measured again on this many images, so that it does not keep lucky members. */
  confirmation: z
    .strictObject({
      images: count.max(50_000).default(2000),
      architectures: z.int().min(0).max(64).default(24),
      tuningSteps: z
        .int()
        .min(0)
        .max(200)
        .default(0)
        .describe("weight steps of each architecture by itself before it is measured; shared weights stay"),
      tuningRate: positive.default(0.02).describe("learning rate of those steps; falls to 0 along a cosine"),
    })
    .prefault({}),
  stages: z.array(stageSchema).min(1).max(10),
});
export type Schedule = z.infer<typeof scheduleSchema>;
export type ScheduleInput = z.input<typeof scheduleSchema>;

/** The three published stages: each deeper, with fewer operations and its own target and exponent of parameters. */
function published(
  lengths: { channels: number; epochs: number; warmupEpochs: number },
  rewards: readonly [target: number, exponent: number][],
): StageInput[] {
  const shapes = [
    { layers: 5, drop: { normal: 4, reduction: 2 }, skipDropout: 0.3 },
    { layers: 11, drop: { normal: 3, reduction: 2 }, skipDropout: 0.6 },
    { layers: 17, drop: { normal: 2, reduction: 1 }, skipDropout: 0.8 },
  ];
  return shapes.flatMap((shape, index) => {
    const reward = rewards[index];
    if (reward === undefined) return [];
    const [parameters, exponent] = reward;
    return [{ ...shape, ...lengths, targets: { parameters }, exponents: { parameters: exponent } }];
  });
}

const tndNasCifar10: ScheduleInput = {
  batchSize: 256,
  stepsPerRound: 1,
  warmupStepsPerRound: 49,
  weights: { warmupPaths: "mixture", paths: "mixture" },
  policy: { reward: "multiplicative", signal: "accuracy" },
  stages: published({ channels: 16, epochs: 25, warmupEpochs: 15 }, [
    [6.4e6, -0.45],
    [5.4e6, -0.2],
    [4.4e6, -0.25],
  ]),
};

const tndNasCifar100: ScheduleInput = {
  ...tndNasCifar10,
  batchSize: 64,
  stepsPerRound: 4,
  stages: published({ channels: 24, epochs: 16, warmupEpochs: 8 }, [
    [4.4e6, -0.95],
    [3.2e6, -1],
    [2.5e6, -1],
  ]),
};

/** Two shrinking stages of a small supernet trained on strictly fair paths. */
function demo(warmupSteps: number, steps: number): ScheduleInput {
  return {
    batchSize: 64,
    stepsPerRound: 8,
    warmupStepsPerRound: 20,
    policy: { candidates: 8, evaluationImages: 250, learningRate: 0.03, signal: "accuracy" },
    confirmation: { images: 1000, architectures: 32 },
    stages: [
      { layers: 3, channels: 8, steps, warmupSteps, drop: { normal: 4, reduction: 2 }, skipDropout: 0.1 },
      { layers: 3, channels: 8, steps, warmupSteps, drop: { normal: 0, reduction: 0 }, skipDropout: 0.1 },
    ],
  };
}

export const schedulePresets: Record<string, ScheduleInput> = {
  "tnd-nas-cifar10": tndNasCifar10,
  "tnd-nas-cifar100": tndNasCifar100,
  "demo-3": demo(60, 140),
  "demo-10": demo(110, 270),
};

/** The presets of published runs, whose final training takes days: worth ordering the archive before it. */
export const publishedPresets: readonly string[] = ["tnd-nas-cifar10", "tnd-nas-cifar100"];

/** Weight steps of a stage, all and warm-up, given the images of half A. */
export function stageSteps(
  stage: Stage,
  schedule: Schedule,
  trainImages: number,
): { total: number; warmup: number } {
  const perEpoch = Math.max(
    1,
    Math.ceil(Math.floor(trainImages * (1 - schedule.validationFraction)) / schedule.batchSize),
  );
  const total = stage.steps ?? Math.round((stage.epochs ?? 1) * perEpoch);
  const warmup = stage.warmupSteps ?? Math.round((stage.warmupEpochs ?? 0) * perEpoch);
  return { total, warmup: Math.min(total, warmup) };
}
