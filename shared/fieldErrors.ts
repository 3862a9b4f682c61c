/** What is wrong with a value, field by field: zod's issues as JSON pointers with what to do. */

import type { z } from "zod";
import type { FieldError } from "./specification.ts";

/** JSON pointer (RFC 6901) of a path. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** One error per field; every unknown key is a field of its own. */
export const fieldErrors = (issues: readonly z.core.$ZodIssue[]): FieldError[] =>
  issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({
          pointer: pointerOf([...issue.path, key]),
          detail: `unknown key "${key}"; remove it or correct its spelling`,
        }))
      : [{ pointer: pointerOf(issue.path), detail: issue.message }],
  );
