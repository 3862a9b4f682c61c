/**
 * A table's file as it is pushed. Only what makes it a table is looked at here: a header, and rows as long as it. What
 * its cells mean is for the search to say, and is checked when one starts.
 */

import { readFile } from "node:fs/promises";
import { CsvError, parse } from "csv-parse/sync";
import {
  longestName,
  maxColumns,
  maxTableBytes,
  shardBytes,
  type TableHeader,
} from "../../shared/pushedDataset.ts";
import { numberProblem, TableError, type TableProblem } from "../../shared/table.ts";
import { DataError, reasonOf } from "./files.ts";
import { cut, type Packed, sha256 } from "./shards.ts";
import { tableDoubts } from "./tableDoubts.ts";
import { tableText, tooLarge } from "./tableText.ts";

const problemsShown = 20;
const headerRow = 1;
const isNumber = (text: string): boolean => numberProblem(text) === undefined;

/** What is the same for a table, zipped or not. */
export const textDigest = (text: string): string => sha256(new TextEncoder().encode(text));

export interface PackedTable extends Packed<TableHeader> {
  /** What a search would refuse if it used the column; see {@link tableDoubts}. */
  doubts: TableProblem[];
}

/**
 * Reads a CSV, gzipped or not, and cuts it into shards.
 *
 * @throws DataError where it cannot be read or is too large
 * @throws TableError naming row and column of what is wrong with it
 */
export async function packTable(name: string, file: string, cutBytes = shardBytes): Promise<PackedTable> {
  const { bytes, text } = await readTableFile(file);
  const { columns, rows, doubts } = shapeOf(text);
  const { shards, shard } = cut([bytes], cutBytes);
  const digest = textDigest(text);
  return {
    header: { kind: "table", name, shards, columns, rows, bytes: bytes.length, digest },
    shard,
    doubts,
  };
}

async function readTableFile(file: string): Promise<{ bytes: Uint8Array; text: string }> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new DataError(`${file} cannot be read: ${reasonOf(error)}.`, "Name a CSV file.");
  }
  if (bytes.length > maxTableBytes) throw tooLarge(file);
  const text = tableText(bytes, file);
  return { bytes, text };
}

/** @throws TableError */
function shapeOf(text: string): { columns: string[]; rows: number; doubts: TableProblem[] } {
  const [header, ...rows] = split(text);
  const columns = header?.record ?? [];
  const problems = [...headerProblems(columns, rows[0]?.record ?? []), ...unusableRows(columns, rows)];
  if (columns.length > 0 && rows.length === 0)
    problems.push({ row: headerRow, column: columns[0] ?? "", detail: "the table has no rows below it" });
  if (problems.length > 0) throw new TableError(problems.slice(0, problemsShown), problems.length);
  const lines = rows.map(({ record, info }) => ({ cells: record, line: info.lines }));
  return { columns, rows: rows.length, doubts: tableDoubts(columns, lines) };
}

interface Row {
  record: string[];
  info: { lines: number };
}

function split(text: string): Row[] {
  try {
    return parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as Row[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const row = typeof error.lines === "number" ? error.lines : headerRow;
    const column = String(error.column ?? "");
    throw new TableError([{ row, column, detail: `this is not CSV: ${error.message}` }]);
  }
}

function headerProblems(columns: readonly string[], first: readonly string[]): TableProblem[] {
  const problem = (column: string, detail: string): TableProblem => ({ row: headerRow, column, detail });
  if (columns.length === 0) return [problem("", "the table is empty")];
  if (columns.length === 1)
    return [
      problem(
        columns[0] ?? "",
        "a table has an architecture and what was measured of it: 2 columns at least, separated by commas",
      ),
    ];
  if (columns.length > maxColumns)
    return [
      problem(columns[maxColumns] ?? "", `a table has ${maxColumns} columns at most, not ${columns.length}`),
    ];
  const numeric = first.flatMap((cell, index) => (isNumber(cell) ? [index] : []));
  if (numeric.length > 0 && numeric.every((index) => isNumber(columns[index] ?? "")))
    return [
      problem(
        columns[numeric[0] ?? 0] ?? "",
        "there is no header: the first row must name the columns, and has numbers where the second has some",
      ),
    ];
  return columns.flatMap((column) =>
    column.length > longestName
      ? [problem(column.slice(0, longestName), `a name has ${longestName} characters at most`)]
      : [],
  );
}

function unusableRows(columns: readonly string[], rows: readonly Row[]): TableProblem[] {
  const width = columns.length;
  return rows.flatMap(({ record, info }) => {
    if (record.every((cell) => cell === ""))
      return [{ row: info.lines, column: columns[0] ?? "", detail: "the row is empty; delete it" }];
    if (record.length === width) return [];
    const column = columns.at(Math.min(record.length, width) - 1) ?? "";
    return [{ row: info.lines, column, detail: `the row has ${record.length} cells, the header ${width}` }];
  });
}
