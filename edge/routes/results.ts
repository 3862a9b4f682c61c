/** What a search found: its policy, its front and its architectures. */

import { createRoute, z } from "@hono/zod-openapi";
import { evidences } from "../../schema/architectures.ts";
import { type Genotype, genotypeSchema, printGenotype } from "../../shared/genotype.ts";
import { DARTS_V1, DARTS_V2 } from "../../shared/genotypes.ts";
import { networkSizeOf, spaceOf } from "../../shared/networkCosts.ts";
import { protocolVersion } from "../../shared/protocol.ts";
import { costAt, trainedSize } from "../../shared/scaling.ts";
import { type Specification, strategyNames } from "../../shared/specification.ts";
import { version } from "../../shared/version.ts";
import { readableSearch } from "../access.ts";
import {
  alsoAs,
  failure,
  idParam,
  isoTimeOrNull,
  json,
  lastPage,
  newApp,
  tagged,
  wholeNumber,
} from "../app.ts";
import { policyView } from "../controller/policyView.ts";
import {
  boundsOf,
  frontCsv,
  frontSource,
  preferenceOf,
  projected,
  selectFront,
  standardErrorsOf,
} from "../front.ts";
import { Problem } from "../problems.ts";
import { type Architecture, findArchitecture, frontOf } from "../store/architectures.ts";
import { measuredOnDevices } from "../store/measurements.ts";
import { findController } from "../store/searches.ts";
import { trainingsOf } from "../store/trainings.ts";
import { trainingExample, trainingSchema, trainingView } from "../trainingView.ts";
import { searchExample, searchSchema, searchView } from "./searches.ts";

const common = {
  method: "get" as const,
  middleware: tagged,
  tags: ["Results"],
  security: [{ token: ["searches:read"] }, {}],
};
const values = z.record(z.string(), z.number().nullable());

const effectSchema = z.object({ low: z.number(), mean: z.number(), high: z.number() });

const pruningSchema = z
  .object({
    stage: z.int(),
    round: z.int(),
    kind: z.string(),
    position: z.int(),
    kept: z.array(z.string()),
    dropped: z.array(z.string()),
    probabilities: z.record(z.string(), z.number()),
    reasons: z.record(z.string(), z.enum(["evidence", "schedule"])),
    protected: z.array(z.string()),
    effects: z.record(z.string(), z.array(effectSchema)).nullable(),
  })
  .openapi("Pruning");

const stageTrainingSchema = z
  .object({
    stage: z.int(),
    minimum: z.int(),
    maximum: z.int(),
    trainedSteps: z
      .record(z.string(), z.array(z.record(z.string(), z.int())))
      .describe("by kind of cell, edge and operation, on how many weight steps it was trained"),
  })
  .openapi("StageTraining");

const policySchema = z
  .object({
    strategy: z.enum(strategyNames),
    stage: z.int(),
    round: z.int(),
    phase: z.enum(["warmup", "search", "confirm"]),
    cells: z.record(
      z.string(),
      z.array(
        z.object({
          position: z.int(),
          from: z.int(),
          to: z.int(),
          probabilities: z.record(z.string(), z.number()),
        }),
      ),
    ),
    prunings: z.array(pruningSchema),
    stages: z.array(stageTrainingSchema).describe("finished ones whose runner counted"),
  })
  .openapi("Policy");

const measurementSchema = z.object({
  stage: z.int(),
  round: z.int(),
  images: z.int(),
  values,
  /** By objective id, where the value is a mean over images. */
  standardErrors: z.record(z.string(), z.number()),
  feasible: z.boolean(),
  onFront: z.boolean(),
  evidence: z.enum(evidences),
  sharedWeightsAccuracy: z.number().nullable().describe("once a short training's accuracy took its place"),
  trainingSteps: z.int().nullable().describe("of the short training behind the accuracy"),
  testAccuracy: z.number().nullable().describe("of the final training at the search's own size"),
  predicted: z.array(z.string()).describe("ids of objectives whose values are predictions, not measurements"),
});

export const frontRowSchema = measurementSchema
  .extend({
    hash: z.string(),
    source: z.literal(frontSource).describe("never a network of another size: those are in /scaled"),
    genotype: genotypeSchema,
    text: z.string().describe("the genotype as text"),
    preference: z
      .number()
      .nullable()
      .describe("what the search orders by: the accuracy, less beyond a target; the highest is recommended"),
  })
  .openapi("FrontRow");

