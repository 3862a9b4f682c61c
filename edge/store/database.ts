/** Access to D1: typed queries through Drizzle, and statements where a batch needs a guard. */

import { and, eq, lt, or, type SQL } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";

export const database = (db: D1Database) => drizzle(db, { casing: "snake_case" });

/** A statement with named values: D1 takes positions only, so `:name` becomes `?n`. */
export function statement(
  db: D1Database,
  sql: string,
  values: Record<string, string | number | null> = {},
): D1PreparedStatement {
  const names: string[] = [];
  const text = sql.replace(/:([a-zA-Z]\w*)/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new RangeError(`no value for :${name}`);
    if (!names.includes(name)) names.push(name);
    return `?${names.indexOf(name) + 1}`;
  });
  return db.prepare(text).bind(...names.map((name) => values[name] ?? null));
}

/** Key of a row in lists in the order of creation, the newest first. */
export type CreatedKey = readonly [createdAt: number, id: string];

/** True of the rows that come after a page whose last row has the key; no condition for the first page. */
export function isAfterPage(
  createdAt: SQLiteColumn,
  id: SQLiteColumn,
  before: CreatedKey | null,
): SQL | undefined {
  if (before === null) return undefined;
  const [time, last] = before;
  return or(lt(createdAt, time), and(eq(createdAt, time), lt(id, last)));
}

/** Whether a statement was refused, or a batch aborted, by a constraint. */
export const isConstraintError = (error: unknown, constraint = /constraint failed/i): boolean =>
  error instanceof Error && (constraint.test(error.message) || isConstraintError(error.cause, constraint));

/** Runs a batch whose first statement may refuse it: null then. */
export async function guarded(
  db: D1Database,
  statements: D1PreparedStatement[],
): Promise<D1Result<unknown>[] | null> {
  try {
    return await db.batch(statements);
  } catch (error) {
    if (isConstraintError(error)) return null;
    throw error;
  }
}
