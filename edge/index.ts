/** The Worker: HTTP in front of the controller, the database and the bucket, and a look around every minute. */

import { HTTPException } from "hono/http-exception";
import { limitJson, newApp } from "./app.ts";
import { authenticate } from "./auth.ts";
import type { Env } from "./env.ts";
import { Problem, problemResponse } from "./problems.ts";
import { blobs } from "./routes/blobs.ts";
import { campaigns } from "./routes/campaigns.ts";
import { datasets } from "./routes/datasets.ts";
import { docs } from "./routes/docs.ts";
import { history } from "./routes/history.ts";
import { profiles } from "./routes/profiles.ts";
import { results } from "./routes/results.ts";
import { scaled } from "./routes/scaled.ts";
import { searches } from "./routes/searches.ts";
import { tasks } from "./routes/tasks.ts";
import { tokens } from "./routes/tokens.ts";
import { trainings } from "./routes/trainings.ts";
import { webhooks } from "./routes/webhooks.ts";
import { announcing } from "./webhooks/afterwards.ts";
import { realPlatform } from "./webhooks/deliver.ts";
import { sweep } from "./webhooks/sweep.ts";

const partPath = /^\/v1\/(?:blobs\/[^/]+\/parts|datasets\/[^/]+\/shards)\/[^/]+$/;

const app = newApp();

app.onError((error, c) => {
  const instance = c.req.path;
  if (error instanceof Problem) return problemResponse(error, instance);
  if (error instanceof HTTPException && error.status === 400)
    return problemResponse(new Problem("malformed-json"), instance);
  console.error(error);
  return problemResponse(new Problem("internal"), instance);
});
app.notFound((c) => problemResponse(new Problem("not-found"), c.req.path));

app.get("/healthz", (c) => c.json({ status: "ok" }));
app.use("/v1/*", authenticate);
app.use("/v1/*", (c, next) => (partPath.test(c.req.path) ? next() : limitJson(c, next)));
app.use("/v1/*", announcing);
for (const resource of [
  searches,
  campaigns,
  history,
  results,
  scaled,
  trainings,
  profiles,
  datasets,
  tokens,
  tasks,
  blobs,
  webhooks,
])
  app.route("/v1", resource);
app.route("/", docs(app));

export default {
  fetch: app.fetch,
  scheduled: (_controller, env, ctx) => ctx.waitUntil(sweep(env, realPlatform())),
} satisfies ExportedHandler<Env>;