const architectureSchema = z
  .object({
    hash: z.string(),
    genotype: genotypeSchema,
    /** As DARTS or NAS-Bench-201 write it; the operations in order in a space of positions. */
    text: z.string(),
    counts: z
      .object({
        parameters: z.number(),
        parametersWithAuxiliary: z.number(),
        macs: z.number(),
        activationBytes: z.number(),
        modelBytes: z.number(),
      })
      .nullable()
      .describe("null in a search on a table, which knows no networks"),
    size: z
      .object({
        skeleton: z.enum(["cells", "nas-bench-201"]),
        stem: z.enum(["cifar", "imagenet"]),
        channels: z.int(),
        layers: z.int(),
        classes: z.int(),
        image: z.object({ height: z.int(), width: z.int(), channels: z.int() }),
      })
      .nullable()
      .describe("of the network that is counted; null in a search on a table"),
    measurements: z.array(measurementSchema),
    devices: z
      .array(
        z.object({
          device: z.string(),
          objective: z.string(),
          round: z.int().nullable().describe("null after the last one"),
          median: z.number(),
          low: z.number(),
          high: z.number(),
          samples: z.int(),
          measuredAt: z.string().nullable(),
        }),
      )
      .describe("medians that devices measured, with their 95 % intervals, the newest first, at most 100"),
    trainings: z.array(trainingSchema),
    reproduce: z
      .object({
        version: z.string().describe("of Nasturtium"),
        protocolVersion: z.int(),
        specification: searchSchema.shape.specification.describe("as it was sent, its seed written out"),
        commands: z.array(z.string()),
      })
      .describe(
        "the same search again: bit by bit the same with the same version, backend, threads and processor, as each training's export describes them",
      ),
  })
  .openapi("Architecture");

const measured: z.infer<typeof measurementSchema> = {
  stage: 1,
  round: 53,
  images: 1000,
  values: { accuracy: 61.4, parameters: 246_106 },
  standardErrors: { accuracy: 1.54 },
  feasible: true,
  onFront: true,
  evidence: "shared-weights",
  sharedWeightsAccuracy: null,
  trainingSteps: null,
  testAccuracy: null,
  predicted: [],
};

/** The published cells of DARTS, as a search might find them. */
export const frontExample: [z.infer<typeof frontRowSchema>, z.infer<typeof frontRowSchema>] = [
  {
    hash: "oe3q4pkdg4k23",
    source: frontSource,
    genotype: DARTS_V2,
    text: printGenotype(DARTS_V2),
    preference: 61.4,
    ...measured,
  },
  {
    hash: "hjq6xowqvtpjj",
    source: frontSource,
    genotype: DARTS_V1,
    text: printGenotype(DARTS_V1),
    preference: 60.1,
    ...measured,
    values: { accuracy: 60.1, parameters: 232_890 },
    standardErrors: { accuracy: 1.55 },
  },
];

const architectureExample: z.infer<typeof architectureSchema> = {
  hash: frontExample[0].hash,
  genotype: DARTS_V2,
  text: frontExample[0].text,
  counts: {
    parameters: 246_106,
    parametersWithAuxiliary: 681_572,
    macs: 43_444_736,
    activationBytes: 17_728_552,
    modelBytes: 984_424,
  },
  size: {
    skeleton: "cells",
    stem: "cifar",
    channels: 16,
    layers: 8,
    classes: 10,
    image: { height: 28, width: 28, channels: 1 },
  },
  measurements: [measured],
  devices: [
    {
      device: "phone-lab",
      objective: "latency",
      round: 53,
      median: 8.21,
      low: 8.14,
      high: 8.3,
      samples: 212,
      measuredAt: "2026-03-02T09:58:40.000Z",
    },
  ],
  trainings: [trainingExample],
  reproduce: {
    version,
    protocolVersion,
    specification: searchExample.specification,
    commands: ["nasturtium search specification.json", "nasturtium train SEARCH oe3q4pkdg4k23"],
  },
};

/** Of the first edge alone. */
const policyExample: z.infer<typeof policySchema> = {
  strategy: "default",
  stage: 0,
  round: 12,
  phase: "search",
  cells: {
    normal: [{ position: 0, from: 0, to: 2, probabilities: { sep_conv_3x3: 0.7, skip_connect: 0.3 } }],
  },
  prunings: [],
  stages: [],
};

const policy = createRoute({
  ...common,
  path: "/searches/{id}/policy",
  summary:
    "Probabilities of the operations on each edge, what was pruned when, and how often each was trained",
  request: { params: idParam },
  responses: { 200: json(policySchema, "The policy", policyExample), default: failure },
});

const frontQuery = z
  .object({
    stage: wholeNumber(0).optional(),
    sort: z.string().optional(),
    limit: wholeNumber(1, 1000).default(1000),
    objectives: z
      .string()
      .optional()
      .describe("ids parted by commas: the front of these alone, such as accuracy and one device's latency"),
    format: z.enum(["json", "csv"]).default("json"),
  })
  .describe("also max_<objective id> and min_<objective id>");

