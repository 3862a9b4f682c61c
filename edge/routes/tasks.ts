/** What runners call: register, lease, heartbeat, report, release, and the rounds to replay after a restart. */

import { createRoute, z } from "@hono/zod-openapi";
import {
  amendedSchema,
  amendmentSchema,
  heartbeatRequestSchema,
  heartbeatResponseSchema,
  leaseRequestSchema,
  leaseResponseSchema,
  protocolVersion,
  registerRequestSchema,
  registerResponseSchema,
  releaseRequestSchema,
  replaySchema,
  reportResponseSchema,
  reportSchema,
} from "../../shared/protocol.ts";
import { body, failure, idParam, isoTime, json, newApp, urlNumber } from "../app.ts";
import { requires } from "../auth.ts";
import { Problem } from "../problems.ts";
import { amendRound, reportFailure, reportRound, reportTraining } from "../report.ts";
import { replayFrom } from "../store/rounds.ts";
import { expiryFrom, freeLease, insertRunner, heartbeat as prolong, shouldStop } from "../store/runners.ts";
import { leaseWork, parseTaskId, resourceOf } from "../work.ts";

const common = {
  tags: ["Runners"],
  security: [{ token: ["runner"] }],
  middleware: requires("runner"),
};
const retryAfterSeconds = 5;
const replayedAtOnce = 20;

const taskParam = z.object({ taskId: z.string().openapi({ param: { name: "taskId", in: "path" } }) });
const done = z.object({ released: z.boolean() });

const register = createRoute({
  method: "post",
  path: "/runners",
  ...common,
  summary: "Register a runner",
  request: { body: body(registerRequestSchema) },
  responses: { 201: json(registerResponseSchema, "The runner's id"), default: failure },
});

const lease = createRoute({
  method: "post",
  path: "/tasks/lease",
  ...common,
  summary: "Lease a task",
  request: { body: body(leaseRequestSchema) },
  responses: {
    200: json(leaseResponseSchema, "A leased task, or null when there is none"),
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
      round: urlNumber
        .int()
        .min(0)
        .openapi({ param: { name: "round", in: "path" } }),
    }),
    body: body(amendmentSchema),
  },
  responses: { 200: json(amendedSchema, "The candidate's new version"), default: failure },
});

const heartbeat = createRoute({
  method: "post",
  path: "/tasks/{taskId}/heartbeat",
  ...common,
  summary: "Prolong a lease and learn whether to stop",
  request: { params: taskParam, body: body(heartbeatRequestSchema) },
  responses: { 200: json(heartbeatResponseSchema, "The lease's new end"), default: failure },
});

const report = createRoute({
  method: "post",
  path: "/tasks/{taskId}/report",
  ...common,
  summary: "Report a task; the answer carries the next one",
  request: { params: taskParam, body: body(reportSchema) },
  responses: { 200: json(reportResponseSchema, "Accepted; the next task"), default: failure },
});

const release = createRoute({
  method: "post",
  path: "/tasks/{taskId}/release",
  ...common,
  summary: "Give a task back",
  request: { params: taskParam, body: body(releaseRequestSchema) },
  responses: { 200: json(done, "Whether the lease was still held"), default: failure },
});

const replay = createRoute({
  method: "get",
  path: "/tasks",
  ...common,
  summary: "Rounds already reported, for a runner that resumes",
  request: { query: z.object({ search: z.string(), fromRound: urlNumber.int().min(0).default(0) }) },
  responses: { 200: json(replaySchema, "Tasks and the digests they must reach"), default: failure },
});

export const tasks = newApp()
  .openapi(register, async (c) => {
    const request = c.req.valid("json");
    if (request.protocolVersion !== protocolVersion)
      throw new Problem(
        "protocol-mismatch",
        `The runner speaks version ${request.protocolVersion}, this deployment version ${protocolVersion}.`,
      );
    const name = c.get("principal")?.instance ?? request.name;
    return c.json({ runnerId: await insertRunner(c.env.DB, name, request.backend) }, 201);
  })
  .openapi(lease, async (c) => {
    const { runnerId, searchId } = c.req.valid("json");
    const bound = c.get("principal");
    const wanted = { runnerId, searchId: bound?.searchId ?? searchId, instance: bound?.instance };
    return c.json({ lease: await leaseWork(c.env.DB, wanted), retryAfterSeconds }, 200);
  })
  .openapi(heartbeat, async (c) => {
    const { leaseId, ...told } = c.req.valid("json");
    const resource = resourceOf(parseTaskId(c.req.valid("param").taskId));
    const now = Date.now();
    if (!(await prolong(c.env.DB, { resource, leaseId }, told, now))) throw new Problem("lease-lost");
    const stop = await shouldStop(c.env.DB, resource);
    return c.json({ leaseExpiresAt: isoTime(expiryFrom(now)), stop }, 200);
  })
  .openapi(amend, async (c) => {
    const { id, round } = c.req.valid("param");
    return c.json({ version: await amendRound(c.env, { searchId: id, round }, c.req.valid("json")) }, 200);
  })
  .openapi(report, async (c) => {
    const key = parseTaskId(c.req.valid("param").taskId);
    const content = c.req.valid("json");
    if (content.kind === "failure") {
      await reportFailure(c.env.DB, key, content);
      return c.json({ accepted: true, next: null }, 200);
    }
    if ((content.kind === "trainRound" || content.kind === "tabular") && key.kind === "round")
      return c.json({ accepted: true, next: await reportRound(c.env, key, content) }, 200);
    if ((content.kind === "finalTraining" || content.kind === "shortTraining") && key.kind === "training")
      return c.json({ accepted: true, next: await reportTraining(c.env, key.trainingId, content) }, 200);
    throw new Problem("validation", `A ${content.kind} report is not for this task.`, [
      { pointer: "/kind", detail: "report the kind of the task" },
    ]);
  })
  .openapi(release, async (c) => {
    const resource = resourceOf(parseTaskId(c.req.valid("param").taskId));
    const { leaseId } = c.req.valid("json");
    const freed = await freeLease(c.env.DB, { resource, leaseId }, false, Date.now());
    return c.json({ released: freed !== null }, 200);
  })
  .openapi(replay, async (c) => {
    const { search, fromRound } = c.req.valid("query");
    const rows = await replayFrom(c.env.DB, search, fromRound, replayedAtOnce);
    const last = rows.at(-1);
    // Rounds on a table leave nothing behind that could be repeated.
    const data = rows.flatMap(({ task, ...row }) => (task.kind === "trainRound" ? [{ ...row, task }] : []));
    return c.json(
      { data, nextRound: rows.length < replayedAtOnce || last === undefined ? null : last.round + 1 },
      200,
    );
  });
