/**
 * Every change that was made or refused leaves a row: who, what, to what, with which outcome. Written here alone, after
 * the handler; a route's name follows from its method and path, so that a new route is recorded without being told of.
 */

import type { Context, MiddlewareHandler } from "hono";
import { endpointOf, isRunnerTraffic } from "./app.ts";
import type { AppEnv } from "./env.ts";
import { newId } from "./ids.ts";
import { type AuditRow, insertAudit } from "./store/audit.ts";

const verbs: Record<string, string> = { POST: "create", PUT: "put", PATCH: "change", DELETE: "delete" };

/** Routes whose name is not what method and path say; null for one that changes nothing. */
const named: Record<string, string | null> = {
  "DELETE /v1/tokens/:id": "token.revoke",
  "POST /v1/profiles": null,
  "POST /v1/runners": "runner.register",
  "POST /v1/searches/:id/trainings": "training.create",
  "POST /v1/triggers/:id": "trigger.deliver",
};

/** Longer is no id of ours. */
const longestId = 200;

/** `searches` is of `search`, `deliveries` of `delivery`. */
const singular = (collection: string): string =>
  collection
    .replace(/ies$/, "y")
    .replace(/(ch|sh|ss|x)es$/, "$1")
    .replace(/s$/, "");

/** What a route does, e.g. `search.cancel` for `POST /v1/searches/:id/cancel`; null for what changes nothing. */
export function actionOf(endpoint: string): string | null {
  const own = named[endpoint];
  if (own !== undefined) return own;
  const [method = "", path = ""] = endpoint.split(" ");
  const verb = verbs[method];
  if (verb === undefined) return null;
  const names = path.split("/").slice(2);
  const last = names.at(-1) ?? "";
  // The member of a collection, a new one of it, or something done to a member.
  if (last.startsWith(":")) return `${singular(names.at(-2) ?? "")}.${verb}`;
  return `${singular(names[0] ?? "")}.${names.length === 1 ? verb : last}`;
}

/** The thing at an address: `search` and its id. */
function targetAt(path: string): Pick<AuditRow, "targetType" | "targetId"> {
  const [, , collection = "", id] = path.split("/");
  const shown = id?.slice(0, longestId).replaceAll(/\p{Cc}/gu, "\ufffd");
  return { targetType: singular(collection), targetId: shown ?? null };
}

const isRecorded = (status: number): boolean => status < 400 || status === 401 || status === 403;

function rowOf(c: Context<AppEnv>): AuditRow | null {
  const endpoint = endpointOf(c);
  const { status, headers } = c.res;
  if (endpoint === undefined || !isRecorded(status) || isRunnerTraffic(c.req.path)) return null;
  const action = actionOf(endpoint);
  if (action === null) return null;
  const principal = c.get("principal");
  return {
    id: newId(),
    at: Date.now(),
    principalId: principal?.id ?? null,
    principalName: principal?.name ?? null,
    action,
    // What was made is at the answer's address.
    ...targetAt(headers.get("location") ?? c.req.path),
    requestId: c.get("requestId"),
    status,
  };
}

/** The answer waits for the row, so that whoever has the one finds the other; it stands without it. */
export const recordChanges: MiddlewareHandler<AppEnv> = async (c, next) => {
  await next();
  const row = rowOf(c);
  if (row === null) return;
  try {
    await insertAudit(c.env.DB, row);
  } catch (error) {
    console.error(`request ${row.requestId}: ${row.action} is missing in the audit trail:`, error);
  }
};