const front = createRoute({
  ...common,
  path: "/searches/{id}/front",
  summary: "Non-dominated architectures; bounds as max_<objective id> and min_<objective id>",
  request: { params: idParam, query: frontQuery },
  responses: {
    200: alsoAs(
      "text/csv",
      json(
        z.object({ data: z.array(frontRowSchema), nextCursor: z.null() }),
        "The front, or CSV",
        lastPage(...frontExample),
      ),
    ),
    default: failure,
  },
});

const architecture = createRoute({
  ...common,
  path: "/searches/{id}/architectures/{hash}",
  summary: "An architecture: genotype, counts, measurements also of each device, trainings",
  request: {
    params: idParam.extend({ hash: z.string().openapi({ param: { name: "hash", in: "path" } }) }),
  },
  responses: { 200: json(architectureSchema, "The architecture", architectureExample), default: failure },
});

function countsOf(
  genotype: Genotype,
  specification: Specification,
): z.infer<typeof architectureSchema>["counts"] {
  if (specification.evaluation.kind === "tabular") return null;
  const own = trainedSize(specification);
  const { parameters, macs, activationBytes, modelBytes, parametersWithAuxiliary } = costAt(
    genotype,
    specification,
    own,
    { auxiliary: true },
  );
  return { parameters, parametersWithAuxiliary, macs, activationBytes, modelBytes };
}

function sizeOf(specification: Specification): z.infer<typeof architectureSchema>["size"] {
  const { skeleton } = spaceOf(specification);
  if (specification.evaluation.kind === "tabular" || skeleton === "positions") return null;
  const { stem = "cifar", channels, layers, classes, image } = networkSizeOf(specification);
  return { skeleton, stem, channels, layers, classes, image };
}

const measurementView = ({
  stage,
  round,
  images,
  values: measured,
  feasible,
  onFront,
  evidence,
  sharedWeightsAccuracy,
  trainingSteps,
  testAccuracy,
  predicted,
}: Architecture) => ({
  stage,
  round,
  images,
  values: measured,
  standardErrors: standardErrorsOf(measured, images),
  feasible,
  onFront,
  evidence,
  sharedWeightsAccuracy,
  trainingSteps,
  testAccuracy,
  predicted: predicted ?? [],
});

/** @param preference of the row, as its search has it */
export const frontRowView = (row: Architecture, preference: number | null) => ({
  hash: row.hash,
  source: frontSource,
  genotype: row.genotype,
  text: printGenotype(row.genotype),
  preference,
  ...measurementView(row),
});

export const results = newApp()
  .openapi(policy, async (c) => {
    const search = await readableSearch(c, c.req.valid("param").id);
    const state = await findController(c.env.DB, search.id);
    if (state === null) throw new Problem("not-found");
    const view = policyView(state, search.specification);
    return c.json(view, 200);
  })
  .openapi(front, async (c) => {
    const { stage, sort, limit, format, objectives: asked } = c.req.valid("query");
    const { id, specification } = await readableSearch(c, c.req.valid("param").id);
    const { objectives } = specification;
    const bounds = boundsOf(c.req.query(), objectives);
    const front = projected(await frontOf(c.env.DB, id, stage), objectives, asked);
    const rows = selectFront(front, objectives, { sort, limit, bounds });
    if (format === "csv") {
      c.header("content-type", "text/csv; charset=utf-8");
      return c.body(frontCsv(rows, objectives, specification.evaluation.kind === "tabular")) as never;
    }
    const preference = preferenceOf(specification);
    const data = rows.map((row) => frontRowView(row, preference(row)));
    return c.json({ data, nextCursor: null }, 200);
  })
  .openapi(architecture, async (c) => {
    const { id, hash } = c.req.valid("param");
    const search = await readableSearch(c, id);
    const rows = await findArchitecture(c.env.DB, id, hash);
    const [newest] = rows;
    if (newest === undefined)
      throw new Problem("not-found", `The archive of this search holds no architecture "${hash}".`);
    const [trainings, onDevices] = await Promise.all([
      trainingsOf(c.env.DB, id, hash),
      measuredOnDevices(c.env.DB, id, hash),
    ]);
    return c.json(
      {
        hash,
        genotype: newest.genotype,
        text: printGenotype(newest.genotype),
        counts: countsOf(newest.genotype, search.specification),
        size: sizeOf(search.specification),
        measurements: rows.map(measurementView),
        devices: onDevices.map(({ measuredAt, ...row }) => ({
          ...row,
          measuredAt: isoTimeOrNull(measuredAt),
        })),
        trainings: trainings.map((training) => trainingView({ ...training, progress: null })),
        reproduce: {
          version,
          protocolVersion,
          specification: searchView(search).specification,
          commands: [
            "nasturtium search specification.json",
            ...(search.specification.evaluation.kind === "tabular"
              ? []
              : [`nasturtium train SEARCH ${hash}`]),
          ],
        },
      },
      200,
    );
  });
