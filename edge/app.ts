/** What every sub-app shares: validation answered as problems, and shorthand for describing routes. */

import { OpenAPIHono, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { etag } from "hono/etag";
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

export const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

export const body = <S extends z.ZodType>(schema: S) => ({
  required: true,
  content: { "application/json": { schema } },
});

/** The one description of failure, for every route. */
export const failure = {
  description: "A problem: see /docs",
  content: { [problemMediaType]: { schema: problemSchema } },
};

export const idParam = z.object({ id: z.string().openapi({ param: { name: "id", in: "path" } }) });

/** For answers that are asked for again and again: a tag of the body, and 304 where the client has it. */
export const tagged = etag();

/** Keyset pagination: the cursor is opaque to clients. */
export const pageQuery = z.object({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });

export const encodeCursor = (key: readonly (string | number)[]): string =>
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

export const isoTime = (time: number): string => new Date(time).toISOString();
export const isoTimeOrNull = (time: number | null): string | null => (time === null ? null : isoTime(time));
