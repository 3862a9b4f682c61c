/** What runners call: register, lease, heartbeat, report, release, and the rounds to replay after a restart. */

import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { measureReportedSchema, measureReportSchema } from "../../shared/measuring.ts";
import {
  amendedSchema,
  amendmentSchema,
  heartbeatRequestSchema,
  heartbeatResponseSchema,
  heartbeatSeconds,
  type LeasedTask,
  leaseRequestSchema,
  leaseResponseSchema,
  leaseSeconds,
  protocolVersion,
  type RoundReport,
  registerRequestSchema,
  registerResponseSchema,
  releaseRequestSchema,
  replaySchema,
  reportResponseSchema,
  reportSchema,
  scoringProtocolVersion,
  type TrainRoundTask,
} from "../../shared/protocol.ts";
import { body, failure, finishLater, idParam, isoTime, json, newApp, wholeNumber } from "../app.ts";
import { assertScope, requires } from "../auth.ts";
import type { AppEnv } from "../env.ts";
import { askEndpoints } from "../measuring/endpoint.ts";
import { leaseMeasurement, reportMeasured } from "../measuring/report.ts";
import { Problem } from "../problems.ts";
import { assertUnderstood, spoken, understood } from "../protocol.ts";
import { amendRound, reportFailure, reportRound, reportTraining, withoutScores } from "../report.ts";
import { sawInstance } from "../store/instances.ts";
import { replayFrom } from "../store/rounds.ts";
import { expiryFrom, insertRunner, heartbeat as prolong, shouldStop } from "../store/runners.ts";
import { realPlatform } from "../webhooks/deliver.ts";
import { giveBack, leaseWork, parseTaskId, resourceOf, type TaskKey } from "../work.ts";

const anyReportSchema = z.discriminatedUnion("kind", [...reportSchema.options, measureReportSchema]);
const anyReportResponseSchema = z.union([reportResponseSchema, measureReportedSchema]);

const common = {
  tags: ["Runners"],
  security: [{ token: ["runner"] }],
  middleware: [requires("runner"), understood],
};
/** Of runners and of devices, by the kind of their task. */
const ofBoth = {
  ...common,
  security: [{ token: ["runner"] }, { token: ["device"] }],
  middleware: [requires("runner", "device"), understood],
};
const retryAfterSeconds = 5;
const replayedAtOnce = 20;

const taskParam = z.object({ taskId: z.string().openapi({ param: { name: "taskId", in: "path" } }) });
const done = z.object({ released: z.boolean() });

const runnerId = "d2w7xk5m9tq4vb6z";
const digest = "9e3779b97f4a7c15";
const operations = ["sep_conv_3x3", "skip_connect"];

/** In a space of one node. */
const taskExample: TrainRoundTask = {
  kind: "trainRound",
  taskId: "k3v7m2q9x4t8w6zb-r12",
  searchId: "k3v7m2q9x4t8w6zb",
  round: 12,
  stage: {
    index: 0,
    seed: 660_344_655_861_466,
    dataset: "cifar10",
    space: { nodes: 1, normal: operations, reduction: operations },
    choices: { normal: [operations, operations], reduction: [operations, operations] },
    stem: "cifar",
    channels: 8,
    layers: 5,
    batchSize: 64,
    validationFraction: 0.5,
    totalSteps: 270,
    learningRate: 0.04,
    momentum: 0.9,
    weightDecay: 0.0003,
    clipNorm: 5,
  },
  firstStep: 120,
  steps: 10,
  paths: "fair",
  pathSeed: 481_516_234,
  logits: {
    normal: [
      [0.2, -0.2],
      [0, 0],
    ],
    reduction: [
      [0, 0],
      [0.1, -0.1],
    ],
  },
  skipDropout: 0,
  candidates: [{ selection: { normal: ["sep_conv_3x3", "skip_connect"], reduction: operations } }],
  evaluation: { images: 256, offset: 0 },
};
const leaseExample: LeasedTask = {
  leaseId: "cazeqpy7dbnbjhx7",
  leaseSeconds,
  heartbeatSeconds,
  leaseExpiresAt: "2026-03-02T09:46:20.000Z",
  task: taskExample,
};

