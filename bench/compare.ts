/**
 * Whether a strategy is better than others: reads what `bench:search` and `bench:peers` wrote with `--json`, and tests
 * the regrets of each problem and number of evaluations (Welch 1947), with the p-values of each problem adjusted for
 * their number (Holm 1979).
 *
 * npm run -s bench:compare -- [--strategy default] REPORT.json ...
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { textTable } from "../cli/table.ts";
import { holm, mean, welch } from "./search/samples.ts";

const level = 0.05;

const reportSchema = z.looseObject({
  problems: z.array(
    z.looseObject({
      name: z.string(),
      floorPercent: z.number(),
      contestants: z.array(
        z.looseObject({
          name: z.string(),
          checkpoints: z.array(z.looseObject({ evaluations: z.int(), regretsPercent: z.array(z.number()) })),
        }),
      ),
    }),
  ),
});

interface Cell {
  problem: string;
  floor: number;
  evaluations: number;
  contestant: string;
  regrets: number[];
}

const { values, positionals } = parseArgs({
  options: { strategy: { type: "string", default: "default" }, json: { type: "boolean", default: false } },
  allowPositionals: true,
});
const cells = positionals.flatMap((file) =>
  cellsOf(reportSchema.parse(JSON.parse(readFileSync(file, "utf8")))),
);
if (!cells.some(({ contestant }) => contestant === values.strategy)) {
  console.error(
    `No report has the strategy ${values.strategy}; name files that bench:search wrote with --json.`,
  );
  process.exit(2);
}
const problems = [...new Set(cells.map(({ problem }) => problem))];
const rows = problems.flatMap((problem) => rowsOf(cells.filter((cell) => cell.problem === problem)));
console.log(
  values.json
    ? JSON.stringify({ strategy: values.strategy, level, rows })
    : textTable(rows, {
        problem: "PROBLEM",
        evaluations: "n",
        contestant: "AGAINST",
        regret: "REGRET %",
        own: values.strategy.toUpperCase(),
        aboveFloor: "OF ITS REGRET ABOVE THE FLOOR",
        adjusted: "p (HOLM)",
        verdict: "",
      }),
);

function cellsOf({ problems: list }: z.infer<typeof reportSchema>): Cell[] {
  return list.flatMap(({ name, floorPercent, contestants }) =>
    contestants.flatMap(({ name: contestant, checkpoints }) =>
      checkpoints.map(({ evaluations, regretsPercent }) => ({
        problem: name,
        floor: floorPercent,
        evaluations,
        contestant,
        regrets: regretsPercent,
      })),
    ),
  );
}

function rowsOf(problem: readonly Cell[]) {
  const own = problem.filter(({ contestant }) => contestant === values.strategy);
  const pairs = problem.flatMap((other) => {
    const mine = own.find(({ evaluations }) => evaluations === other.evaluations);
    if (mine === undefined || other.contestant === values.strategy) return [];
    return [{ mine, other, ...welch(mine.regrets, other.regrets) }];
  });
  const adjusted = holm(pairs.map(({ pValue }) => pValue));
  return pairs.map(({ mine, other, difference }, index) => {
    const p = adjusted[index] as number;
    const [left, right] = [mean(mine.regrets), mean(other.regrets)];
    const share = (left - mine.floor) / (right - mine.floor);
    return {
      problem: mine.problem,
      evaluations: mine.evaluations,
      contestant: other.contestant,
      regret: right.toFixed(3),
      own: left.toFixed(3),
      aboveFloor: share.toFixed(2),
      adjusted: p < 0.0001 ? "< .0001" : p.toFixed(4),
      verdict: p >= level ? "tied" : difference < 0 ? "better" : "WORSE",
    };
  });
}
