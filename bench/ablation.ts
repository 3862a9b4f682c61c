/**
 * What each part of the default strategy is worth: the strategy without it, on the search that it was tuned on.
 *
 * npm run -s bench:ablation -- [--problem P1] [--seeds 50] [--evaluations 100,300] [--json]
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "../cli/progress.ts";
import { textTable } from "../cli/table.ts";
import { allParts, createDefault, type DefaultParts } from "../edge/controller/strategies/default/index.ts";
import { loadBenchmark, projectFolder } from "./search/benchmark.ts";
import { problems } from "./search/problems.ts";
import { runStrategy } from "./search/run.ts";
import { mean, standardError, welch } from "./search/samples.ts";

const variants: Record<string, Partial<DefaultParts>> = {
  "the whole": {},
  "no mutants of the front": { mutants: false },
  "no children of the front": { crossover: false },
  "no further generations": { generations: false },
  "no corners first": { corners: false },
  "one kernel for all": { kernels: false },
  "expectations only": { uncertainty: false },
  "any candidates, unscreened": { screen: false },
};

const { values: options } = parseArgs({
  options: {
    problem: { type: "string", default: "P1" },
    seeds: { type: "string", default: "50" },
    evaluations: { type: "string", default: "100,300" },
    json: { type: "boolean", default: false },
  },
});
const search = problems.find(({ name }) => name === options.problem);
const table = path.resolve(projectFolder, search?.table ?? "");
if (search === undefined || !existsSync(table)) {
  console.error(`Skipped: there is no table for ${options.problem}.`);
  process.exit(0);
}
const benchmark = loadBenchmark({ ...search, table });
const marks = options.evaluations.split(",").map(Number);
const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const step = createProgress()("Searches", seeds.length * Object.keys(variants).length);
let done = 0;
const results = Object.entries(variants).map(([name, change]) => {
  const strategy = createDefault({ ...allParts, ...change });
  const runs = seeds.map((seed) => {
    const { rows } = runStrategy(strategy, benchmark, Math.max(...marks), seed);
    step.update(++done);
    return marks.map((mark) => benchmark.regretOf(rows.slice(0, mark)));
  });
  return { name, regrets: marks.map((_, mark) => runs.map((run) => run[mark] as number)) };
});
step.finish();
const [whole] = results;
const rows = results.map(({ name, regrets }) => ({
  name,
  ...Object.fromEntries(
    marks.flatMap((mark, index) => {
      const list = regrets[index] as number[];
      const { pValue } = welch(whole?.regrets[index] ?? [], list);
      return [
        [`n${mark}`, meanAndError(list)],
        [`p${mark}`, name === whole?.name ? "" : pValue < 0.001 ? "< .001" : pValue.toFixed(3)],
      ];
    }),
  ),
}));
console.log(
  options.json
    ? JSON.stringify({ problem: search.name, seeds: seeds.length, rows })
    : textTable(rows, {
        name: "",
        ...Object.fromEntries(
          marks.flatMap((mark) => [
            [`n${mark}`, `n=${mark}`],
            [`p${mark}`, "p"],
          ]),
        ),
      }),
);

function meanAndError(list: readonly number[]): string {
  return `${mean(list).toFixed(3)} ± ${standardError(list)?.toFixed(3) ?? "-"}`;
}
