/** A search on a table, ready to be run: the table read, the problem as a strategy sees it, and the regret. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { tableProblem } from "../../edge/controller/strategies/tableProblem.ts";
import { tableText } from "../../gpu-runner/data/tableText.ts";
import { resolveSpace } from "../../shared/space.ts";
import { readTable, type Table } from "../../shared/table.ts";
import type { TabularSearch } from "./problems.ts";
import { regretMeasure, type Values } from "./regret.ts";
import type { Answering } from "./run.ts";

export interface Benchmark extends Answering {
  table: Table;
  values: Values;
  /** In percent, after the given rows were evaluated. */
  regretOf(rows: Iterable<number>): number;
}

/** A table's path is relative to where the command was given, that of a named search to the project. */
export const projectFolder = path.resolve(import.meta.dirname, "../..");

/**
 * @throws Error where the file cannot be read or there is no such space
 * @throws TableError naming what is wrong with the table
 */
export function loadBenchmark(search: TabularSearch): Benchmark {
  const space = resolveSpace(search.space);
  const problem = tableProblem(space);
  const { positions } = problem;
  const { reward, score, cost, architecture } = search;
  const text = tableText(readFileSync(search.table), search.table);
  const columns = { reward, score, cost };
  const table = readTable(text, { architecture, columns, reward: "reward", positions, space });
  const values = table.columns as unknown as Values;
  return { table, values, problem, regretOf: regretMeasure(values), measure: lookedUp(table, values) };
}

/** What a table has of an architecture; nothing of one that it lacks. */
export function lookedUp({ rowOf }: Pick<Table, "rowOf">, { reward, cost }: Values): Answering["measure"] {
  return (code) => {
    const row = rowOf(code);
    if (row === undefined) return { row, measured: [null, null] };
    return { row, measured: [reward[row] ?? null, cost[row] ?? null] };
  };
}
