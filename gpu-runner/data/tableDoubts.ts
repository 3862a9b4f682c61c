/** What a search on a table would refuse, as far as it shows without the specification that says what columns mean. */

import { lostZeros, numberProblem, type TableProblem } from "../../shared/table.ts";

/** A row below the header. */
export interface TableRow {
  cells: readonly string[];
  /** Of the file, from 1. */
  line: number;
}

interface Column {
  name: string;
  cells: readonly string[];
  /** By row, why it is no number; undefined of a number. */
  problems: readonly (string | undefined)[];
}

const wholeNumber = /^\d+$/;
const indices = /^[0-9a-z]+$/i;
const notFinite = /^[+-]?(nan|inf(inity)?)$/i;

/**
 * A column mostly of numbers is taken for a measurement. One of text that rarely repeats is taken for the architectures;
 * where there is none, the first whose cells are digits, most as many as the longest has.
 *
 * @returns in the order of the file
 */
export function tableDoubts(header: readonly string[], rows: readonly TableRow[]): TableProblem[] {
  const columns = header.map((name, place): Column => {
    const cells = rows.map((row) => row.cells[place] ?? "");
    return { name, cells, problems: cells.map(numberProblem) };
  });
  const texts = columns.filter((column) => isText(column) && rarelyRepeats(column));
  const digits = texts.length > 0 ? undefined : columns.find(isDigits);
  const architectures = digits === undefined ? texts : [digits];
  const numbers = columns.filter((column) => isNumbers(column) && column !== digits);
  const lineOf = (row: number) => rows[row]?.line ?? 0;
  return [
    ...twins(header),
    ...numbers.flatMap((column) => notNumbers(column, lineOf)),
    ...architectures.flatMap((column) => repeated(column, lineOf)),
    ...(digits === undefined ? [] : shortened(digits, lineOf)),
  ].toSorted((left, right) => left.row - right.row);
}

const isMost = (count: number, { cells }: Column): boolean => 2 * count > cells.length;

const isNumbers = (column: Column): boolean =>
  isMost(
    column.cells.filter((cell, row) => column.problems[row] === undefined || notFinite.test(cell)).length,
    column,
  );

const isText = (column: Column): boolean =>
  !isNumbers(column) &&
  !isDigits(column) &&
  isMost(column.cells.filter((cell) => cell !== "").length, column);

const rarelyRepeats = (column: Column): boolean => isMost(new Set(column.cells).size, column);

/**
 * A row's number is no architecture, though it has digits; nor are measured integers, which have all ten of them while
 * spaces with so many operations are rare.
 */
function isDigits(column: Column): boolean {
  const { cells } = column;
  const filled = cells.filter((cell) => cell !== "");
  const length = longest(cells);
  const isCount = cells.every((cell, row) => row === 0 || Number(cell) - Number(cells[row - 1]) === 1);
  return (
    length > 1 &&
    !isCount &&
    !(isNumbers(column) && filled.some((cell) => cell.includes("9"))) &&
    filled.every((cell) => indices.test(cell) && (cell.length === length || wholeNumber.test(cell))) &&
    filled.some((cell) => /\d/.test(cell)) &&
    isMost(cells.filter((cell) => cell.length === length).length, column) &&
    rarelyRepeats(column)
  );
}

const longest = (cells: readonly string[]): number =>
  cells.reduce((length, cell) => Math.max(length, cell.length), 0);

function twins(header: readonly string[]): TableProblem[] {
  return header.flatMap((column, place) =>
    column !== "" && header.indexOf(column) !== place
      ? [{ row: 1, column, detail: "two columns have this name" }]
      : [],
  );
}

function notNumbers({ name, problems }: Column, lineOf: (row: number) => number): TableProblem[] {
  return problems.flatMap((detail, row) =>
    detail === undefined ? [] : [{ row: lineOf(row), column: name, detail }],
  );
}

function repeated({ name, cells }: Column, lineOf: (row: number) => number): TableProblem[] {
  const rowByCell = new Map<string, number>();
  return cells.flatMap((cell, row) => {
    if (cell === "") return [{ row: lineOf(row), column: name, detail: "the architecture is missing" }];
    const earlier = rowByCell.get(cell);
    if (earlier === undefined) rowByCell.set(cell, row);
    else {
      const detail = `this is the architecture of row ${lineOf(earlier)} again`;
      return [{ row: lineOf(row), column: name, detail }];
    }
    return [];
  });
}

function shortened({ name, cells }: Column, lineOf: (row: number) => number): TableProblem[] {
  const length = longest(cells);
  return cells.flatMap((cell, row) =>
    cell === "" || cell.length === length
      ? []
      : [{ row: lineOf(row), column: name, detail: lostZeros(cell, length) }],
  );
}
