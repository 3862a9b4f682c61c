/** Pre-flight: what a specification's space holds, before anything is spent. */

import { createRoute, z } from "@hono/zod-openapi";
import { profile } from "../../shared/profile.ts";
import { failure, json, newApp } from "../app.ts";
import { requires } from "../auth.ts";
import { readSpecification, specificationBody } from "./searches.ts";

const profileSchema = z
  .object({
    ranges: z.record(z.string(), z.object({ minimum: z.number(), median: z.number(), maximum: z.number() })),
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
  })
  .openapi("Profile");

const create = createRoute({
  method: "post",
  path: "/profiles",
  tags: ["Searches"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "Ranges of the cheap objectives and the length of a search, before it is started",
  request: { body: specificationBody },
  responses: { 200: json(profileSchema, "The profile"), default: failure },
});

export const profiles = newApp().openapi(create, async (c) =>
  c.json(profile((await readSpecification(c)).specification), 200),
);
