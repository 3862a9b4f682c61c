/** The archive of a search. */

import { and, desc, eq, sql } from "drizzle-orm";
import { architectures } from "../../schema/architectures.ts";
import type { RoundOutcome } from "../controller/state.ts";
import { database, statement } from "./database.ts";

export type Architecture = typeof architectures.$inferSelect;

/** Feasible members of a search's front, of a stage or of the newest that measured something. */
export const frontOf = (db: D1Database, searchId: string, stage?: number): Promise<Architecture[]> =>
  frontsOf(db, [searchId], stage);

/** The same of several searches. */
export const frontsOf = (
  db: D1Database,
  searchIds: readonly string[],
  stage?: number,
): Promise<Architecture[]> =>
  database(db)
    .select()
    .from(architectures)
    .where(
      sql`${architectures.searchId} IN (SELECT value FROM json_each(${JSON.stringify(searchIds)}))
        AND on_front = 1 AND feasible = 1
        AND stage = coalesce(${stage ?? null},
          (SELECT max(a.stage) FROM architectures a WHERE a.search_id = architectures.search_id))`,
    );

/** An architecture in every stage that measured it, newest first. */
export const findArchitecture = (db: D1Database, searchId: string, hash: string): Promise<Architecture[]> =>
  database(db)
    .select()
    .from(architectures)
    .where(and(eq(architectures.searchId, searchId), eq(architectures.hash, hash)))
    .orderBy(desc(architectures.stage));

const fields = [
  "stage",
  "hash",
  "genotype",
  "selection",
  "values",
  "feasible",
  "onFront",
  "round",
  "images",
  "version",
  "predicted",
  "evidence",
];
/** SQL for the members of a search that short trainings measured. */
const trainedOf =
  "SELECT 1 FROM architectures a WHERE a.search_id = :searchId AND a.training_steps IS NOT NULL";
const columns = fields.map((field) => `"${field.replace("F", "_f")}"`);
/** Not the key, and not the evidence: a training may have bettered it since. */
const updated = columns.slice(2, -1);

/**
 * What a round changes in the archive, in one statement; none for an empty list. What was trained since is left alone,
 * and what comes late is not on a front of trained networks.
 */
export function archiveChanges(
  db: D1Database,
  searchId: string,
  changed: RoundOutcome["archive"],
  { isLate = false } = {},
): D1PreparedStatement[] {
  if (changed.length === 0) return [];
  const source = (field: string) => {
    const value = `json_extract(value, '$.${field}')`;
    return field === "onFront" && isLate ? `${value} AND NOT EXISTS (${trainedOf})` : value;
  };
  return [
    statement(
      db,
      `INSERT INTO architectures (search_id, ${columns.join(", ")})
       SELECT :searchId, ${fields.map(source).join(", ")}
       FROM json_each(:rows) WHERE true
       ON CONFLICT (search_id, hash, stage) DO UPDATE SET
         ${updated.map((column) => `${column} = excluded.${column}`).join(", ")}
       WHERE architectures.training_steps IS NULL`,
      { searchId, rows: JSON.stringify(changed) },
    ),
  ];
}
