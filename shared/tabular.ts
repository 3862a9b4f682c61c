/** What a search on a table must ask for: a table that was pushed, columns that it has, no more rows than there are. */

import type { DatasetFacts } from "./datasets.ts";
import { type FieldError, objectiveId, type Specification, type TabularEvaluation } from "./specification.ts";
import { closestName, didYouMean } from "./suggest.ts";

export interface TableFacts {
  columns: readonly string[];
  rows: number;
}

/** What must be known of pushed data to check a specification. */
export type PushedFacts = DatasetFacts | TableFacts;

export const isTable = (facts: PushedFacts): facts is TableFacts => "columns" in facts;

/** @param pushed by name, or `elsewhere` where somebody else knows the tables */
export function tabularErrors(
  specification: Specification,
  pushed: Readonly<Record<string, PushedFacts>> | "elsewhere",
): FieldError[] {
  const { evaluation, budget } = specification;
  if (evaluation.kind !== "tabular") return [];
  const errors = [...costErrors(specification, evaluation), ...isomorphicErrors(specification, evaluation)];
  const facts = pushed === "elsewhere" ? undefined : tableOf(evaluation.table, pushed);
  if (facts !== undefined && "pointer" in facts) errors.push(facts);
  else if (facts !== undefined) errors.push(...columnErrors(evaluation, facts));
  const rows = facts !== undefined && "rows" in facts ? facts.rows : undefined;
  return [...errors, ...evaluationErrors(budget, rows)];
}

/** @param rows of the table, where they are known */
export function evaluationErrors({ evaluations }: Specification["budget"], rows?: number): FieldError[] {
  const pointer = "/budget/evaluations";
  if (evaluations === undefined) {
    const most = rows === undefined ? "" : `, ${rows} at most`;
    return [
      { pointer, detail: `a search on a table needs a number of architectures to look up${most}; set it` },
    ];
  }
  if (rows === undefined || evaluations <= rows) return [];
  const detail = `the table has ${rows} rows, fewer than ${evaluations}; ask for ${rows} evaluations at most`;
  return [{ pointer, detail }];
}

/** The facts of a table, or why there are none. */
function tableOf(name: string, pushed: Readonly<Record<string, PushedFacts>>): TableFacts | FieldError {
  const pointer = "/evaluation/table";
  const facts = Object.hasOwn(pushed, name) ? pushed[name] : undefined;
  const how = `push one with \`nasturtium data push TABLE.csv --name`;
  if (facts === undefined) {
    const tables = Object.entries(pushed).flatMap(([other, known]) => (isTable(known) ? [other] : []));
    const closest = closestName(name, tables);
    const meant = closest === undefined ? "" : ` (did you mean "${closest}"?)`;
    return { pointer, detail: `no table "${name}"${meant}; ${how} ${name}\`` };
  }
  if (isTable(facts)) return facts;
  const detail = `"${name}" holds images, not a table; name a table, ${how} NAME\`, or search with evaluation: { kind: supernet } and dataset: { name: ${name} }`;
  return { pointer, detail };
}

function columnErrors(evaluation: TabularEvaluation, { columns }: TableFacts): FieldError[] {
  const named: [pointer: string, column: string][] = [
    ["/evaluation/architecture", evaluation.architecture],
    ["/evaluation/reward", evaluation.reward],
    ...Object.entries(evaluation.costs).map(([id, column]): [string, string] => [pointerOfCost(id), column]),
  ];
  return named.flatMap(([pointer, column]) => {
    const place = columns.indexOf(column);
    const table = `the table ${evaluation.table}`;
    if (place < 0) {
      const known = columns.filter((name) => name !== "");
      return [{ pointer, detail: `${table} has no column "${column}". ${didYouMean(column, known)}` }];
    }
    if (columns.lastIndexOf(column) === place) return [];
    return [{ pointer, detail: `${table} has two columns "${column}"; rename one and push it again` }];
  });
}

/** Objectives without a column, and a column that would not be used. */
function costErrors({ objectives }: Specification, { costs }: TabularEvaluation): FieldError[] {
  const errors: FieldError[] = [];
  objectives.forEach((objective, index) => {
    const id = objectiveId(objective);
    if (id === "accuracy" || Object.hasOwn(costs, id)) return;
    const detail = `no column has the values of "${id}"; add evaluation.costs: { ${id}: COLUMN }`;
    errors.push({ pointer: `/objectives/${index}`, detail });
  });
  if (Object.hasOwn(costs, "accuracy")) {
    const detail = "the column of accuracy is evaluation.reward; leave it out of costs";
    errors.push({ pointer: pointerOfCost("accuracy"), detail });
  }
  return errors;
}

function isomorphicErrors({ space }: Specification, { isomorphic }: TabularEvaluation): FieldError[] {
  if (isomorphic === "apart" || typeof space !== "object" || !("positions" in space)) return [];
  const detail = "a space of positions has no nodes that could be numbered otherwise; leave it out";
  return [{ pointer: "/evaluation/isomorphic", detail }];
}

const pointerOfCost = (id: string): string =>
  `/evaluation/costs/${id.replaceAll("~", "~0").replaceAll("/", "~1")}`;
