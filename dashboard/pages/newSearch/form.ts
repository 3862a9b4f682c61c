/** What the fields of the form are given: values by path, problems by pointer, and a way to change one. */

import { pointerOf } from "../../../shared/jsonPointer.ts";
import type { FieldError } from "../../../shared/specification.ts";
import { isMapping, type Path, type Value } from "./draft.ts";

export interface Form {
  value: Value;
  at(path: Path): unknown;
  /** Of this very place. */
  problemAt(path: Path): string | undefined;
  /** Removes what is undefined. */
  edit(path: Path, value: unknown): void;
}

export const newForm = (
  value: Value,
  problems: readonly FieldError[],
  edit: (path: Path, value: unknown) => void,
): Form => {
  const byPointer = new Map(problems.map(({ pointer, detail }) => [pointer, detail]));
  return {
    value,
    edit,
    at: (path) => reached(value, path),
    problemAt: (path) => byPointer.get(pointerOf(path)),
  };
};

function reached(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (Array.isArray(inner)) return inner[Number(key)];
    return isMapping(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  }, value);
}

export const listAt = (form: Form, path: Path): readonly unknown[] => {
  const list = form.at(path);
  return Array.isArray(list) ? list : [];
};

export const textAt = (form: Form, path: Path): string => {
  const value = form.at(path);
  return typeof value === "string" ? value : "";
};

export const isTabular = (form: Form): boolean => form.at(["evaluation", "kind"]) === "tabular";

/** Whether each candidate is trained by itself. */
export const isByTraining = (form: Form): boolean => form.at(["evaluation", "kind"]) === "training";

/** Of an objective; empty while it has no name. */
export function idOf(objective: unknown): string {
  if (!isMapping(objective) || typeof objective.name !== "string") return "";
  return typeof objective.device === "string" ? `${objective.name}.${objective.device}` : objective.name;
}
