/**
 * A tabular benchmark: a CSV with a row for each architecture, what was measured of it in the other columns. A search on
 * a table trains nothing. Bad input is refused with every place that is wrong.
 */

import { CsvError, parse } from "csv-parse/browser/esm/sync";
import { parseGenotype } from "./genotype.ts";
import { type SearchSpace, selectionFromGenotype } from "./space.ts";
import { closestName, didYouMean } from "./suggest.ts";

/** What of a CSV makes the table. */
export interface TableDescription {
  /** Column that names each row's architecture. */
  architecture: string;
  /** By objective, the column of its values; more than objectives may be named. */
  columns: Readonly<Record<string, string>>;
  /** Which of `columns` a search climbs: it must not be constant. */
  reward?: string | undefined;
  /** The operations at each position of an architecture. */
  positions: readonly { operations: readonly string[] }[];
  /** Needed where the table has genotypes: those that `positions` are of, kind by kind. */
  space?: SearchSpace | undefined;
}

/** Rows are numbered from 0 in the order of the file. */
export interface Table {
  /** By row, the index of the operation at each position. */
  readonly codes: readonly (readonly number[])[];
  /** By the names of the description's `columns`, the values by row. */
  readonly columns: Readonly<Record<string, Float64Array>>;
  /** The row of an architecture, in constant time; undefined where the table does not have it. */
  rowOf(code: readonly number[]): number | undefined;
}

export interface TableProblem {
  /** Line of the file, from 1; the header is line 1. Of a row over several lines, the last. */
  row: number;
  column: string;
  detail: string;
}

/** A table that cannot be searched. */
export class TableError extends Error {
  /** In the order of the file, the first 20. */
  readonly problems: readonly TableProblem[];
  /** How many there are. */
  readonly count: number;

  constructor(problems: readonly TableProblem[], count = problems.length) {
    const lines = problems.map(({ row, column, detail }) => `row ${row}, column "${column}": ${detail}`);
    const rest = count > problems.length ? [`and ${count - problems.length} more`] : [];
    super(["The table cannot be used:", ...lines, ...rest].join("\n"));
    this.name = "TableError";
    this.problems = problems;
    this.count = count;
  }
}

const problemsShown = 20;
const headerRow = 1;
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const infinite = /^[+-]?inf(inity)?$/i;
/** What a spreadsheet makes of many digits. */
const rounded = /^\d([.,]\d+)?E\+\d+$/;
const exportAgain = "write the table again with that column as text";
const digits = "0123456789abcdefghijklmnopqrstuvwxyz";

/**
 * Reads a table from the text of a CSV with a header. Columns that the description does not name are not looked at. An
 * architecture is written as
 * - the text of a genotype, where the space is given: `|op~0|+|op~0|op~1|+...` or `Genotype(...)`,
 * - a character for each position, its operation's index in base 36: `421211`,
 * - or the operations' names in order, with anything between them that no name has: `conv_3x3, none, skip_connect`.
 *
 * @throws TableError naming row and column of everything that is wrong
 * @example readTable(text, { architecture: "arch", columns: { accuracy: "valid" }, positions: positionsOf(space), space })
 */
export function readTable(text: string, description: TableDescription): Table {
  const problems = new Problems();
  const { header, rows } = split(text, description, problems);
  const places = placesOf(header, description, problems);
  problems.throwAny();
  if (rows.length === 0) problems.add(headerRow, description.architecture, "the table has no rows below it");
  const width = header.length;
  for (const { cells, line } of rows) {
    if (cells.length === width) continue;
    const last = header.at(Math.min(cells.length, width) - 1) ?? "";
    problems.add(line, last, `the row has ${cells.length} cells, the header ${width}`);
  }
  const architectures = readArchitectures(
    rows,
    places.get(description.architecture) ?? 0,
    description,
    problems,
  );
  const columns = Object.fromEntries(
    Object.entries(description.columns).map(([id, column]) => {
      const isReward = id === description.reward;
      return [id, readNumbers(rows, places.get(column) ?? 0, column, isReward, problems)];
    }),
  );
  problems.throwAny();
  return { ...architectures, columns };
}

interface Row {
  cells: readonly string[];
  line: number;
}

