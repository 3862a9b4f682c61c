/** Pre-flight: what a specification's space holds, before anything is spent. */

import { createRoute, z } from "@hono/zod-openapi";
import { type Cost, costClasses } from "../../shared/objectives.ts";
import { profile } from "../../shared/profile.ts";
import { failure, json, newApp } from "../app.ts";
import { requires } from "../auth.ts";
import { calibratedFor, measuredFor } from "../measuring/calibrate.ts";
import { objectiveFacts } from "../measuring/devices.ts";
import { predictedRange } from "../measuring/ranges.ts";
import { rangeSchema } from "./devices.ts";
import { readSpecification, specificationBody } from "./searches.ts";

const costs = [...(Object.keys(costClasses) as Cost[]), "table"] as const;

const profileSchema = z
  .object({
    objectives: z
      .record(z.string(), z.object({ unit: z.string().nullable(), cost: z.enum(costs) }))
      .describe("of each objective of the specification its unit and what a value costs"),
    ranges: z.record(z.string(), rangeSchema),
    architectures: z.number(),
    steps: z.int(),
    rounds: z.int(),
    evaluations: z.int(),
    tuningSteps: z
      .int()
      .describe("weight steps of architectures by themselves before they are confirmed, at most"),
    reranking: z
      .object({ trainings: z.int(), steps: z.int() })
      .describe("short trainings that order the archive, and their weight steps, at most"),
    estimate: z
      .object({
        gpuHours: z.object({ search: z.number(), reranking: z.number(), finalTraining: z.number() }),
        usd: z.number().nullable().describe("at rental.maxUsdPerHour; null without `rental`"),
      })
      .nullable()
      .describe("on a rented GPU, within a factor of two or so; null for a search on a table"),
  })
  .openapi("Profile");

const example: z.infer<typeof profileSchema> = {
  objectives: {
    accuracy: { unit: "percent", cost: "evaluation" },
    parameters: { unit: "count", cost: "cheap" },
  },
  ranges: {
    parameters: { minimum: 100_730, median: 335_226, maximum: 787_066 },
    macs: { minimum: 20_466_176, median: 54_999_552, maximum: 127_928_832 },
  },
  architectures: 1.93e25,
  steps: 540,
  rounds: 54,
  evaluations: 320,
  tuningSteps: 0,
  reranking: { trainings: 0, steps: 0 },
  estimate: { gpuHours: { search: 0.4, reranking: 0, finalTraining: 2.2 }, usd: 1.56 },
};

const create = createRoute({
  method: "post",
  path: "/profiles",
  tags: ["Searches"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary:
    "Ranges of the cheap objectives and of calibrated devices, and the length of a search, before it is started",
  request: { body: specificationBody },
  responses: { 200: json(profileSchema, "The profile", example), default: failure },
});

export const profiles = newApp().openapi(create, async (c) => {
  const { specification } = await readSpecification(c);
  const told = profile(specification);
  const calibrated = Object.entries(await calibratedFor(c.env.DB, specification)).map(
    ([id, predictor]) => [id, predictedRange(specification.space, predictor)] as const,
  );
  const objectives = await objectiveFacts(c.env.DB, specification);
  const measured = await measuredFor(c.env.DB, specification);
  const ranges = { ...told.ranges, ...Object.fromEntries(calibrated), ...measured };
  return c.json({ ...told, objectives, ranges }, 200);
});
