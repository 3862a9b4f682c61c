/**
 * Every way a request can fail, one row each: RFC 9457 problem details. `title` says what went wrong, `why` the
 * usual cause and `fix` what to do; `/docs/problems/<name>` shows a row to people.
 */

import { z } from "@hono/zod-openapi";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { FieldError } from "../shared/specification.ts";

interface ProblemType {
  status: ContentfulStatusCode;
  title: string;
  why: string;
  fix: string;
}

export const problemTypes = {
  "malformed-json": {
    status: 400,
    title: "The body is not JSON",
    why: "The request's body could not be parsed as JSON.",
    fix: "Send a JSON body with `content-type: application/json`.",
  },
  validation: {
    status: 422,
    title: "The request is not valid",
    why: "One or more fields break the schema or ask for what cannot be done.",
    fix: "Correct the fields that `errors` points at.",
  },
  unauthorized: {
    status: 401,
    title: "A token is needed",
    why: "The request carries no token, or one that is unknown, mistyped, expired or revoked.",
    fix: "Send `authorization: Bearer <token>`; `nasturtium tokens create` makes one.",
  },
  forbidden: {
    status: 403,
    title: "The token may not do this",
    why: "The token is valid but lacks the scope this needs, or is bound to one search.",
    fix: "Use a token with what `detail` names.",
  },
  "not-found": {
    status: 404,
    title: "There is no such thing",
    why: "Nothing has this address, or it was deleted.",
    fix: "Check the path and the ids in it.",
  },
  "method-not-allowed": {
    status: 405,
    title: "The path does not have this method",
    why: "Something has this address, but not for this method.",
    fix: "Use a method that the answer's `allow` names.",
  },
  "unsupported-media-type": {
    status: 415,
    title: "The body has another type than is read here",
    why: "The body's content-type is missing or is not JSON.",
    fix: "Send JSON with `content-type: application/json`.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    why: "More requests came from this token, or without one from this address, than are answered in a minute.",
    fix: "Wait for the seconds in Retry-After; the RateLimit header of every answer says what is left.",
  },
  "invalid-state": {
    status: 409,
    title: "The search is in a state that does not allow this",
    why: "What was asked for makes sense only in other states.",
    fix: "Read the search, then decide again.",
  },
  "precondition-failed": {
    status: 412,
    title: "It has changed since you read it",
    why: "If-Match names a version that is no longer the current one.",
    fix: "Read it again and repeat the change with the new ETag.",
  },
  "precondition-required": {
    status: 428,
    title: "If-Match is needed",
    why: "A change without the version it is based on could undo another one.",
    fix: "Send the ETag of the last read as If-Match, or `*` to overwrite whatever is there.",
  },
  "too-large": {
    status: 413,
    title: "The body is too large",
    why: "The body exceeds what this address accepts.",
    fix: "Send less; large files go in parts.",
  },
  "network-too-large": {
    status: 413,
    title: "The network is too large to be written here",
    why: "The Worker draws and writes a network's weights in its own memory, which does not hold this one.",
    fix: "Build the network from the graph or the genotype of the request.",
  },
  "protocol-mismatch": {
    status: 409,
    title: "The runner speaks another protocol version",
    why: "The runner and this deployment come from versions of Nasturtium that do not understand each other.",
    fix: "Update the side that `detail` names. What the runner worked on goes on under another one.",
  },
  "newer-state": {
    status: 503,
    title: "The search went on under a newer version",
    why: "An older version of the Worker was deployed again, and it cannot read what the newer one stored.",
    fix: "Deploy the newer version again. Nothing is lost; runners ask again until then.",
  },
  "unknown-runner": {
    status: 409,
    title: "The runner is not registered here",
    why: "The runner's id is not known to this deployment.",
    fix: "Register again and use the new id.",
  },
  "lease-lost": {
    status: 409,
    title: "The lease is no longer held",
    why: "It expired, another runner took the work, or the work is gone.",
    fix: "Drop the work, do not report it, and ask for a new lease.",
  },
  "device-quarantined": {
    status: 409,
    title: "The device is quarantined",
    why: "It reported what cannot be true, so nothing that it measures is believed.",
    fix: "Mend what `detail` names, then release it: `nasturtium devices release NAME`.",
  },
  "device-changed": {
    status: 409,
    title: "This is another device",
    why: "A device of this name is registered with another backend or on another machine, or its token is another device's.",
    fix: "Give it a name of its own, or remove the other: `nasturtium devices remove NAME`.",
  },
  "round-conflict": {
    status: 409,
    title: "The round cannot be reported",
    why: "The round was reported with another result already, or it is not the search's turn.",
    fix: "Drop the work and ask for a new lease.",
  },
  "upload-incomplete": {
    status: 409,
    title: "The upload is incomplete",
    why: "Parts are missing, or the upload was completed already.",
    fix: "Send every part, then complete it.",
  },
  "part-size": {
    status: 422,
    title: "The part has the wrong size",
    why: "Every part holds `partBytes` bytes except the last, which holds the rest.",
    fix: "Cut the file at multiples of `partBytes`, number the parts from 1 and send content-length.",
  },
  "checksum-mismatch": {
    status: 422,
    title: "The checksum does not match",
    why: "The bytes that arrived are not those the SHA-256 was computed from. They were deleted.",
    fix: "Create the upload again and send it anew.",
  },
  "archive-refused": {
    status: 422,
    title: "The archive cannot be imported",
    why: "It is damaged, was changed, or comes from a version of Nasturtium that is not understood here.",
    fix: "Export the search again and import that archive whole; nothing was kept of this one.",
  },
  "dataset-exists": {
    status: 409,
    title: "The name holds other data",
    why: "A data set of this name is complete, and it is not the same data.",
    fix: "Push under another name, or delete the data set first.",
  },
  "dataset-in-use": {
    status: 409,
    title: "The data set is in use",
    why: "A search or a training that is not over uses it.",
    fix: "Wait until it is over, or cancel it.",
  },
  "dataset-gone": {
    status: 409,
    title: "The search's data set is gone",
    why: "The data set that the search trained on was deleted since.",
    fix: "Push the data again and start a new search on it.",
  },
  "not-trainable": {
    status: 409,
    title: "The architecture cannot be trained",
    why: "The search looked its architectures up in a table; what their operations compute is not known here.",
    fix: "Search with `evaluation: { kind: supernet }` in a space of networks to train one.",
  },
  "provider-failed": {
    status: 502,
    title: "The provider of machines failed",
    why: "It refused the question, did not answer in time, or answered something unexpected.",
    fix: "See the detail; check the provider's key, or try again later.",
  },
  "webhook-disabled": {
    status: 409,
    title: "The webhook is disabled",
    why: "Nothing is sent to a webhook that is disabled.",
    fix: "Enable it with PATCH and `enabled: true`, then repeat the request.",
  },
  "template-exists": {
    status: 409,
    title: "The name belongs to another template",
    why: "A template of this name exists already.",
    fix: "Use another name, change the template that is there, or delete it first.",
  },
  "template-in-use": {
    status: 409,
    title: "The template is in use",
    why: "A trigger starts it.",
    fix: "Delete the trigger, or give it another template, first.",
  },
  "trigger-refused": {
    status: 409,
    title: "The trigger may not start this",
    why: "The trigger is disabled, or starting this would exceed one of its limits.",
    fix: "Enable the trigger, raise its limits, or wait until what it started is over; then send a new delivery.",
  },
  "signature-invalid": {
    status: 401,
    title: "The signature is not valid",
    why: "There is no such trigger, or the request is not signed with its secret, or was signed too long ago.",
    fix: "Check the address and the secret, sign the body as it is sent, and check the sender's clock.",
  },
  "secrets-unavailable": {
    status: 503,
    title: "The deployment cannot keep secrets",
    why: "Secrets are stored encrypted, and neither NASTURTIUM_SECRET nor NASTURTIUM_ADMIN_TOKEN is set.",
    fix: "Set a long random value: `npm run wrangler -- secret put NASTURTIUM_SECRET`.",
  },
  "idempotency-key-reused": {
    status: 422,
    title: "The Idempotency-Key belongs to another request",
    why: "The same key came before with another method, path or body.",
    fix: "Use a new key for a new request.",
  },
  "idempotency-in-progress": {
    status: 409,
    title: "The first request with this Idempotency-Key is still running",
    why: "The answer to the first request is not known yet.",
    fix: "Wait a moment and repeat the request.",
  },
  internal: {
    status: 500,
    title: "Something went wrong on our side",
    why: "An error that nobody foresaw.",
    fix: "Repeat the request; if it stays, report it with its `requestId`.",
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemName = keyof typeof problemTypes;

export const problemMediaType = "application/problem+json";

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi("Problem");

/** Thrown anywhere below a route; the app turns it into the response. */
export class Problem extends Error {
  readonly problem: ProblemName;
  readonly errors: FieldError[] | undefined;
  /** Of its answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: ProblemName,
    detail?: string,
    errors?: FieldError[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    const { why, fix } = problemTypes[problem];
    super(detail ?? `${why} ${fix}`);
    this.problem = problem;
    this.errors = errors;
    this.headers = headers;
  }
}

/** All errors in a line. */
export const errorsText = (errors: readonly FieldError[]): string =>
  errors.map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`).join("; ");

export const invalid = (errors: FieldError[]): Problem =>
  new Problem("validation", errorsText(errors), errors);

export const problemAddress = (name: ProblemName): string => `/docs/problems/${name}`;

export function problemResponse(problem: Problem, where: { instance: string; requestId: string }): Response {
  const { status, title } = problemTypes[problem.problem];
  const headers = new Headers({
    ...problem.headers,
    "content-type": problemMediaType,
    "cache-control": "no-store",
  });
  if (problem.problem === "unauthorized") headers.set("www-authenticate", 'Bearer realm="nasturtium"');
  const body = {
    type: problemAddress(problem.problem),
    title,
    status,
    detail: problem.message,
    ...where,
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
  return new Response(JSON.stringify(body), { status, headers });
}
