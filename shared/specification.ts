/**
 * The search specification: what a user asks for, validated once here for edge, runner and command line.
 * The schema is complete; `unsupported` names what a valid specification asks for that this version cannot do.
 */
import { z } from "zod";
import { candidateTrainings } from "./candidateTrainings.ts";
import { type DatasetReference, factsOf } from "./datasets.ts";
import { cheapObjectives, runnerObjectives } from "./objectives.ts";
import { publishedPresets, type Schedule, schedulePresets, scheduleSchema, stageSteps } from "./schedule.ts";
import { largestUntrained } from "./untrained.ts";

/** A name that can stand in a URL. */
export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens, at most 63");
const usd = z.number().positive();

export const providerNames = ["runpod", "vast", "lambda", "digitalocean", "kubernetes"] as const;
export type ProviderName = (typeof providerNames)[number];

const datasetSchema = z.strictObject({ name: nameSchema });

const cellSpaceSchema = z.strictObject({
  skeleton: z.enum(["cells", "nas-bench-201"]).default("cells"),
  nodes: z.int().min(1).max(8).optional(),
  normal: z.array(z.string()).min(1),
  reduction: z.array(z.string()).min(1).optional(),
});
/** Of a table: so many places, each with one of the same operations, whatever they mean. */
const positionSpaceSchema = z.strictObject({
  positions: z.int().min(1).max(64),
  operations: z.array(z.string().min(1).max(64)).min(2).max(36),
});
const inlineSpaceSchema = z.union([cellSpaceSchema, positionSpaceSchema]);
/** A name or a space written out. */
export const spaceSchema = z.union([z.string(), inlineSpaceSchema]);

export const strategyNames = [
  "default",
  "tnd-nas",
  "random",
  "nsga2",
  "regularized-evolution",
  "local-search",
] as const;
export type StrategyName = (typeof strategyNames)[number];

/** Size of a network, the same wherever one is asked for. */
export const largestSize = { channels: 512, layers: 60 };
const sizeSchemas = {
  channels: z.int().min(1).max(largestSize.channels),
  layers: z.int().min(1).max(largestSize.layers),
};

const rungSchema = z
  .strictObject({
    epochs: z.number().positive().optional(),
    steps: z.int().min(1).optional().describe("wins over epochs"),
  })
  .refine(({ epochs, steps }) => epochs !== undefined || steps !== undefined, "give epochs or steps");

const rungsSchema = z.array(rungSchema).min(1).max(6);
const validationFractionSchema = z
  .number()
  .min(0.01)
  .max(0.5)
  .default(0.1)
  .describe("share of the training images that measures instead of training");

/** The derived network that is counted and measured. */
const networkSchema = z
  .strictObject({
    stem: z.enum(["cifar", "imagenet"]).default("cifar"),
    channels: sizeSchemas.channels.default(36),
    layers: sizeSchemas.layers.default(20),
  })
  .prefault({});

const untrainedSchema = z
  .strictObject({ architectures: z.int().min(0).max(largestUntrained) })
  .optional()
  .describe(
    "so many architectures are scored without training first, and the search starts from the best; 0: none; absent: sized by the length of the search",
  );

const supernetEvaluationSchema = z.strictObject({
  kind: z.literal("supernet"),
  network: networkSchema,
  untrained: untrainedSchema,
});

/** The controller's state holds all of them. */
const mostCandidates = 2000;

const trainingEvaluationSchema = z
  .strictObject({
    kind: z.literal("training"),
    network: networkSchema,
    untrained: untrainedSchema,
    architectures: z
      .int()
      .min(2)
      .max(mostCandidates)
      .default(32)
      .describe("trained on the first rung; about half of a rung go on to the next"),
    rungs: rungsSchema
      .default([{ epochs: 1 }, { epochs: 4 }, { epochs: 12 }])
      .describe("how long an architecture is trained on each rung, always from scratch"),
    parallel: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe("most architectures in training at once; absent: one for each runner that asks"),
    validationFraction: validationFractionSchema,
  })
  .describe("each candidate is trained by itself, without shared weights");
export type TrainingEvaluation = z.infer<typeof trainingEvaluationSchema>;

