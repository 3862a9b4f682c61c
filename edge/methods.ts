/** Methods: OPTIONS says which a path has, pages of other sites may read what is public, and other methods are refused. */

import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./env.ts";
import { Problem } from "./problems.ts";
import { requestIdHeader } from "./requestId.ts";

type App = OpenAPIHono<AppEnv>;

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const acceptedHeaders = ["accept", "if-none-match", "last-event-id", requestIdHeader];
const exposedHeaders = [
  "etag",
  "location",
  "ratelimit",
  "ratelimit-policy",
  "repr-digest",
  "retry-after",
  requestIdHeader,
];
const preflightSeconds = 86_400;

/** The route that answers, as it was registered, e.g. `/v1/searches/:id`; undefined where none does. */
const routeOf = (app: App, method: string, path: string): string | undefined =>
  app.router
    .match(method, path)[0]
    .map(([[, route]]) => route)
    .find((route) => route.method === method)?.path;

/** For an `allow` header; empty for a path that nothing answers. */
function methodsOf(app: App, path: string): string[] {
  const known = methods.filter((method) => routeOf(app, method, path) !== undefined);
  if (known.length === 0) return [];
  return [...known, ...(known.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

/** Routes that can be read without a token. */
function publicRoutes(app: App): Set<string> {
  const described = app.openAPIRegistry.definitions.flatMap((definition) =>
    definition.type === "route" ? [definition.route] : [],
  );
  const open = described.filter(
    ({ method, security }) =>
      method === "get" && security?.some((requirement) => Object.keys(requirement).length === 0),
  );
  return new Set(open.map(({ path }) => path.replaceAll(/\{(\w+)\}/g, ":$1")));
}

/** Answers OPTIONS. What anyone may read without a token, a page of any other site may, too; never with credentials. */
export function crossOrigin(app: App): MiddlewareHandler<AppEnv> {
  let open: Set<string> | undefined;
  const isPublic = (path: string): boolean => {
    const route = routeOf(app, "GET", path);
    open ??= publicRoutes(app);
    return route !== undefined && (!route.startsWith("/v1/") || open.has(route));
  };
  return async (c, next) => {
    const { path, method } = c.req;
    if (method === "OPTIONS") {
      const allowed = methodsOf(app, path);
      if (allowed.length === 0) return next();
      c.header("allow", allowed.join(", "));
      if (isPublic(path)) {
        c.header("access-control-allow-origin", "*");
        c.header("access-control-allow-methods", "GET, HEAD");
        c.header("access-control-allow-headers", acceptedHeaders.join(", "));
        c.header("access-control-max-age", String(preflightSeconds));
      }
      return c.body(null, 204);
    }
    await next();
    const isReading = method === "GET" || method === "HEAD";
    if (!isReading || !isPublic(path)) return;
    // What a cache keeps of an answer to nobody is not for somebody.
    c.header("vary", "authorization", { append: true });
    if (c.req.header("authorization") === undefined) {
      c.header("access-control-allow-origin", "*");
      c.header("access-control-expose-headers", exposedHeaders.join(", "));
    }
  };
}

/** Why nothing answered: another method does, or none. */
export function unanswered(app: App, { method, path }: { method: string; path: string }): Problem {
  const allowed = methodsOf(app, path);
  if (allowed.length === 0) return new Problem("not-found");
  const allow = allowed.join(", ");
  return new Problem("method-not-allowed", `${method} is not for this path; it has ${allow}.`, undefined, {
    allow,
  });
}
