/**
 * The wire between the edge and its runners: one schema per message, used by both sides.
 *
 * A runner registers, leases a task, heartbeats while it works and reports. The answer to a report carries the next
 * task, so that a round costs one request. Everything random in a task follows from the seeds it carries.
 */
import { z } from "zod";
import { exportFormatNames } from "./exportFormats.ts";
import { genotypeSchema } from "./genotype.ts";
import { finalTrainingSchema } from "./specification.ts";
import { largestUntrained, untrainedScoresSchema } from "./untrained.ts";

/** Raised when the messages change so that a runner of the version before could not follow, or would do otherwise. */
export const protocolVersion = 8;
/** The edge understands runners from this version on. */
export const oldestProtocolVersion = 4;
/** Runners from this version on score architectures without training. */
export const scoringProtocolVersion = 8;
/** Header of each request of a runner: the version that it speaks. */
export const protocolHeader = "nasturtium-protocol";
/** That of a runner from before there was the header. */
export const untoldProtocolVersion = 4;
export const leaseSeconds = 90;
export const heartbeatSeconds = 20;

/** How the paths of training steps are drawn; `policy` and `mixture` depend on the policy's logits. */
export const pathKinds = ["fair", "uniform", "policy", "mixture"] as const;

export const backendSchema = z.strictObject({
  name: z.enum(["tensorflow", "wasm"]),
  versions: z.record(z.string(), z.string()),
  threads: z.int().min(1),
});

export const registerRequestSchema = z.strictObject({
  protocolVersion: z.int(),
  name: z.string().min(1).max(120),
  backend: backendSchema,
});
export const registerResponseSchema = z.object({ runnerId: z.string() });

export const leaseRequestSchema = z.strictObject({
  runnerId: z.string(),
  /** Only work of this search. */
  searchId: z.string().optional(),
});

/** Per cell kind, per edge (by position), the surviving operations. */
export const choicesSchema = z.record(z.string(), z.array(z.array(z.string())));
/** Per cell kind, per edge, one operation. */
export const selectionSchema = z.record(z.string(), z.array(z.string()));
/** Per cell kind, per edge, one number per surviving operation. */
export const logitsSchema = z.record(z.string(), z.array(z.array(z.number())));
export type Logits = z.infer<typeof logitsSchema>;

/** Per cell kind, per edge, on how many weight steps each surviving operation was trained. */
export const trainedStepsSchema = z.record(z.string(), z.array(z.array(z.int().min(0))));
export type TrainedSteps = z.infer<typeof trainedStepsSchema>;

/** The supernet of a stage and how it is trained: everything a new runner needs to build it from nothing. */
export const stageTaskSchema = z.object({
  index: z.int(),
  /** Seed of the initial weights, the split and the order of the images. */
  seed: z.number(),
  /** Built in, or pushed: then `GET /v1/tasks/{taskId}/dataset` says what it is. */
  dataset: z.string(),
  /** A built-in space's name or the inline definition, as in the specification. */
  space: z.unknown(),
  choices: choicesSchema,
  stem: z.enum(["cifar", "imagenet"]),
  /** What stands between the stages of NAS-Bench-201's skeleton; absent: whole blocks, as in searches of before. */
  reductions: z.enum(["blocks", "shortcuts"]).optional(),
  channels: z.int(),
  layers: z.int(),
  batchSize: z.int(),
  validationFraction: z.number(),
  /** Weight steps of the whole stage: the length of the cosine. */
  totalSteps: z.int(),
  learningRate: z.number(),
  momentum: z.number(),
  weightDecay: z.number(),
  clipNorm: z.number(),
});
export type StageTask = z.infer<typeof stageTaskSchema>;

const common = {
  taskId: z.string(),
  searchId: z.string(),
};

