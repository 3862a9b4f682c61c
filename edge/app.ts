/** What every sub-app shares: validation answered as problems, and shorthand for describing routes. */

import { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { etag } from "hono/etag";
import { matchedRoutes } from "hono/route";
import { fieldErrors } from "../shared/fieldErrors.ts";
import type { AppEnv } from "./env.ts";
import { invalid, Problem, problemMediaType, problemSchema } from "./problems.ts";

const jsonLimitBytes = 256 * 1024;
const deliveryLimitBytes = 1024 * 1024;

/** A sub-app whose invalid requests become validation problems. */
export function newApp(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(fieldErrors(result.error.issues));
    },
  });
}

const limitBody = (maxBytes: number) =>
  bodyLimit({
    maxSize: maxBytes,
    onError: () => {
      throw new Problem("too-large", `At most ${maxBytes} bytes are accepted here.`);
    },
  });

/** Bodies of everything but uploaded parts and deliveries. */
export const limitJson = limitBody(jsonLimitBytes);
export const limitDelivery = limitBody(deliveryLimitBytes);

export const json = <S extends z.ZodType>(schema: S, description: string, example: z.output<S>) => ({
  description,
  content: { "application/json": { schema, example } },
});

export const body = <S extends z.ZodType>(schema: S, example: z.input<S>) => ({
  required: true,
  content: { "application/json": { schema, example } },
});

/** A body or an answer that is bytes. */
export const bytesContent = {
  "application/octet-stream": { schema: { type: "string" as const, format: "binary" } },
};

/** The same answer as text, where it is asked for; the typed client is of JSON. */
export const alsoAs = <T extends { content: object }>(mediaType: string, answer: T): T => ({
  ...answer,
  content: { ...answer.content, [mediaType]: { schema: { type: "string" } } },
});

/** Described and typed by a schema, but checked by the handler, which knows more than the schema: see `readJson`. */
export const describedBody = <S extends z.ZodType>(schema: S, example: z.input<S>) => ({
  required: true,
  content: {
    "application/json": { schema: z.toJSONSchema(schema, { io: "input" }) as unknown as S, example },
  },
});

/** Answers that are described once; the typed client does not meet them, for its `fetch` throws what is no success. */
const described = {
  Problem: {
    description: "A problem: see /docs",
    content: { [problemMediaType]: { schema: { $ref: "#/components/schemas/Problem" } } },
  },
  Unchanged: { description: "Unchanged since the answer with the tag in If-None-Match" },
};
const reference = (name: keyof typeof described) => ({
  $ref: `#/components/responses/${name}`,
  content: undefined,
});

/** The one description of failure, for every route. */
export const failure = reference("Problem");
export const unchanged = reference("Unchanged");

/** Has a description of the API hold what `failure` and `unchanged` refer to. */
export function registerAnswers(registry: OpenAPIHono<AppEnv>["openAPIRegistry"]): void {
  registry.register("Problem", problemSchema);
  for (const [name, response] of Object.entries(described))
    registry.registerComponent("responses", name, response);
}

/** A name for people: it may be printed to a terminal. */
export const label = z
  .string()
  .min(1)
  .max(120)
  .regex(/^[ -~\u00a0-\uffff]*$/, "holds a control character");

const runnerPath =
  /^\/v1\/(?:(?:tasks|blobs)(?:\/|$)|datasets\/[^/]+\/shards\/|searches\/[^/]+\/(?:checkpoints$|rounds\/[^/]+\/))/;

/** What runners, and pushes of data, send in masses. */
export const isRunnerTraffic = (path: string): boolean => runnerPath.test(path);

/** Method and pattern of the route that answers, e.g. `GET /v1/searches/:id`; undefined where none does. */
export function endpointOf(c: Context<AppEnv>): string | undefined {
  // What answers GET answers HEAD.
  const asked = c.req.method === "HEAD" ? "GET" : c.req.method;
  const route = matchedRoutes(c).find(({ method }) => method === asked);
  return route && `${route.method} ${route.path}`;
}

/** Lets the platform finish this after the answer; waits for it where there is no platform to do so. */
export async function finishLater(c: Context<AppEnv>, work: Promise<unknown>): Promise<void> {
  let later: Pick<ExecutionContext, "waitUntil"> | undefined;
  try {
    later = c.executionCtx;
  } catch {
    // Hono throws where a request came without one.
  }
  if (later === undefined) await work;
  else later.waitUntil(work);
}

/** In a path or query, and typed as what clients give. */
const urlNumber = z.coerce.number<string | number>();

/** `Number` reads "", "0x10" and "1e2" too. */
const digitsOnly = (text: unknown): unknown =>
  typeof text === "string" && !/^\d+$/.test(text) ? Number.NaN : text;

/** A whole number of a query or a path. */
export const wholeNumber = (minimum: number, maximum = Number.MAX_SAFE_INTEGER) =>
  z.preprocess(digitsOnly, urlNumber.int().min(minimum).max(maximum)) as unknown as typeof urlNumber;

export const idParam = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });

/** For answers that are asked for again and again: a tag of the body, and 304 where the client has it. */
export const tagged = etag();

/** Keyset pagination: the cursor is opaque to clients. */
export const pageQuery = z.object({
  cursor: z.string().optional(),
  limit: wholeNumber(1, 200).default(50),
});

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });

/** The example of a list that ends with this page. */
export const lastPage = <T>(...data: T[]) => ({ data, nextCursor: null });

const encodeCursor = (key: readonly (string | number)[]): string =>
  btoa(JSON.stringify(key)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export function decodeCursor<T extends z.ZodType>(cursor: string | undefined, key: T): z.infer<T> | null {
  if (cursor === undefined) return null;
  try {
    return key.parse(JSON.parse(atob(cursor.replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    throw invalid([
      { pointer: "/cursor", detail: "not a cursor of this list; use nextCursor of the page before" },
    ]);
  }
}

/** Key of a row in lists in the order of creation. */
const createdKey = z.tuple([z.number(), z.string()]);

/** The key that a page of a list, newest first, comes after; null for the first page. */
export const decodeCreated = (cursor: string | undefined): [createdAt: number, id: string] | null =>
  decodeCursor(cursor, createdKey);

/** Where a list goes on after a page: null after one that is not full, which is the last. */
export function cursorAfter<T>(
  page: readonly T[],
  limit: number,
  keyOf: (row: T) => readonly (string | number)[],
): string | null {
  const last = page.length === limit ? page.at(-1) : undefined;
  return last === undefined ? null : encodeCursor(keyOf(last));
}

export const isoTime = (time: number): string => new Date(time).toISOString();
export const isoTimeOrNull = (time: number | null): string | null => (time === null ? null : isoTime(time));
