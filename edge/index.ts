/** The Worker: HTTP in front of the controller, the database and the bucket, and a look around every minute. */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { api } from "./api.ts";
import { limitDelivery, limitJson, newApp } from "./app.ts";
import { recordChanges } from "./audit.ts";
import { admit, authenticate } from "./auth.ts";
import { confine } from "./confinement.ts";
import { NewerState } from "./controller/upgrade.ts";
import type { AppEnv, Env } from "./env.ts";
import { metered, noUsage, timingOf } from "./metering.ts";
import { crossOrigin, unanswered } from "./methods.ts";
import { metrics } from "./metrics.ts";
import { Problem, problemResponse } from "./problems.ts";
import { limitRate } from "./rateLimit.ts";
import { renting } from "./rentals/afterwards.ts";
import { identifyRequest } from "./requestId.ts";
import { docs } from "./routes/docs.ts";
import { announcing } from "./webhooks/afterwards.ts";
import { realPlatform } from "./webhooks/deliver.ts";
import { sweep } from "./webhooks/sweep.ts";

const partPath = /^\/v1\/(?:(?:blobs|imports)\/[^/]+\/parts|datasets\/[^/]+\/shards)\/[^/]+$/;
const deliveryPath = /^\/v1\/triggers\/[^/]+$/;

const app = newApp();

const answer = (c: Context<AppEnv>, problem: Problem): Response =>
  problemResponse(problem, { instance: c.req.path, requestId: c.get("requestId") });

app.onError((error, c) => {
  if (error instanceof Problem) return answer(c, error);
  if (error instanceof NewerState) return answer(c, new Problem("newer-state", error.message));
  if (error instanceof HTTPException && error.status === 400) return answer(c, new Problem("malformed-json"));
  if (error instanceof HTTPException && error.status === 415)
    return answer(c, new Problem("unsupported-media-type"));
  console.error(`request ${c.get("requestId")}:`, error);
  return answer(c, new Problem("internal"));
});
app.notFound((c) => answer(c, unanswered(app, c.req)));

app.use(identifyRequest);
app.use(crossOrigin(app));
app.get("/healthz", (c) => c.json({ status: "ok" }));
app.use("/v1/*", recordChanges, authenticate, limitRate, admit);
app.use("/v1/*", (c, next) => {
  if (partPath.test(c.req.path)) return next();
  const isDelivery = c.req.method === "POST" && deliveryPath.test(c.req.path);
  return (isDelivery ? limitDelivery : limitJson)(c, next);
});
app.use("/v1/*", confine);
app.use("/v1/*", announcing, renting);
app.route("/", api);
app.use("/metrics", authenticate, limitRate, admit);
app.route("/", metrics);
app.route("/", docs(app));

export default {
  /** The app, which says what each request costs the database where that is asked for. */
  async fetch(request: Request, env: Env, context?: ExecutionContext): Promise<Response> {
    if (!env.NASTURTIUM_SERVER_TIMING) return app.fetch(request, env, context);
    const usage = noUsage();
    const answer = await app.fetch(request, { ...env, DB: metered(env.DB, usage) }, context);
    const response = new Response(answer.body, answer);
    response.headers.set("server-timing", timingOf(usage));
    return response;
  },
  scheduled(_controller: ScheduledController, env: Env, context: ExecutionContext): void {
    context.waitUntil(sweep(env, realPlatform()));
  },
};
