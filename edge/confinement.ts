/**
 * What a token may do that is bound to one search: the work of that search. Whatever is not in the table is refused,
 * so that a route nobody thought of is closed.
 */

import { z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { endpointOf } from "./app.ts";
import type { AppEnv } from "./env.ts";
import { Problem } from "./problems.ts";
import { findBlob } from "./store/blobs.ts";
import { findTraining } from "./store/trainings.ts";
import { parseTaskId } from "./work.ts";

/** The search that a request is about: undefined for none in particular, null for one that does not exist. */
type SearchOf = (c: Context<AppEnv>) => string | null | undefined | Promise<string | null | undefined>;

const idInPath = (c: Context<AppEnv>): string => c.req.path.split("/")[3] ?? "";

const searchInBody = z.object({ searchId: z.string() });

const ofBody: SearchOf = async (c) => {
  const body: unknown = await c.req.json().catch(() => undefined);
  return searchInBody.safeParse(body).data?.searchId;
};

const ofTask: SearchOf = async (c) => {
  const key = parseTaskId(idInPath(c));
  if (key.kind === "round") return key.searchId;
  // Devices are bound to no search.
  if (key.kind === "measurement") return null;
  return (await findTraining(c.env.DB, key.trainingId))?.searchId ?? null;
};

const ofBlob: SearchOf = async (c) => (await findBlob(c.env.DB, idInPath(c)))?.searchId ?? null;

const searchOf: Record<string, SearchOf> = {
  "POST /v1/runners": () => undefined,
  "POST /v1/runners/failure": () => undefined,
  "POST /v1/tasks/lease": ofBody,
  "POST /v1/tasks/:taskId/heartbeat": ofTask,
  "POST /v1/tasks/:taskId/report": ofTask,
  "POST /v1/tasks/:taskId/release": ofTask,
  "GET /v1/tasks/:taskId/dataset": ofTask,
  "GET /v1/tasks/:taskId/dataset/shards/:shard": ofTask,
  "GET /v1/tasks": (c) => c.req.query("search"),
  "POST /v1/blobs": ofBody,
  "PUT /v1/blobs/:id/parts/:part": ofBlob,
  "POST /v1/blobs/:id/complete": ofBlob,
  "GET /v1/blobs/:id": ofBlob,
  "GET /v1/searches/:id/checkpoints": idInPath,
  "POST /v1/searches/:id/rounds/:round/measurements": idInPath,
};

/** Refuses a bound token everything but its own search. */
export const confine: MiddlewareHandler<AppEnv> = async (c, next) => {
  const bound = c.get("principal")?.searchId ?? null;
  const endpoint = endpointOf(c);
  if (bound === null || endpoint === undefined) return next();
  const locate = searchOf[endpoint];
  const asked = locate === undefined ? null : await locate(c);
  if (asked !== undefined && asked !== bound)
    throw new Problem(
      "forbidden",
      `This token is bound to the search "${bound}": it runs its tasks, nothing else.`,
    );
  await next();
};
