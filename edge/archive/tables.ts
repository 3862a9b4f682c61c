/** What of the database an archive of a search holds, and what its rows must be to be taken in elsewhere. */

import { getTableColumns } from "drizzle-orm";
import type { SQLiteColumn, SQLiteTable } from "drizzle-orm/sqlite-core";
import { z } from "zod";
import { architectures, evidences } from "../../schema/architectures.ts";
import { blobs } from "../../schema/blobs.ts";
import { events } from "../../schema/events.ts";
import { rounds } from "../../schema/rounds.ts";
import { finishedStates, type SearchState, searchStates } from "../../schema/searches.ts";
import { trainingPurposes, trainingStates, trainings } from "../../schema/trainings.ts";
import { exportFormatNames } from "../../shared/exportFormats.ts";
import { predictorSchema } from "../../shared/predictor.ts";
import {
  choicesSchema,
  finalTrainingReportSchema,
  scoreTaskSchema,
  selectionSchema,
  shortTrainingReportSchema,
  tabularReportSchema,
  tabularTaskSchema,
  trainedRoundSchema,
  trainRoundSchema,
} from "../../shared/protocol.ts";
import { finalTrainingSchema } from "../../shared/specification.ts";
import { stateVersion } from "../controller/state.ts";
import { scoredKept } from "../controller/untrained.ts";
import { upgraded } from "../controller/upgrade.ts";

/** A table of which an archive has the rows of one search, all columns but that of the search. */
export interface ArchivedTable {
  name: string;
  table: SQLiteTable;
  /** Columns that order a search's rows, each once. */
  key: readonly string[];
  /** Columns of what belongs to the deployment. */
  own?: readonly string[];
  schema: z.ZodType<Record<string, unknown>>;
}

export interface ArchivedColumn {
  key: string;
  /** In SQL, quoted. */
  sql: string;
  column: SQLiteColumn;
}

/** Columns of a table that an archive holds. */
export const columnsOf = ({ table, own = [] }: ArchivedTable): ArchivedColumn[] =>
  Object.entries(getTableColumns(table))
    .filter(([key]) => key !== "searchId" && !own.includes(key))
    .map(([key, column]) => ({ key, sql: sqlName(key), column }));

export const sqlName = (key: string): string =>
  `"${key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}"`;

/** What may be archived: nothing changes it while it is read. */
export const archivedStates: readonly SearchState[] = ["paused", ...finishedStates];

const id = z.string().regex(/^[a-z2-7]{16}$/, "is no id");
const hash = z.string().regex(/^[\w.-]{1,100}$/, "is no hash of an architecture");
const time = z.int().min(0);
const values = z.record(z.string(), z.number().nullable());
const message = z.string().max(10_000);
const phase = z.enum(["warmup", "search", "confirm"]);
const pendingTask = z.discriminatedUnion("kind", [trainRoundSchema, tabularTaskSchema, scoreTaskSchema]);
const roundTask = z.discriminatedUnion("kind", [...pendingTask.options, trainedRoundSchema]);

/** Whatever the space; that it is one of the space is checked with the specification. */
const genotype = z.strictObject({
  space: z.string().max(64),
  cells: z.record(
    z.string(),
    z.strictObject({
      nodes: z.array(z.array(z.strictObject({ operation: z.string().max(64), input: z.int().min(0) }))),
      concat: z.array(z.int().min(0)),
    }),
  ),
});

const pruning = z.strictObject({
  kind: z.string(),
  position: z.int(),
  dropped: z.array(z.string()),
  kept: z.array(z.string()),
  probabilities: z.record(z.string(), z.number()),
  reasons: z.record(z.string(), z.enum(["evidence", "schedule"])),
  protected: z.array(z.string()),
  effects: z
    .record(z.string(), z.array(z.strictObject({ low: z.number(), mean: z.number(), high: z.number() })))
    .nullable(),
});

const measured = { hash, selection: selectionSchema, values, feasible: z.boolean(), version: z.int() };

/** One of an older version becomes one of this; what is none stays, and is refused. */
function asOfNow(state: unknown): unknown {
  const versioned = z.looseObject({ version: z.int() }).safeParse(state);
  if (!versioned.success) return state;
  try {
    return upgraded(versioned.data);
  } catch {
    return state;
  }
}

const currentState = z.strictObject({
  version: z.literal(stateVersion, "is of a newer version; deploy that one here first"),
  searchId: id,
  seed: z.number(),
  round: z.int().min(0),
  stage: z.int().min(0),
  phase,
  step: z.int().min(0),
  choices: choicesSchema,
  strategy: z.unknown(),
  archive: z.array(z.strictObject({ ...measured, images: z.int(), round: z.int(), confirmed: z.boolean() })),
  task: pendingTask.nullable(),
  evaluations: z.int(),
  searchRounds: z.int(),
  halvedFrom: z.int().optional(),
  bounds: z.record(z.string(), z.tuple([z.number(), z.number()])),
  hypervolume: z.number(),
  announced: z.number(),
  prunings: z.array(pruning.extend({ stage: z.int(), round: z.int() })),
  stageTrainings: z.array(
    z.strictObject({
      stage: z.int(),
      trainedSteps: z.record(z.string(), z.array(z.record(z.string(), z.number()))),
    }),
  ),
  finishing: z.boolean(),
  amendments: z.int(),
  scored: z.array(z.string().max(256)).max(scoredKept).optional(),
  reductions: z.literal("shortcuts").optional(),
  askedOfDevices: z.array(z.string()).optional(),
  predictors: z
    .record(
      z.string(),
      z.strictObject({ predictor: predictorSchema, source: z.enum(["calibration", "search"]) }),
    )
    .optional(),
  measured: z
    .record(z.string(), z.strictObject({ code: z.string(), values: z.record(z.string(), z.number()) }))
    .optional(),
  halving: z
    .strictObject({
      changes: z.int().min(0),
      candidates: z.array(
        z.strictObject({
          hash,
          code: z.string().max(256),
          rung: z.int().min(0),
          state: z.enum(["open", "trained", "failed"]),
          accuracies: z.array(z.number()),
          images: z.int(),
          steps: z.int(),
          round: z.int(),
        }),
      ),
      isWaiting: z.boolean(),
      isExhausted: z.boolean(),
      observed: z.string(),
    })
    .optional(),
});
const controllerState = z.preprocess(asOfNow, currentState);

