/** What is wrong with a value, field by field: zod's issues as JSON pointers with what to do. */

import type { z } from "zod";
import { pointerOf } from "./jsonPointer.ts";
import type { FieldError } from "./specification.ts";

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

/** The errors with the pointer of what they are within in front. */
export const within = (pointer: string, errors: readonly FieldError[]): FieldError[] =>
  errors.map((error) => ({ ...error, pointer: pointer + error.pointer }));

/** One error for each field, the last. */
export const eachOnce = (errors: readonly FieldError[]): FieldError[] => [
  ...new Map(errors.map((error) => [error.pointer, error])).values(),
];