export const trainRoundSchema = z.object({
  ...common,
  kind: z.literal("trainRound"),
  /** Rounds of a search are numbered from 0, through its stages. */
  round: z.int(),
  stage: stageTaskSchema,
  /** First weight step of this round within the stage, and how many. */
  firstStep: z.int(),
  steps: z.int(),
  paths: z.enum(pathKinds),
  pathSeed: z.number(),
  /** Policy logits: the distribution of `policy` paths, the weights of `mixture`. */
  logits: logitsSchema,
  skipDropout: z.number(),
  /** First step of the stage from which on half batches are trained, because a runner's memory ran out. */
  halvedFrom: z.int().optional(),
  /**
   * The weight steps of the next round where they follow from no measurement of this one: a runner may train them
   * while it waits for the answer to its report.
   */
  ahead: z.object({ steps: z.int(), paths: z.enum(pathKinds), skipDropout: z.number() }).optional(),
  /** Measured after the weight steps, on `evaluation.images` images of half B starting at `evaluation.offset` of its seeded order. */
  candidates: z.array(z.object({ selection: selectionSchema })),
  evaluation: z.object({ images: z.int(), offset: z.int() }),
  /**
   * Before it is measured, each candidate is trained by itself: from the shared weights without momentum, on the same
   * batches of half A, with a learning rate that falls to 0 along a cosine. The shared weights stay as they are.
   */
  tuning: z.object({ steps: z.int().min(1), learningRate: z.number() }).optional(),
  /** Objectives that the runner measures of each candidate's derived network beside its accuracy. */
  measure: z
    .object({
      objectives: z.array(z.string()).min(1),
      network: z.object({
        stem: z.enum(["cifar", "imagenet"]),
        channels: z.int(),
        layers: z.int(),
        classes: z.int(),
        image: z.object({ height: z.int(), width: z.int(), channels: z.int() }),
      }),
    })
    .optional(),
});
export type TrainRoundTask = z.infer<typeof trainRoundSchema>;

/** Look up candidates in a table. Rounds do not build on what a runner did before, so any runner can do any of them. */
export const tabularTaskSchema = z.object({
  ...common,
  kind: z.literal("tabular"),
  round: z.int(),
  /** Pushed under this name: `GET /v1/tasks/{taskId}/dataset` says what it is. */
  table: z.string(),
  /** Column of the architectures, and by objective id that of its values. */
  architecture: z.string(),
  columns: z.record(z.string(), z.string()),
  space: z.unknown(),
  candidates: z.array(z.object({ selection: selectionSchema })),
});
export type TabularTask = z.infer<typeof tabularTaskSchema>;

/**
 * Score networks without training, before anything else of a search: by each seed with start weights and as many images
 * of noise of its own. Nothing of it is kept, so any runner can do it.
 */
export const scoreTaskSchema = z.object({
  ...common,
  kind: z.literal("score"),
  round: z.int(),
  /** Of its images the networks have the size, and the classes. */
  dataset: z.string(),
  space: z.unknown(),
  stem: z.enum(["cifar", "imagenet"]),
  channels: z.int(),
  layers: z.int(),
  /** Architectures, as text of their codes. */
  codes: z.array(z.string()).min(1),
  seeds: z.array(z.number()).min(1),
  images: z.int().min(2),
  /** None: nothing is measured. */
  candidates: z.array(z.object({ selection: selectionSchema })).max(0),
});
export type ScoreTask = z.infer<typeof scoreTaskSchema>;

/** A round of a search, whatever it is evaluated by. */
export type RoundTask = TrainRoundTask | TabularTask | ScoreTask;

export const finalTrainingTaskSchema = z.object({
  ...common,
  kind: z.literal("finalTraining"),
  trainingId: z.string(),
  genotype: genotypeSchema,
  hash: z.string(),
  dataset: z.string(),
  stem: z.enum(["cifar", "imagenet"]),
  channels: z.int(),
  layers: z.int(),
  recipe: finalTrainingSchema,
  seed: z.number(),
  /**
   * For a short training that compares architectures: it trains on the other training images, is measured on this
   * share of them (at most `images`) and exports nothing. The test set is not looked at.
   */
  validation: z
    .object({ fraction: z.number().positive().lt(1), images: z.int().min(1).optional() })
    .optional(),
});
export type FinalTrainingTask = z.infer<typeof finalTrainingTaskSchema>;

/** What a search by training keeps of a training that ended, as its round: what was trained, and what it was chosen from. */
export const trainedRoundSchema = z.object({
  kind: z.literal("training"),
  ...common,
  trainingId: z.string(),
  round: z.int(),
  rung: z.int().min(0),
  hash: z.string(),
});
export type TrainedRound = z.infer<typeof trainedRoundSchema>;

export const taskSchema = z.discriminatedUnion("kind", [
  trainRoundSchema,
  tabularTaskSchema,
  scoreTaskSchema,
  finalTrainingTaskSchema,
]);
export type Task = z.infer<typeof taskSchema>;

/** A task with the lease under which it may be reported. Times are the edge's. */
export const leasedTaskSchema = z.object({
  leaseId: z.string(),
  leaseSeconds: z.int(),
  heartbeatSeconds: z.int(),
  leaseExpiresAt: z.string(),
  task: taskSchema,
});
export type LeasedTask = z.infer<typeof leasedTaskSchema>;