const tabularEvaluationSchema = z
  .strictObject({
    kind: z.literal("tabular"),
    table: nameSchema.describe("pushed under this name: a CSV, a row for each architecture"),
    architecture: z.string().min(1).describe("column that names the architecture"),
    reward: z.string().min(1).describe("column of the first objective, accuracy"),
    costs: z
      .record(z.string(), z.string().min(1))
      .default({})
      .describe("by objective id, the column of its values"),
    candidatesPerRound: z.int().min(1).max(64).default(10),
    isomorphic: z
      .enum(["apart", "one"])
      .default("apart")
      .describe(
        "cells that differ only in the numbering of their nodes: each a row of its own, or one architecture",
      ),
  })
  .describe("architectures are looked up in a table instead of trained");
export type TabularEvaluation = z.infer<typeof tabularEvaluationSchema>;

export const objectiveSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-zA-Z0-9]{0,40}$/),
  device: nameSchema.optional(),
  goal: z.enum(["maximize", "minimize"]),
  target: z.number().positive().optional().describe("soft: steers the reward"),
  limit: z.number().positive().optional().describe("hard: infeasible beyond it"),
  exponent: z.number().max(0).optional().describe("reward exponent beyond the target; -0.5 unless told"),
});
export type Objective = z.infer<typeof objectiveSchema>;

/** Id of an objective: `name`, or `name.device`. */
export const objectiveId = (objective: Pick<Objective, "name" | "device">): string =>
  objective.device === undefined ? objective.name : `${objective.name}.${objective.device}`;

export const finalTrainingSchema = z.strictObject({
  preset: z.enum(["darts-cifar", "darts-imagenet", "demo"]).default("darts-cifar"),
  epochs: z.number().positive().optional(),
  steps: z.int().min(1).optional().describe("wins over epochs"),
  top: z.int().min(0).max(16).default(1),
  channels: sizeSchemas.channels.optional(),
  layers: sizeSchemas.layers.optional(),
  batchSize: z.int().min(1).max(4096).optional(),
  learningRate: z.number().positive().optional(),
  weightDecay: z.number().min(0).optional(),
  cutout: z.int().min(0).optional(),
  auxiliaryWeight: z.number().min(0).max(1).optional(),
  dropPath: z.number().min(0).max(0.9).optional(),
  labelSmoothing: z.number().min(0).max(0.5).optional(),
  warmup: z
    .number()
    .min(0)
    .max(0.5)
    .optional()
    .describe("share of the steps over which the learning rate rises from 0"),
  ema: z
    .number()
    .min(0)
    .max(0.999999)
    .optional()
    .describe("decay per step of the moving average of the weights that is tested and exported; 0 for none"),
  seed: z.int().min(0).optional(),
});
export type FinalTraining = z.infer<typeof finalTrainingSchema>;

/** Short trainings from scratch that order the archive before the final training, by the final training's recipe. */
const rerankingSchema = z.strictObject({
  enabled: z.boolean().default(true),
  architectures: z
    .int()
    .min(2)
    .max(32)
    .default(8)
    .describe("trained on the first rung; then the better half"),
  rungs: rungsSchema
    .default([{ epochs: 4 }, { epochs: 12 }])
    .describe("how long an architecture is trained on each rung, always from scratch"),
  validationFraction: validationFractionSchema,
});
export type Reranking = z.infer<typeof rerankingSchema>;

const defaultSchedule = { preset: "demo-10" };

