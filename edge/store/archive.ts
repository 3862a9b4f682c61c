/** Rows of a whole search, out of the database by pages of bounded size and into it by statements of bounded size. */

import { maxRowBytes, pageBytes } from "../../shared/searchArchive.ts";
import { type ArchivedTable, columnsOf, sqlName } from "../archive/tables.ts";
import { statement } from "./database.ts";

export type Row = Record<string, unknown>;

/** Looked at for one page, however small they are. */
const rowsAtOnce = 1000;
const encoder = new TextEncoder();

/** What tells whether a search changed while it was read; null where it is gone. */
export interface Standing {
  state: string;
  version: number;
  round: number;
  amendments: number;
  /** Until when somebody works on it or one of its trainings. */
  leasedUntil: number;
  openTrainings: number;
}

export const standingOf = (db: D1Database, searchId: string): Promise<Standing | null> =>
  statement(
    db,
    `SELECT s.state, s.version, c.round, json_extract(c.state, '$.amendments') AS amendments,
       coalesce((SELECT max(expires_at) FROM leases WHERE search_id = s.id), 0) AS leasedUntil,
       (SELECT count(*) FROM trainings t WHERE t.search_id = s.id AND t.state IN ('queued', 'running')) AS openTrainings
     FROM searches s JOIN controller_states c ON c.search_id = s.id WHERE s.id = :searchId`,
    { searchId },
  ).first<Standing>();

/**
 * A search's rows of a table in the order of their key: in each page as many as have about `pageBytes`.
 *
 * @param condition of the rows, in SQL
 */
export async function* rowPages(
  db: D1Database,
  table: ArchivedTable,
  searchId: string,
  condition = "true",
): AsyncGenerator<Row[]> {
  const columns = columnsOf(table);
  const names = columns.map(({ sql }) => sql).join(", ");
  const key = table.key.map(sqlName).join(", ");
  const bytes = columns.map(({ sql }) => `coalesce(length(${sql}), 0)`).join(" + ");
  let after: Record<string, string | number> | null = null;
  for (;;) {
    const beyond: string =
      after === null ? "" : `AND (${key}) > (${Object.keys(after).map((name) => `:${name}`)})`;
    const page: D1Result<Row> = await statement(
      db,
      `SELECT ${names} FROM (
         SELECT ${names}, ${bytes} AS size, sum(${bytes}) OVER (ORDER BY ${key}) AS total
         FROM ${table.name} WHERE search_id = :searchId AND ${condition} ${beyond} ORDER BY ${key} LIMIT ${rowsAtOnce})
       WHERE total <= ${pageBytes} OR total = size`,
      { searchId, ...after },
    ).all<Row>();
    const last = page.results.at(-1);
    if (last === undefined) return;
    const keyed = table.key.map((name): [string, string | number] => [
      name,
      last[sqlName(name).slice(1, -1)] as string | number,
    ]);
    after = Object.fromEntries(keyed);
    yield page.results.map((row) =>
      Object.fromEntries(
        columns.map(({ key: name, sql, column }) => {
          const value = row[sql.slice(1, -1)];
          return [name, value == null ? null : column.mapFromDriverValue(value)];
        }),
      ),
    );
  }
}

/** Statements that store rows under a search, with all columns; each with as many as one may hold. */
export function rowInsertions(
  db: D1Database,
  table: ArchivedTable,
  searchId: string,
  rows: readonly Row[],
): D1PreparedStatement[] {
  const keys = [...columnsOf(table).map(({ key }) => key), ...(table.own ?? [])];
  const sql = `INSERT INTO ${table.name} (search_id, ${keys.map(sqlName).join(", ")})
     SELECT :searchId, ${keys.map((key) => `json_extract(value, '$.${key}')`).join(", ")} FROM json_each(:rows)`;
  const chunks: string[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const text of rows.map((row) => JSON.stringify(row))) {
    const bytes = encoder.encode(text).length + 1;
    size += bytes;
    if (size > maxRowBytes) {
      chunks.push([]);
      size = bytes + 1;
    }
    chunks.at(-1)?.push(text);
  }
  return chunks.map((chunk) => statement(db, sql, { searchId, rows: `[${chunk.join(",")}]` }));
}