/** Nothing to do: ask again after `retryAfterSeconds`. */
export const leaseResponseSchema = z.object({
  lease: leasedTaskSchema.nullable(),
  retryAfterSeconds: z.number(),
});

export const measurementSchema = z.strictObject({
  /** Index into the task's candidates. */
  candidate: z.int().min(0),
  /** By objective id, in the objective's unit; null where it could not be measured. */
  values: z.record(z.string(), z.number().nullable()),
  /** That it was really measured on: a data set may hold fewer than were asked for. 0 for what is looked up. */
  images: z.int().min(0),
  /** Mean cross-entropy, natural logarithm; null where there is none, or it is no number: then nothing else counts. */
  loss: z.number().min(0).nullable(),
});
export type Measurement = z.infer<typeof measurementSchema>;

/** A measurement that comes after its round was reported; amends the candidate, never holds the round. */
export const amendmentSchema = z.strictObject({
  candidate: z.int().min(0),
  /** By objective id, only what was missing. */
  values: z.record(z.string(), z.number()),
});
export const amendedSchema = z.object({ version: z.int() });

export const trainRoundReportSchema = z.strictObject({
  kind: z.literal("trainRound"),
  leaseId: z.string(),
  measurements: z.array(measurementSchema),
  /** Of runners of version 7, which scored in their first round; nothing is made of it. */
  untrained: z.unknown().optional(),
  /** Candidates without a measurement, as their loss is no number: indices into the task's. */
  diverged: z.array(z.int().min(0)).optional(),
  /** Mean training loss of the round's weight steps; null when there were none. */
  trainLoss: z.number().nullable(),
  /** Hash of the weights after the round (FNV-1a 64, hexadecimal): a replayed round must reach it. */
  digest: z.string(),
  /** As in the task, or where memory ran out in this round. */
  halvedFrom: z.int().min(0).optional(),
  /** Since the stage's start, in a round without weight steps, its last; absent where the runner cannot tell. */
  trainedSteps: trainedStepsSchema.optional(),
  /**
   * `evaluate`: with the candidates' tuning. `idle`: since the end of the round before, in which nothing was computed
   * for this one.
   */
  seconds: z.strictObject({ train: z.number(), evaluate: z.number(), idle: z.number() }),
});
export type TrainRoundReport = z.infer<typeof trainRoundReportSchema>;

export const tabularReportSchema = z.strictObject({
  kind: z.literal("tabular"),
  leaseId: z.string(),
  /** Of architectures that the table does not have: null for every objective. */
  measurements: z.array(measurementSchema),
  /** Hash of the measurements: the same round must give the same. */
  digest: z.string(),
  seconds: z.strictObject({ train: z.number(), evaluate: z.number(), idle: z.number() }),
});
export type TabularReport = z.infer<typeof tabularReportSchema>;

export const scoreReportSchema = z.strictObject({
  kind: z.literal("score"),
  leaseId: z.string(),
  /** By architecture of the task, means over the seeds; null where a score is no number. */
  scores: z.array(untrainedScoresSchema.nullable()).max(largestUntrained),
  /** None: nothing was measured. */
  measurements: z.array(measurementSchema).max(0),
  /** Hash of the scores: the same round must give the same. */
  digest: z.string(),
  seconds: z.strictObject({ train: z.number(), evaluate: z.number(), idle: z.number() }),
});
export type ScoreReport = z.infer<typeof scoreReportSchema>;
export type RoundReport = TrainRoundReport | TabularReport | ScoreReport;

export const finalTrainingReportSchema = z.strictObject({
  kind: z.literal("finalTraining"),
  leaseId: z.string(),
  testAccuracy: z.number().min(0).max(100),
  testLoss: z.number(),
  trainLoss: z.number(),
  parameters: z.int(),
  macs: z.number(),
  steps: z.int(),
  /** Smaller than the recipe's where memory ran out. */
  batchSize: z.int().optional(),
  seconds: z.number(),
  /** Of the training so far, evenly spaced: the step, and the loss on the images of the steps around it. */
  curve: z
    .array(z.tuple([z.int(), z.number()]))
    .max(200)
    .optional(),
  /** Uploaded before the report: format to export id. */
  exports: z.record(z.string(), z.string()),
});
export type FinalTrainingReport = z.infer<typeof finalTrainingReportSchema>;