const register = createRoute({
  method: "post",
  path: "/runners",
  ...common,
  summary: "Register a runner",
  request: {
    body: body(registerRequestSchema, {
      protocolVersion,
      name: "rented GPU",
      backend: { name: "tensorflow", versions: { tfjs: "4.22.0" }, threads: 8 },
    }),
  },
  responses: { 201: json(registerResponseSchema, "The runner's id", { runnerId }), default: failure },
});

const lease = createRoute({
  method: "post",
  path: "/tasks/lease",
  ...common,
  summary: "Lease a task",
  request: { body: body(leaseRequestSchema, { runnerId }) },
  responses: {
    200: json(leaseResponseSchema, "A leased task, or null when there is none", {
      lease: leaseExample,
      retryAfterSeconds,
    }),
    default: failure,
  },
});

const amend = createRoute({
  method: "post",
  path: "/searches/{id}/rounds/{round}/measurements",
  ...common,
  summary: "Add a measurement that comes after its round",
  request: {
    params: idParam.extend({
      round: wholeNumber(0).openapi({ param: { name: "round", in: "path" } }),
    }),
    body: body(amendmentSchema, { candidate: 0, values: { latency: 4.2 } }),
  },
  responses: { 200: json(amendedSchema, "The candidate's new version", { version: 2 }), default: failure },
});

const heartbeat = createRoute({
  method: "post",
  path: "/tasks/{taskId}/heartbeat",
  ...ofBoth,
  summary: "Prolong a lease and learn whether to stop",
  request: {
    params: taskParam,
    body: body(heartbeatRequestSchema, {
      leaseId: leaseExample.leaseId,
      progress: { done: 400, total: 2000, trainLoss: 1.1 },
    }),
  },
  responses: {
    200: json(heartbeatResponseSchema, "The lease's new end", {
      leaseExpiresAt: leaseExample.leaseExpiresAt,
      stop: false,
    }),
    default: failure,
  },
});

const report = createRoute({
  method: "post",
  path: "/tasks/{taskId}/report",
  ...ofBoth,
  summary: "Report a task; the answer carries the next one",
  request: {
    params: taskParam,
    body: body(anyReportSchema, {
      kind: "trainRound",
      leaseId: leaseExample.leaseId,
      measurements: [{ candidate: 0, values: { accuracy: 58.2 }, images: 256, loss: 1.21 }],
      trainLoss: 1.62,
      digest,
      seconds: { train: 4.1, evaluate: 2.7, idle: 0.1 },
    }),
  },
  responses: {
    200: json(anyReportResponseSchema, "Accepted; the next task", { accepted: true, next: leaseExample }),
    default: failure,
  },
});

const release = createRoute({
  method: "post",
  path: "/tasks/{taskId}/release",
  ...ofBoth,
  // Whatever it speaks, a runner may give back what it holds.
  middleware: requires("runner", "device"),
  summary: "Give a task back",
  request: { params: taskParam, body: body(releaseRequestSchema, { leaseId: leaseExample.leaseId }) },
  responses: { 200: json(done, "Whether the lease was still held", { released: true }), default: failure },
});

const replay = createRoute({
  method: "get",
  path: "/tasks",
  ...common,
  summary: "Rounds already reported, for a runner that resumes",
  request: { query: z.object({ search: z.string(), fromRound: wholeNumber(0).default(0) }) },
  responses: {
    200: json(replaySchema, "Tasks and the digests they must reach", {
      data: [{ round: taskExample.round, task: taskExample, digest }],
      nextRound: null,
    }),
    default: failure,
  },
});

/** A task of the kind that the token is for. Throws `forbidden`. */
function ownTask(c: Context<AppEnv>, taskId: string): TaskKey {
  const key = parseTaskId(taskId);
  assertScope(c.get("principal"), key.kind === "measurement" ? "device" : "runner");
  return key;
}

const roundKinds: readonly string[] = ["trainRound", "tabular", "score"] satisfies RoundReport["kind"][];