const summary = z.strictObject({
  stage: z.int(),
  phase,
  evaluations: z.int(),
  hypervolume: z.number().nullable(),
  frontSize: z.int(),
  bestAccuracy: z.number().nullable(),
  bestTrainedAccuracy: z.number().optional(),
  seconds: z.strictObject({ busy: z.number(), idle: z.number() }),
});

const facts = z.strictObject({
  image: z.strictObject({ height: z.int(), width: z.int(), channels: z.int() }),
  classes: z.int(),
  trainImages: z.int(),
  testImages: z.int(),
  largestClass: z.number().optional(),
});

/** `search.json`. No campaign, no trigger, no lease; the specification is checked as one that is sent. */
export const archivedSearchSchema = z.strictObject({
  id,
  state: z.enum(searchStates).refine((state) => archivedStates.includes(state), "is not paused and not over"),
  searching: z.boolean(),
  specification: z.looseObject({ dataset: z.strictObject({ name: z.string(), facts: facts.optional() }) }),
  failure: message.nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
  gpuHoursTold: z.number(),
  wallClockHoursTold: z.number(),
  /** The pushed data that it is about, which an archive does not hold; null for built-in data. */
  data: z
    .strictObject({ name: z.string(), kind: z.string(), digest: z.string(), names: z.array(z.string()) })
    .nullable(),
  controller: z.strictObject({
    round: z.int().min(0),
    state: controllerState,
    summary,
    busySeconds: z.number().min(0),
  }),
});
export type ArchivedSearch = z.infer<typeof archivedSearchSchema>;

export const architectureRow = z.strictObject({
  stage: z.int().min(0),
  hash,
  genotype,
  selection: selectionSchema,
  values,
  feasible: z.boolean(),
  onFront: z.boolean(),
  round: z.int(),
  images: z.int(),
  version: z.int(),
  evidence: z.enum(evidences),
  sharedWeightsAccuracy: z.number().nullable(),
  trainingSteps: z.int().nullable(),
  testAccuracy: z.number().nullable(),
  predicted: z.array(z.string()).nullable().default(null),
});

export const blobRow = z.strictObject({
  id,
  trainingId: id.nullable(),
  purpose: z.enum(["checkpoint", "export"]),
  round: z.int().nullable(),
  format: z.enum(exportFormatNames).nullable(),
  fileName: z.string().max(200),
  bytes: z
    .int()
    .min(0)
    .max(4 * 1024 ** 3),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "is no SHA-256"),
  createdAt: time,
});
export type ArchivedBlob = z.infer<typeof blobRow>;

/** Reports without the lease under which they were made. */
export const trainingRow = z.strictObject({
  id,
  hash,
  purpose: z.enum(trainingPurposes),
  rung: z.int().min(0).nullable(),
  genotype,
  recipe: finalTrainingSchema,
  state: z.enum(trainingStates),
  report: z
    .discriminatedUnion("kind", [
      finalTrainingReportSchema.omit({ leaseId: true }),
      shortTrainingReportSchema.omit({ leaseId: true }),
    ])
    .nullable(),
  failure: message.nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  finishedAt: time.nullable(),
});
export type ArchivedTraining = z.infer<typeof trainingRow>;

export const roundRow = z.strictObject({
  round: z.int().min(0),
  stage: z.int().min(0),
  phase,
  task: roundTask,
  candidates: z.array(
    z.strictObject({
      ...measured,
      loss: z.number().nullable(),
      reward: z.number().nullable(),
      images: z.int().min(1).optional(),
      failure: z.enum(["diverged"]).optional(),
    }),
  ),
  trainLoss: z.number().nullable(),
  hypervolume: z.number().nullable(),
  pruned: z.array(pruning),
  digest: z.string().max(1000),
  seconds: tabularReportSchema.shape.seconds,
  createdAt: time,
});

const eventRow = z.strictObject({
  sequence: z.int().min(1),
  type: z.string().regex(/^[a-z][A-Za-z.]{0,99}$/, "is no type of event"),
  data: z.record(z.string(), z.unknown()),
  createdAt: time,
});

/** In the order of an archive: what others refer to comes first. */
export const archivedTables = [
  { name: "architectures", table: architectures, key: ["hash", "stage"], schema: architectureRow },
  {
    name: "blobs",
    table: blobs,
    key: ["purpose", "createdAt", "id"],
    // Where its object is, and who stored it.
    own: ["leaseId", "objectKey", "uploadId"],
    schema: blobRow,
  },
  { name: "trainings", table: trainings, key: ["createdAt", "id"], schema: trainingRow },
  { name: "rounds", table: rounds, key: ["round"], schema: roundRow },
  { name: "events", table: events, key: ["sequence"], schema: eventRow },
] as const satisfies readonly ArchivedTable[];
export type ArchivedTableName = (typeof archivedTables)[number]["name"];

/** Name of a file of rows, numbered from 1. */
export const pageName = (table: string, page: number): string =>
  `${table}/${String(page).padStart(6, "0")}.ndjson`;

export const objectName = (blobId: string): string => `objects/${blobId}`;
