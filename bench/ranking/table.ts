/**
 * The cells of NAS-Bench-201 with what the benchmark knows of them, and draws of cells that stand for the whole table.
 * The two draws of a seed share no cell, nor two forms of one cell: one is to choose settings by, the other to report.
 */

import { readFileSync } from "node:fs";
import { tableText } from "../../gpu-runner/data/tableText.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import { edgesOf, resolveSpace } from "../../shared/space.ts";

export const space = resolveSpace("nas-bench-201");
const edges = edgesOf(space);
const operationNames = space.cells.normal?.operations ?? [];

/** One row of the table. */
export interface BenchmarkCell {
  index: number;
  /** By edge, the index of its operation among those of the space. */
  selection: readonly number[];
  /** Lowest index of a cell that computes the same. */
  canonicalIndex: number;
  /** Test accuracy after 200 epochs in percent, mean over the benchmark's seeds: what rankings are held against. */
  accuracy: number;
  /** Validation accuracy in percent after the benchmark's own training of 12 epochs. */
  twelveEpochs: number;
  /** Of the benchmark's network for CIFAR-10; operations that nothing reads count. */
  parameters: number;
}

/** What a draw is for. */
export type DrawName = "choose" | "report";

const NONE = operationNames.indexOf("none");

/**
 * All cells of a table like `nasbench201.csv.gz`.
 *
 * @throws Error naming the column that is missing or the line that is no cell
 */
export function readCells(file: string): BenchmarkCell[] {
  const [header = "", ...lines] = tableText(readFileSync(file), file)
    .trimEnd()
    .split(/\r\n|\n|\r/);
  const names = header.split(",");
  const columnOf = (name: string): number => {
    const column = names.indexOf(name);
    if (column < 0) throw new Error(`${file} has no column ${name}.`);
    return column;
  };
  const columns = {
    index: columnOf("index"),
    canonicalIndex: columnOf("canonical_index"),
    accuracy: columnOf("c10_test_200"),
    twelveEpochs: columnOf("c10_valid_12"),
    parameters: columnOf("params_c10"),
  };
  const operations = columnOf("ops");
  return lines.map((line, row) => {
    const fields = line.split(",");
    const numbers = Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, numberOf(fields[column])]),
    ) as Record<keyof typeof columns, number>;
    const selection = Array.from(fields[operations] ?? "", Number);
    const isCell =
      selection.length === edges.length &&
      selection.every((operation) => operationNames[operation] !== undefined) &&
      Object.values(numbers).every(Number.isFinite);
    if (!isCell) throw new Error(`${file}: line ${row + 2} is no cell.`);
    return { ...numbers, selection };
  });
}

/** By edge, whether it lies on a way from the cell's input to its output along edges that are not `none`. */
export function liveEdges(selection: readonly number[]): boolean[] {
  const output = space.inputs + space.nodes - 1;
  const isThere = (position: number): boolean => selection[position] !== NONE;
  const fed = new Set([0]);
  for (const { from, to, position } of edges) if (isThere(position) && fed.has(from)) fed.add(to);
  const read = new Set([output]);
  for (const { from, to, position } of edges.toReversed())
    if (isThere(position) && read.has(to)) read.add(from);
  return edges.map(({ from, to, position }) => isThere(position) && fed.has(from) && read.has(to));
}

/** Whether the cell's output depends on its input. */
export const isConnected = (selection: readonly number[]): boolean => liveEdges(selection).some(Boolean);

/**
 * Connected cells in which each number of parameters has its share: groups of equal parameters are drawn from by
 * their size, so that figures estimate those of the whole table.
 *
 * @throws RangeError where there are not so many cells
 */
export function drawCells(
  cells: readonly BenchmarkCell[],
  { name, count, seed }: { name: DrawName; count: number; seed: number },
): BenchmarkCell[] {
  const candidates = cells.filter(
    ({ selection, canonicalIndex }) => isConnected(selection) && drawOf(canonicalIndex, seed) === name,
  );
  if (count > candidates.length)
    throw new RangeError(`There are ${candidates.length} connected cells to draw from, not ${count}.`);
  const groups = [...groupsOf(candidates.map(({ parameters }) => parameters)).entries()].sort(
    ([left], [right]) => left - right,
  );
  let seen = 0;
  const drawn: BenchmarkCell[] = [];
  for (const [parameters, members] of groups) {
    seen += members.length;
    // Rounding the running total makes the whole exact, not only each group.
    const wanted = Math.round((seen * count) / candidates.length) - drawn.length;
    new Random(deriveSeed(seed, "draw", parameters)).shuffle(members);
    for (const member of members.slice(0, wanted)) drawn.push(candidates[member] as BenchmarkCell);
  }
  return drawn;
}

const drawOf = (canonicalIndex: number, seed: number): DrawName =>
  new Random(deriveSeed(seed, "half", canonicalIndex)).integer(2) === 0 ? "choose" : "report";

/** By value, the positions that have it. */
export function groupsOf(values: readonly number[]): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const [index, value] of values.entries()) {
    const members = groups.get(value);
    if (members === undefined) groups.set(value, [index]);
    else members.push(index);
  }
  return groups;
}

/** Not a number where nothing is written, which `Number` takes for 0. */
const numberOf = (field = ""): number => (field.trim() === "" ? Number.NaN : Number(field));