const isOfRound = (report: { kind: string }): report is RoundReport => roundKinds.includes(report.kind);

export const tasks = newApp()
  .openapi(register, async (c) => {
    const request = c.req.valid("json");
    assertUnderstood(request.protocolVersion);
    const instance = c.get("principal")?.instance ?? null;
    if (instance !== null) await sawInstance(c.env.DB, instance, Date.now(), true);
    const name = instance ?? request.name;
    return c.json({ runnerId: await insertRunner(c.env.DB, name, request.backend) }, 201);
  })
  .openapi(lease, async (c) => {
    const { runnerId, searchId } = c.req.valid("json");
    const bound = c.get("principal");
    if (bound?.instance != null)
      await finishLater(c, sawInstance(c.env.DB, bound.instance, Date.now(), false));
    const wanted = { runnerId, searchId: bound?.searchId ?? searchId, instance: bound?.instance };
    const found = await leaseWork(c.env.DB, wanted);
    const isBeyond = found?.task.kind === "score" && spoken(c) < scoringProtocolVersion;
    const lease = isBeyond ? await withoutScores(c.env, found) : found;
    return c.json({ lease, retryAfterSeconds }, 200);
  })
  .openapi(heartbeat, async (c) => {
    const { leaseId, ...told } = c.req.valid("json");
    const resource = resourceOf(ownTask(c, c.req.valid("param").taskId));
    const now = Date.now();
    if (!(await prolong(c.env.DB, { resource, leaseId }, told, now))) throw new Problem("lease-lost");
    const stop = await shouldStop(c.env.DB, resource);
    const { instance = null } = c.get("principal") ?? {};
    if (instance !== null) await finishLater(c, sawInstance(c.env.DB, instance, now, false));
    return c.json({ leaseExpiresAt: isoTime(expiryFrom(now)), stop }, 200);
  })
  .openapi(amend, async (c) => {
    const { id, round } = c.req.valid("param");
    return c.json({ version: await amendRound(c.env, { searchId: id, round }, c.req.valid("json")) }, 200);
  })
  .openapi(report, async (c) => {
    const key = ownTask(c, c.req.valid("param").taskId);
    const content = c.req.valid("json");
    if (content.kind === "measure" && key.kind === "measurement") {
      const device = await reportMeasured(c.env, key.measurementId, content);
      return c.json({ accepted: true, next: await leaseMeasurement(c.env, device) }, 200);
    }
    if (content.kind === "failure" && key.kind !== "measurement") {
      await reportFailure(c.env.DB, key, content);
      return c.json({ accepted: true, next: null }, 200);
    }
    if (isOfRound(content) && key.kind === "round") {
      let measures = false;
      const onMeasurements = () => {
        measures = true;
      };
      const next = await reportRound(c.env, key, content, { onMeasurements });
      if (measures) await finishLater(c, askEndpoints(c.env, realPlatform()));
      return c.json({ accepted: true, next }, 200);
    }
    if ((content.kind === "finalTraining" || content.kind === "shortTraining") && key.kind === "training")
      return c.json({ accepted: true, next: await reportTraining(c.env, key.trainingId, content) }, 200);
    throw new Problem("validation", `A ${content.kind} report is not for this task.`, [
      { pointer: "/kind", detail: "report the kind of the task" },
    ]);
  })
  .openapi(release, async (c) => {
    const key = ownTask(c, c.req.valid("param").taskId);
    const { leaseId } = c.req.valid("json");
    const freed = await giveBack(c.env.DB, key, leaseId, Date.now());
    return c.json({ released: freed !== null }, 200);
  })
  .openapi(replay, async (c) => {
    const { search, fromRound } = c.req.valid("query");
    const rows = await replayFrom(c.env.DB, search, fromRound, replayedAtOnce);
    const last = rows.at(-1);
    // Rounds that only look up or score leave nothing behind that could be repeated.
    const data = rows.flatMap(({ task, ...row }) => (task.kind === "trainRound" ? [{ ...row, task }] : []));
    return c.json(
      { data, nextRound: rows.length < replayedAtOnce || last === undefined ? null : last.round + 1 },
      200,
    );
  });
