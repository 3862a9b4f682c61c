/** A run of the rental loop right after a request that changed what is to be done; what is missed comes with the next minute. */

import type { Context, MiddlewareHandler } from "hono";
import { endpointOf, finishLater } from "../app.ts";
import type { AppEnv } from "../env.ts";
import { realPlatform } from "../webhooks/deliver.ts";
import { rent } from "./loop.ts";
import { type Platform, rememberAddress, setUp } from "./setUp.ts";

const canRent = (c: Context<AppEnv>, platform: Platform): boolean =>
  setUp(c.env, platform).providers.length > 0;

export async function rentAfterwards(c: Context<AppEnv>): Promise<void> {
  const platform = realPlatform();
  if (canRent(c, platform)) await finishLater(c, rent(c.env, platform));
}

/** What makes work, or ends it. */
const changes = new Set([
  "POST /v1/searches",
  "POST /v1/campaigns",
  "POST /v1/campaigns/:id/cancel",
  "POST /v1/templates/:name/start",
  "POST /v1/triggers/:id",
  "POST /v1/searches/:id/trainings",
  "POST /v1/searches/:id/pause",
  "POST /v1/searches/:id/resume",
  "POST /v1/searches/:id/cancel",
  "PATCH /v1/searches/:id",
  "DELETE /v1/searches/:id",
]);

/** Rents, and gives back, once the request is answered. */
export const renting: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  if (!c.res.ok || !changes.has(endpointOf(c) ?? "")) return;
  const platform = realPlatform();
  if (!canRent(c, platform)) return;
  const { origin } = new URL(c.req.url);
  await finishLater(
    c,
    rememberAddress(c.env, origin).then(() => rent(c.env, platform)),
  );
};