export const specificationSchema = z
  .strictObject({
    name: z.string().min(1).max(120),
    dataset: datasetSchema.prefault({ name: "fashion-mnist" }),
    space: spaceSchema.default("tnd-nas"),
    strategy: z
      .strictObject({ name: z.enum(strategyNames, `use one of ${strategyNames.join(", ")}`) })
      .prefault({ name: "default" }),
    evaluation: z
      .discriminatedUnion("kind", [
        supernetEvaluationSchema,
        trainingEvaluationSchema,
        tabularEvaluationSchema,
      ])
      .prefault({ kind: "supernet" }),
    objectives: z
      .array(objectiveSchema)
      .min(1)
      .max(8)
      .default([
        { name: "accuracy", goal: "maximize" },
        { name: "parameters", goal: "minimize" },
      ]),
    schedule: z.union([z.strictObject({ preset: z.string() }), scheduleSchema]).default(defaultSchedule),
    budget: z
      .strictObject({
        usd: usd.optional(),
        gpuHours: z.number().positive().optional(),
        wallClockHours: z.number().positive().optional(),
        evaluations: z.int().min(1).optional(),
      })
      .prefault({}),
    rental: z
      .strictObject({
        providers: z.array(z.enum(providerNames)).min(1),
        gpus: z.array(z.string()).optional(),
        maxUsdPerHour: usd,
        maxInstances: z.int().min(1).max(64).default(1),
        interruptible: z.boolean().default(false),
        image: z.string().optional(),
        patienceHours: z
          .number()
          .positive()
          .optional()
          .describe("the search fails after waiting so long for a machine; absent: it waits"),
      })
      .optional(),
    reranking: rerankingSchema
      .optional()
      .describe(
        "absent: sized by the schedule when a search is created; after a published schedule preset its own",
      ),
    finalTraining: finalTrainingSchema.prefault({}),
    seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(1),
    visibility: z.enum(["private", "public"]).default("private"),
  })
  .describe("A Nasturtium search");
/** As checked: a pushed data set comes with its facts. */
export type Specification = z.infer<typeof specificationSchema> & { dataset: DatasetReference };
export type SpecificationInput = z.input<typeof specificationSchema>;

/** Objectives that devices measure, of networks that are trained and not looked up. */
export const deviceObjectivesOf = ({
  objectives,
  evaluation,
}: Pick<Specification, "objectives" | "evaluation">): (Objective & { device: string })[] =>
  evaluation.kind === "tabular"
    ? []
    : objectives.flatMap(({ device, ...rest }) => (device === undefined ? [] : [{ ...rest, device }]));

/** A problem with one field: JSON pointer into the specification, and what to do. */
export interface FieldError {
  pointer: string;
  detail: string;
}

/** The schedule spelled out: a preset's row, or the one in the specification. Throws RangeError for an unknown preset. */
export function resolveSchedule(specification: Specification): Schedule {
  const { schedule } = specification;
  if (!("preset" in schedule)) return schedule;
  const preset = Object.hasOwn(schedulePresets, schedule.preset)
    ? schedulePresets[schedule.preset]
    : undefined;
  if (preset === undefined)
    throw new RangeError(
      `unknown preset "${schedule.preset}"; known: ${Object.keys(schedulePresets).join(", ")}`,
    );
  return scheduleSchema.parse(preset);
}

/** How the archive is ordered again before the final training; null where it is not. */
export function resolveReranking({ evaluation, reranking, schedule }: Specification): Reranking | null {
  if (evaluation.kind !== "supernet") return null;
  if (reranking !== undefined) return reranking.enabled ? reranking : null;
  const isPublished = "preset" in schedule && publishedPresets.includes(schedule.preset);
  return isPublished ? rerankingSchema.parse({}) : null;
}

type Refuse = (pointer: string, detail: string) => void;

/** What is valid but not possible in this version, by field; empty when all can be done. */
export function unsupported(specification: Specification): FieldError[] {
  const errors: FieldError[] = [];
  const refuse: Refuse = (pointer, detail) => errors.push({ pointer, detail });
  const isTabular = specification.evaluation.kind === "tabular";
  if (specification.rental !== undefined && isTabular)
    refuse("/rental", "a search on a table trains nothing; leave the key out and start a runner of your own");
  if (specification.rental !== undefined && !isTabular && specification.budget.usd === undefined)
    refuse("/budget/usd", "rented machines need a budget; give it in dollars");
  if (!isTabular && typeof specification.space === "object" && "positions" in specification.space)
    refuse(
      "/space",
      "a space of positions has no networks to train: set evaluation: { kind: tabular, ... }, or use another space",
    );
  if (isTabular && specification.reranking?.enabled)
    refuse("/reranking", "a search on a table trains nothing; leave the key out");
  if (specification.evaluation.kind === "training") refuseBesideTraining(specification, refuse);
  const seen = new Set<string>();
  specification.objectives.forEach((objective, index) => {
    const id = objectiveId(objective);
    if (seen.has(id)) refuse(`/objectives/${index}`, `objective "${id}" is listed twice; keep one`);
    seen.add(id);
    if (objective.name === "accuracy" && objective.goal !== "maximize")
      refuse(`/objectives/${index}/goal`, 'accuracy can only be "maximized"; set goal: maximize');
    if (isTabular && objective.name === "accuracy" && objective.device !== undefined)
      refuse(`/objectives/${index}/device`, "accuracy is measured on no device; leave it out");
    if (!isTabular) refuseUnmeasured(objective, index, refuse);
  });
  if (!seen.has("accuracy"))
    refuse("/objectives", "one objective must be accuracy; add { name: accuracy, goal: maximize }");
  return errors;
}