function split(
  text: string,
  { architecture }: TableDescription,
  problems: Problems,
): { header: string[]; rows: Row[] } {
  try {
    const parsed = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    const [header, ...rows] = parsed.map(({ record, info }) => ({ cells: record, line: info.lines }));
    return { header: [...(header?.cells ?? [])], rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const row = typeof error.lines === "number" ? error.lines : headerRow;
    problems.add(row, String(error.column ?? architecture), `this is not CSV: ${error.message}`);
    return { header: [], rows: [] };
  }
}

/** Of each named column, which cell of a row it is. */
function placesOf(
  header: readonly string[],
  { architecture, columns }: TableDescription,
  problems: Problems,
): Map<string, number> {
  problems.throwAny();
  const places = new Map<string, number>();
  for (const column of new Set([architecture, ...Object.values(columns)])) {
    const place = header.indexOf(column);
    places.set(column, place);
    if (header.length === 0) problems.add(headerRow, column, "the table is empty");
    else if (place < 0)
      problems.add(headerRow, column, `there is no such column. ${didYouMean(column, header)}`);
    else if (header.lastIndexOf(column) !== place)
      problems.add(headerRow, column, "two columns have this name");
  }
  return places;
}

function readArchitectures(
  rows: readonly Row[],
  place: number,
  description: TableDescription,
  problems: Problems,
): Pick<Table, "codes" | "rowOf"> {
  const { architecture: column } = description;
  const read = architectureReader(description);
  const rowByKey = new Map<string, number>();
  const codes = rows.map(({ cells, line }, row) => {
    try {
      const code = read(cells[place] ?? "");
      const key = keyOf(code);
      const earlier = rowByKey.get(key);
      if (earlier === undefined) rowByKey.set(key, row);
      else problems.add(line, column, `this is the architecture of row ${rows[earlier]?.line} again`);
      return code;
    } catch (error) {
      problems.add(line, column, (error as Error).message);
      return [];
    }
  });
  return { codes, rowOf: (code) => rowByKey.get(keyOf(code)) };
}

function readNumbers(
  rows: readonly Row[],
  place: number,
  column: string,
  isReward: boolean,
  problems: Problems,
): Float64Array {
  const values = Float64Array.from(rows, ({ cells, line }) => {
    const text = cells[place] ?? "";
    const problem = numberProblem(text);
    if (problem !== undefined) problems.add(line, column, problem);
    return problem === undefined ? Number(text) : Number.NaN;
  });
  const [first] = values;
  if (isReward && first !== undefined && values.every((value) => value === first)) {
    const row = rows[0]?.line ?? headerRow;
    problems.add(row, column, `every row has the reward ${first}, so there is nothing to search for`);
  }
  return values;
}

/** Why a cell is no number that a search can use; undefined where it is one. */
export function numberProblem(text: string): string | undefined {
  if (decimal.test(text) && Number.isFinite(Number(text))) return undefined;
  if (text === "") return "the value is missing";
  if (/^[+-]?nan$/i.test(text)) return "the value is not a number (NaN)";
  if (infinite.test(text) || decimal.test(text)) return `the value is infinite (${text})`;
  return `"${text}" is not a number`;
}

/** Codes are short lists of small numbers: characters of a text take the least time to compare. */
const keyOf = (code: readonly number[]): string => String.fromCharCode(...code);

/** @returns what reads a cell and throws an Error saying why it is not an architecture of the space */
function architectureReader({ positions, space }: TableDescription): (text: string) => number[] {
  const names = namePattern(positions);
  return (text) => {
    if (text === "") throw new Error("the architecture is missing");
    if (rounded.test(text))
      throw new Error(`"${text}" was rounded, as spreadsheets do with long numbers; ${exportAgain}`);
    if (space && /^\||\bGenotype\s*\(/.test(text) && /[~(]/.test(text))
      return fromGenotype(text, positions, space);
    const words = (text.match(names) ?? []).map((word) => word.trim()).filter((word) => word !== "");
    const isNames = words.every((word) => positions.some(({ operations }) => operations.includes(word)));
    if (words.length === 1 && !isNames) return fromDigits(text, positions);
    if (words.length !== positions.length) {
      throw new Error(`"${text}" names ${words.length} operations; an architecture has ${positions.length}`);
    }
    return words.map((word, index) => indexOf(positions[index]?.operations ?? [], word, index, text));
  };
}

/** A run of characters that names have. */
function namePattern(positions: TableDescription["positions"]): RegExp {
  const characters = new Set(positions.flatMap(({ operations }) => [...operations.join("")]));
  const escaped = [...characters].map((character) => character.replace(/[\\\]^-]/, "\\$&"));
  return new RegExp(`[\\w${escaped.join("")}]+`, "gu");
}

function fromGenotype(text: string, positions: TableDescription["positions"], space: SearchSpace): number[] {
  const selection = selectionFromGenotype(space, parseGenotype(text, space.name));
  const names = Object.values(selection).flat();
  return names.map((name, index) => indexOf(positions[index]?.operations ?? [], name, index, text));
}

/** What is wrong with an architecture of fewer digits than positions. */
export function lostZeros(text: string, positions: number): string {
  const whole = text.padStart(positions, "0");
  return `"${text}" has ${text.length} of ${positions} digits, as where a spreadsheet took leading zeros away ("${whole}"); ${exportAgain}`;
}

function fromDigits(text: string, positions: TableDescription["positions"]): number[] {
  if (text.length < positions.length && /^\d+$/.test(text)) {
    throw new Error(lostZeros(text, positions.length));
  }
  if (text.length !== positions.length) {
    throw new Error(
      `"${text}" is no architecture: neither ${positions.length} digits nor the names of as many operations`,
    );
  }
  return Array.from(text.toLowerCase(), (digit, index) => {
    const value = digits.indexOf(digit);
    const { length } = positions[index]?.operations ?? [];
    if (value >= 0 && value < length) return value;
    const last = digits[length - 1];
    throw new Error(
      `"${text}" is outside of the space: position ${index} has operations 0 to ${last}, not ${digit}`,
    );
  });
}

function indexOf(operations: readonly string[], name: string, position: number, text: string): number {
  const index = operations.indexOf(name);
  if (index >= 0) return index;
  const suggestion = closestName(name, operations);
  const known = suggestion === undefined ? `it has ${operations.join(", ")}` : `did you mean ${suggestion}?`;
  throw new Error(
    `"${text}" is outside of the space: position ${position} has no operation "${name}"; ${known}`,
  );
}

/** Collects what is wrong, in whatever order it is found. */
class Problems {
  readonly #found: TableProblem[] = [];

  add(row: number, column: string, detail: string): void {
    this.#found.push({ row, column, detail });
  }

  throwAny(): void {
    if (this.#found.length === 0) return;
    const sorted = this.#found.toSorted((left, right) => left.row - right.row);
    throw new TableError(sorted.slice(0, problemsShown), sorted.length);
  }
}
