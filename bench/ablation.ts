/**
 * What each part of the default strategy is worth: the strategy without it, on a table and on made-up objectives, each
 * difference paired by objective and seed.
 *
 *     npm run -s bench:ablation -- [--problem P1] [--seeds 10] [--first-seed 1] [--evaluations 100,300]
 *         [--part NAME,...] [--json]
 *
 * Without the table only made-up objectives are used.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createProgress, duration } from "../cli/progress.ts";
import { textTable } from "../cli/table.ts";
import { allParts, createDefault, type DefaultParts } from "../edge/controller/strategies/default/index.ts";
import { families, type ObjectiveOptions } from "./large/objectives.ts";
import { LargeProblem } from "./large/problem.ts";
import { loadBenchmark, projectFolder } from "./search/benchmark.ts";
import { usageOf } from "./search/options.ts";
import { problems } from "./search/problems.ts";
import { runStrategy } from "./search/run.ts";
import { mean, pairedT } from "./search/samples.ts";

const variants: Record<string, Partial<DefaultParts>> = {
  "the whole": {},
  "no mutants of the front": { mutants: false },
  "no children of the front": { crossover: false },
  "no further generations": { generations: false },
  "one kernel for all": { kernels: false },
  "no unscreened neighbours": { neighbours: false },
  "expectations only": { uncertainty: false },
  "any candidates": { screen: false },
};

const { values: options } = parseArgs({
  options: {
    problem: { type: "string", default: "P1" },
    seeds: { type: "string", default: "10" },
    "first-seed": { type: "string", default: "1" },
    evaluations: { type: "string", default: "100,300" },
    part: { type: "string", default: Object.keys(variants).join() },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(usageOf(import.meta.filename));
  process.exit(0);
}

const marks = options.evaluations.split(",").map(Number);
const seeds = Array.from(
  { length: Number(options.seeds) },
  (_, index) => Number(options["first-seed"]) + index,
);
const chosen = Object.entries(variants).filter(
  ([name]) => name === "the whole" || options.part.split(",").includes(name),
);

/** Objectives of one kind: regrets of a variant by mark, in the same order for every variant. */
interface Group {
  name: string;
  searches: number;
  regrets(parts: DefaultParts, done: () => void): number[][];
}

const groups: Group[] = [
  ...tableGroup(),
  largeGroup("cells of 28 edges, exact", ["tnd-nas", "darts"], 0),
  largeGroup("cells of 28 edges, noisy", ["tnd-nas", "darts"], 0.3),
  largeGroup("blocks, exact", ["positions-28x8", "positions-7x36"], 0),
];

function tableGroup(): Group[] {
  const search = problems.find(({ name }) => name === options.problem);
  const table = path.resolve(projectFolder, search?.table ?? "");
  if (search === undefined || !existsSync(table)) {
    console.error(`Skipped: there is no table for ${options.problem}.`);
    return [];
  }
  const benchmark = loadBenchmark({ ...search, table });
  // A search on a table takes little and differs much from seed to seed.
  const ofTable = seeds.flatMap((seed) => [1, 2, 3, 4].map((part) => 4 * seed + part));
  const regrets: Group["regrets"] = (parts, done) =>
    ofTable.map((seed) => {
      const { rows } = runStrategy(createDefault(parts), benchmark, Math.max(...marks), seed);
      done();
      return marks.map((mark) => benchmark.regretOf(rows.slice(0, mark)));
    });
  return [{ name: `table ${search.name}`, searches: ofTable.length, regrets }];
}

function largeGroup(name: string, spaces: readonly string[], noise: number): Group {
  const objectives = seeds.flatMap((seed) =>
    spaces.flatMap((space) =>
      families.map((family): ObjectiveOptions => ({ space, family, noise, isCostKnown: false, seed })),
    ),
  );
  const regrets: Group["regrets"] = (parts, done) =>
    objectives.map((objective) => {
      const problem = new LargeProblem(objective);
      const run = runStrategy(createDefault(parts), problem, Math.max(...marks), objective.seed);
      done();
      return marks.map((mark) => problem.regretOf(run, mark));
    });
  return { name, searches: objectives.length, regrets };
}

const total = chosen.length * groups.reduce((sum, { searches }) => sum + searches, 0);
const step = createProgress()("Searches", total);
const startedAt = performance.now();
let done = 0;
const count = () => {
  done++;
  const seconds = (performance.now() - startedAt) / 1000;
  step.update(done, `about ${duration((seconds / done) * (total - done))} left`);
};
const rows = groups.flatMap((group) => {
  const results = chosen.map(([name, change]) => ({
    name,
    regrets: group.regrets({ ...allParts, ...change }, count),
  }));
  const whole = results[0]?.regrets ?? [];
  return results.map(({ name, regrets }) => ({
    group: group.name,
    name,
    ...Object.fromEntries(
      marks.flatMap((mark, index) => {
        const own = regrets.map((list) => list[index] as number);
        const { pValue } = pairedT(
          own,
          whole.map((list) => list[index] as number),
        );
        return [
          [`n${mark}`, mean(own).toFixed(mean(own) < 5 ? 3 : 2)],
          [`p${mark}`, name === "the whole" ? "" : pValue < 0.001 ? "< .001" : pValue.toFixed(3)],
        ];
      }),
    ),
  }));
});
step.finish();
console.log(
  options.json
    ? JSON.stringify({ problem: options.problem, seeds, rows })
    : textTable(rows, {
        group: "",
        name: "",
        ...Object.fromEntries(
          marks.flatMap((mark) => [
            [`n${mark}`, `n=${mark}`],
            [`p${mark}`, "p"],
          ]),
        ),
      }),
);