/** What does not apply where each candidate is trained by itself, or cannot be measured there yet. */
function refuseBesideTraining({ schedule, reranking, objectives }: Specification, refuse: Refuse): void {
  if (!("preset" in schedule) || schedule.preset !== defaultSchedule.preset)
    refuse("/schedule", "there is no supernet to schedule; leave the key out, evaluation.rungs say how long");
  if (reranking?.enabled)
    refuse("/reranking", "every candidate is trained by itself already; leave the key out");
  const runners: readonly string[] = runnerObjectives;
  objectives.forEach(({ name, device }, index) => {
    if (device !== undefined || runners.includes(name))
      refuse(
        `/objectives/${index}`,
        `a search by training knows accuracy, ${cheapObjectives.join(", ")}; for "${name}" set evaluation.kind: supernet`,
      );
  });
}

/** What a supernet cannot give; a table gives whatever it has a column for. */
function refuseUnmeasured(objective: Objective, index: number, refuse: Refuse): void {
  const { name, device, goal } = objective;
  const known: readonly string[] = ["accuracy", ...cheapObjectives];
  if (device !== undefined) {
    if (known.includes(name))
      refuse(`/objectives/${index}/device`, `${name} is measured on no device; leave it out`);
    return;
  }
  const runners: readonly string[] = runnerObjectives;
  if (!known.includes(name) && !runners.includes(name))
    refuse(
      `/objectives/${index}/name`,
      `objective "${name}" is not known; use one of ${[...known, ...runners].join(", ")}, or name the device that measures it`,
    );
  else if (name !== "accuracy" && goal !== "minimize")
    refuse(`/objectives/${index}/goal`, `${name} can only be "minimized"; set goal: minimize`);
  if (name === "accuracy" && (objective.target ?? objective.limit ?? 0) > 100)
    refuse(`/objectives/${index}`, "accuracy is in percent: 100 at most");
}

/** Architectures that are scored without training before anything else. */
export const scoredFirst = ({ evaluation }: Pick<Specification, "evaluation">): number =>
  evaluation.kind === "tabular" ? 0 : (evaluation.untrained?.architectures ?? 0);

/** Length of a search before its final training: what it has without confirmation, and that one's tuning at most. */
export function scheduleLength(specification: Specification): {
  steps: number;
  rounds: number;
  evaluations: number;
  tuningSteps: number;
} {
  const { evaluation, budget } = specification;
  const scoring = scoredFirst(specification) > 0 ? 1 : 0;
  if (evaluation.kind === "tabular") {
    const evaluations = budget.evaluations ?? 0;
    const rounds = Math.ceil(evaluations / evaluation.candidatesPerRound);
    return { steps: 0, rounds, evaluations, tuningSteps: 0 };
  }
  if (evaluation.kind === "training") {
    const { trainings, steps } = candidateTrainings(specification, evaluation);
    return { steps, rounds: scoring + trainings, evaluations: trainings, tuningSteps: 0 };
  }
  const schedule = resolveSchedule(specification);
  const facts = factsOf(specification.dataset);
  let steps = 0;
  let rounds = scoring;
  let searchRounds = 0;
  for (const stage of schedule.stages) {
    const { total, warmup } = stageSteps(stage, schedule, facts.trainImages);
    steps += total;
    searchRounds += Math.ceil((total - warmup) / schedule.stepsPerRound);
    rounds +=
      Math.ceil(warmup / schedule.warmupStepsPerRound) +
      Math.ceil((total - warmup) / schedule.stepsPerRound) +
      1;
  }
  const { architectures, tuningSteps } = schedule.confirmation;
  return {
    steps,
    rounds,
    evaluations: searchRounds * schedule.policy.candidates,
    tuningSteps: schedule.stages.length * architectures * tuningSteps,
  };
}
