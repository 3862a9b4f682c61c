/** Who worked on a search, under which leases, on which rented machines, and what they stored of it. */

import { createRoute, z } from "@hono/zod-openapi";
import { existingSearch } from "../access.ts";
import { failure, idParam, isoTime, json, newApp } from "../app.ts";
import { requires } from "../auth.ts";
import { instancesOf } from "../store/instances.ts";
import { timelineOf } from "../store/timeline.ts";
import { instanceExample, instanceSchema, instanceView } from "./instances.ts";

const mostInstances = 100;

const trainingId = z.string().nullable().describe("null of the rounds of the search");

const timelineSchema = z
  .object({
    runners: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        backend: z.string(),
        threads: z.int(),
        registeredAt: z.string(),
      }),
    ),
    leases: z
      .array(
        z.object({
          trainingId,
          runnerId: z.string(),
          isHeld: z.boolean(),
          expiresAt: z.string().nullable().describe("null once it was given back"),
          attempts: z.int().describe("since the last progress"),
        }),
      )
      .describe("the last one of the search and of each training"),
    instances: z.array(instanceSchema).describe(`newest first, at most ${mostInstances}`),
    checkpoints: z
      .array(
        z.object({
          trainingId,
          round: z.int().describe("the last that it holds, or the step of a training"),
          bytes: z.int(),
          createdAt: z.string(),
        }),
      )
      .describe("those that are kept, oldest first"),
  })
  .openapi("Timeline");

const runnerId = "d2w7xk5m9tq4vb6z";

const read = createRoute({
  method: "get",
  path: "/searches/{id}/timeline",
  tags: ["History"],
  security: [{ token: ["searches:read"] }],
  middleware: requires("searches:read"),
  summary: "Runners, leases, rented machines and checkpoints of a search",
  request: { params: idParam },
  responses: {
    200: json(timelineSchema, "Who worked on it, and where", {
      runners: [
        {
          id: runnerId,
          name: "rented GPU",
          backend: "tensorflow",
          threads: 8,
          registeredAt: "2026-03-02T09:34:10.000Z",
        },
      ],
      leases: [
        {
          trainingId: null,
          runnerId,
          isHeld: true,
          expiresAt: "2026-03-02T09:46:20.000Z",
          attempts: 1,
        },
      ],
      instances: [instanceExample],
      checkpoints: [{ trainingId: null, round: 12, bytes: 3_208_144, createdAt: "2026-03-02T09:44:51.003Z" }],
    }),
    default: failure,
  },
});

export const timeline = newApp().openapi(read, async (c) => {
  const { id } = await existingSearch(c, c.req.valid("param").id);
  const now = Date.now();
  const [{ runners, leases, checkpoints }, instances] = await Promise.all([
    timelineOf(c.env.DB, id),
    instancesOf(c.env.DB, id, mostInstances),
  ]);
  return c.json(
    {
      runners: runners.map(({ createdAt, ...runner }) => ({ ...runner, registeredAt: isoTime(createdAt) })),
      leases: leases.map(({ expiresAt, ...lease }) => ({
        ...lease,
        isHeld: expiresAt > now,
        expiresAt: expiresAt === 0 ? null : isoTime(expiresAt),
      })),
      instances: instances.map((instance) => instanceView(instance, now)),
      checkpoints: checkpoints.map(({ createdAt, ...checkpoint }) => ({
        ...checkpoint,
        createdAt: isoTime(createdAt),
      })),
    },
    200,
  );
});
