/**
 * How often a principal may ask: fixed windows, counted exactly in the database, told by RateLimit headers
 * (draft-ietf-httpapi-ratelimit-headers). What runners send in masses is not counted and costs nothing here.
 */

import type { Context, MiddlewareHandler } from "hono";
import { isRunnerTraffic } from "./app.ts";
import type { AppEnv } from "./env.ts";
import { Problem } from "./problems.ts";
import { countRequest } from "./store/rateCounts.ts";

const defaultLimit = 600;
const windowSeconds = 60;

/** Requests in a window; 0 for no limit. What is no number is as if it were not set. */
function limitOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : defaultLimit;
}

/** A token counts for itself; without a valid one, the client's address does, which the platform tells. */
const principalOf = (c: Context<AppEnv>): string =>
  c.get("principal")?.id ?? `address:${c.req.header("cf-connecting-ip") ?? "unknown"}`;

/** Throws `rate-limited` beyond the limit. */
export const limitRate: MiddlewareHandler<AppEnv> = async (c, next) => {
  const limit = limitOf(c.env.NASTURTIUM_RATE_LIMIT);
  if (limit === 0 || isRunnerTraffic(c.req.path)) return next();
  const now = Date.now();
  const windowMs = windowSeconds * 1000;
  const principal = principalOf(c);
  const { count, windowEnd } = await countRequest(c.env.DB, { principal, limit, windowMs, now });
  const seconds = String(Math.ceil((windowEnd - now) / 1000));
  const headers = {
    "ratelimit-policy": `"default";q=${limit};w=${windowSeconds}`,
    ratelimit: `"default";r=${Math.max(0, limit - count)};t=${seconds}`,
  };
  if (count > limit) {
    const detail = `At most ${limit} requests in ${windowSeconds} s are answered; ask again in ${seconds} s.`;
    throw new Problem("rate-limited", detail, undefined, { ...headers, "retry-after": seconds });
  }
  await next();
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
};
