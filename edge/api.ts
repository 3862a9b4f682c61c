/** Every resource under /v1, in one type that the client is made of. */

import { newApp } from "./app.ts";
import { alerts } from "./routes/alerts.ts";
import { archives } from "./routes/archives.ts";
import { audit } from "./routes/audit.ts";
import { blobs } from "./routes/blobs.ts";
import { budgets } from "./routes/budgets.ts";
import { campaigns } from "./routes/campaigns.ts";
import { datasets } from "./routes/datasets.ts";
import { devices } from "./routes/devices.ts";
import { fronts } from "./routes/fronts.ts";
import { history } from "./routes/history.ts";
import { instances } from "./routes/instances.ts";
import { me } from "./routes/me.ts";
import { models } from "./routes/models.ts";
import { profiles } from "./routes/profiles.ts";
import { providers } from "./routes/providers.ts";
import { results } from "./routes/results.ts";
import { scaled } from "./routes/scaled.ts";
import { searches } from "./routes/searches.ts";
import { seriesRoutes } from "./routes/series.ts";
import { tasks } from "./routes/tasks.ts";
import { templates } from "./routes/templates.ts";
import { timeline } from "./routes/timeline.ts";
import { tokens } from "./routes/tokens.ts";
import { trainings } from "./routes/trainings.ts";
import { triggers } from "./routes/triggers.ts";
import { webhooks } from "./routes/webhooks.ts";

export const api = newApp()
  .route("/v1", searches)
  .route("/v1", archives)
  .route("/v1", campaigns)
  .route("/v1", fronts)
  .route("/v1", history)
  .route("/v1", seriesRoutes)
  .route("/v1", timeline)
  .route("/v1", results)
  .route("/v1", scaled)
  .route("/v1", trainings)
  .route("/v1", profiles)
  .route("/v1", templates)
  .route("/v1", triggers)
  .route("/v1", datasets)
  .route("/v1", devices)
  .route("/v1", models)
  .route("/v1", tokens)
  .route("/v1", me)
  .route("/v1", audit)
  .route("/v1", tasks)
  .route("/v1", blobs)
  .route("/v1", webhooks)
  .route("/v1", instances)
  .route("/v1", budgets)
  .route("/v1", alerts)
  .route("/v1", providers);
