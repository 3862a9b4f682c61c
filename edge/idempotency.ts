/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header) for requests that create: the same key with the same
 * request gets the stored answer, with another request 422, and while the first still runs 409.
 */

import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "./env.ts";
import { sha256 } from "./ids.ts";
import { Problem } from "./problems.ts";
import { claimKey, forgetKey, storeAnswer } from "./store/idempotency.ts";

const maxKeyLength = 200;

/** How routes with the middleware describe it. */
export const idempotencyKey = {
  in: "header" as const,
  name: "idempotency-key",
  required: false,
  description: "the same key with the same request is answered with what the first one was",
  schema: { type: "string" as const, minLength: 1, maxLength: maxKeyLength },
};

export const idempotent: MiddlewareHandler<AppEnv> = async (c, next) => {
  const header = c.req.header("idempotency-key");
  const principal = c.get("principal")?.id;
  if (header === undefined || principal === undefined) return next();
  const key = header.replace(/^"(.*)"$/, "$1");
  if (key === "" || key.length > maxKeyLength)
    throw new Problem("validation", `An Idempotency-Key has 1 to ${maxKeyLength} characters.`);
  const fingerprint = await sha256(`${c.req.method} ${c.req.path}\n${await c.req.text()}`);
  const stored = await claimKey(c.env.DB, { principal, key, fingerprint });
  if (stored !== null) {
    if (stored.fingerprint !== fingerprint) throw new Problem("idempotency-key-reused");
    if (stored.status === null) throw new Problem("idempotency-in-progress");
    const headers = new Headers({ "content-type": "application/json" });
    if (stored.location !== null) headers.set("location", stored.location);
    return new Response(stored.body, { status: stored.status, headers });
  }
  await next();
  if (c.error !== undefined || !c.res.ok) {
    await forgetKey(c.env.DB, principal, key);
    return;
  }
  const { status, headers } = c.res;
  const body = await c.res.clone().text();
  await storeAnswer(c.env.DB, { principal, key, status, location: headers.get("location"), body });
};