/** Of a final training task with `validation`. */
export const shortTrainingReportSchema = z.strictObject({
  kind: z.literal("shortTraining"),
  leaseId: z.string(),
  validationAccuracy: z.number().min(0).max(100),
  validationLoss: z.number(),
  /** Held-out training images that it was measured on. */
  images: z.int().min(1),
  trainLoss: z.number(),
  steps: z.int().min(1),
  /** Smaller than the recipe's where memory ran out. */
  batchSize: z.int().optional(),
  seconds: z.number().min(0),
});
export type ShortTrainingReport = z.infer<typeof shortTrainingReportSchema>;

/** What is known of a failure that is no accident of the machine. */
export const failureCauseSchema = z.strictObject({
  /**
   * `diverged`: a loss or gradient is no number, and would be again; `out-of-memory`: with a smaller batch, too;
   * `table`: it cannot be read as the specification says.
   */
  kind: z.enum(["diverged", "out-of-memory", "table"]),
  /** Weight step of the stage or training. */
  step: z.int().min(0),
  /** The architecture of a final training. */
  hash: z.string().optional(),
  /** The path of a search's step: by cell kind and edge, the operation; absent for a mixture. */
  selection: selectionSchema.optional(),
});
export type FailureCause = z.infer<typeof failureCauseSchema>;

/** Room for every place where a table is wrong. */
export const longestMessage = 8000;

export const failureReportSchema = z.strictObject({
  kind: z.literal("failure"),
  leaseId: z.string(),
  message: z.string().max(longestMessage),
  cause: failureCauseSchema.optional(),
});
export type FailureReport = z.infer<typeof failureReportSchema>;

export const reportSchema = z.discriminatedUnion("kind", [
  trainRoundReportSchema,
  tabularReportSchema,
  scoreReportSchema,
  finalTrainingReportSchema,
  shortTrainingReportSchema,
  failureReportSchema,
]);
export type Report = z.infer<typeof reportSchema>;

export const reportResponseSchema = z.object({
  accepted: z.boolean(),
  /** The next task under the same runner's lease, or null when there is none now. */
  next: leasedTaskSchema.nullable(),
});

/** Something that the people behind a search should know; the edge files it as an event. */
export const noticeSchema = z.strictObject({
  type: z.enum(["exactness.lost", "round.differs", "checkpoint.damaged", "memory.exhausted"]),
  data: z.record(
    z.string(),
    z.union([z.string().max(1000), z.number(), z.null(), z.array(z.string()).max(64)]),
  ),
});
export type Notice = z.infer<typeof noticeSchema>;

export const heartbeatRequestSchema = z.strictObject({
  leaseId: z.string(),
  /** For people: what is being done and how far, e.g. steps of a final training. */
  progress: z
    .strictObject({ done: z.number(), total: z.number(), trainLoss: z.number().nullable() })
    .optional(),
  notices: z.array(noticeSchema).max(16).optional(),
});
/** `stop`: finish nothing more, checkpoint and release (paused, cancelled, deleted). */
export const heartbeatResponseSchema = z.object({ leaseExpiresAt: z.string(), stop: z.boolean() });

export const releaseRequestSchema = z.strictObject({ leaseId: z.string() });

/** Blobs (checkpoints and exports) go as: create, PUT parts/{n}, complete with SHA-256. */
export const partBytes = 16 * 1024 * 1024;
export const blobCreateSchema = z.strictObject({
  leaseId: z.string(),
  purpose: z.enum(["checkpoint", "export"]),
  searchId: z.string(),
  /** Checkpoint: the last round it contains, or the step of a final training. */
  round: z.int().optional(),
  trainingId: z.string().optional(),
  /** Export: its format; the file name clients see. */
  format: z.enum(exportFormatNames).optional(),
  fileName: z.string().max(200),
  bytes: z
    .int()
    .min(0)
    .max(4 * 1024 ** 3),
});
export const blobCreatedSchema = z.object({ blobId: z.string(), partBytes: z.int() });
export const blobCompleteSchema = z.strictObject({
  leaseId: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** Latest checkpoint of a search or training, newest first. */
export const checkpointSchema = z.object({
  blobId: z.string(),
  round: z.int(),
  bytes: z.int(),
  sha256: z.string(),
  createdAt: z.string(),
});
export const checkpointsResponseSchema = z.object({ data: z.array(checkpointSchema) });

/** Rounds already reported, for a runner that resumes: their tasks and the digests they must reach. */
export const replaySchema = z.object({
  data: z.array(z.object({ round: z.int(), task: trainRoundSchema, digest: z.string() })),
  nextRound: z.int().nullable(),
});
