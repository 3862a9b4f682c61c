/** Every request has an id: its answer carries it, and so do problems and the log. */

import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./env.ts";
import { newId } from "./ids.ts";

export const requestIdHeader = "x-request-id";
/** Harmless in a header, a log and a query. */
const acceptable = /^[A-Za-z0-9._-]{1,128}$/;

/** Takes the caller's id where it is acceptable, else makes one. */
export const identifyRequest: MiddlewareHandler<AppEnv> = async (c, next) => {
  const given = c.req.header(requestIdHeader);
  const id = given !== undefined && acceptable.test(given) ? given : newId();
  c.set("requestId", id);
  await next();
  c.header(requestIdHeader, id);
};
