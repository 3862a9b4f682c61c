/**
 * Whether a search with this product beats what the same processor seconds buy without it.
 *
 * Part A, with ground truth: searches of NAS-Bench-201's cells on the images of CIFAR-10, against random search, Optuna
 * and pymoo that train each cell for 12 epochs as the benchmark did. All are judged by the table's test accuracy.
 *
 *     npm run -s bench:contest -- --part A --data FOLDER [--table FILE] [--state DIR] [--seeds 1,2,3] [--hours 2]
 *         [--contestants default,tnd-nas,training,random,optuna-nsga2,optuna-tpe,pymoo-nsga2]
 *         [--report] [--picture FILE] [--json]
 *
 * Part B, without a table: searches of `tnd-nas` or `darts` on real images, against random architectures under successive
 * halving and Optuna, which train as the product does until the same processor seconds are spent. What each hands over is
 * trained by one recipe from two seeds and tested, beside random architectures of the same sizes.
 *
 *     npm run -s bench:contest -- --part B --data FOLDER [--space tnd-nas] [--dataset fashion-mnist,cifar10]
 *         [--state DIR] [--seeds 1,2,3] [--hours 0.333] [--final-steps 700] [--controls 10]
 *         [--contestants default,training,random-halving,optuna-tpe,optuna-nsga2] [--report] [--json]
 *
 * FOLDER holds the standard binary files of CIFAR-10, also `.xz`. What is finished is kept in DIR and not done again;
 * --report only reports it. Hours are processor hours of a search: user and system time of runner and edge.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { type ContestOptions, cifarFolder, contestOptions, tableFile } from "./contest/options.ts";
import { contestProblems } from "./contest/outside.ts";
import { partADefaults, partAUnits } from "./contest/partA.ts";
import { PartB, partBDefaults } from "./contest/partB.ts";
import { curvesPicture } from "./contest/picture.ts";
import { placeOf, printPlace, productCommit } from "./contest/place.ts";
import { printA } from "./contest/printA.ts";
import { printB } from "./contest/printB.ts";
import { reportA } from "./contest/reportA.ts";
import { reportB } from "./contest/reportB.ts";
import { ContestState, runUnits } from "./contest/state.ts";
import { loadBenchmark } from "./search/benchmark.ts";
import { asksForHelp, UsageError, usageOf } from "./search/options.ts";

const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    abort.abort();
  });
}

try {
  if (asksForHelp()) console.log(usageOf(import.meta.filename));
  else {
    const defaults = { A: partADefaults, B: partBDefaults };
    const options = contestOptions(defaults, process.argv.slice(2));
    await (options.part === "A" ? partA(options) : partB(options));
  }
} catch (error) {
  if (error instanceof UsageError) {
    console.error(error.message);
    process.exitCode = 2;
  } else if (!abort.signal.aborted) throw error;
  else {
    console.error("Interrupted: what is finished is kept, the same command goes on.");
    process.exit(); // peers that still run end with this
  }
}

async function partA(options: ContestOptions): Promise<void> {
  const state = new ContestState(options.stateFolder, productCommit());
  const context = { ...options, state, log, signal: abort.signal };
  checkTable(options);
  if (!options.reportsOnly) {
    cifarFolder(options);
    await runUnits(state, partAUnits(options, context), context);
  }
  const report = reportA(state, options, context);
  mkdirSync(path.dirname(options.picture), { recursive: true });
  const panels = report.problems.map(({ cost, curves }) => ({
    title: `Regret against ${cost}`,
    curves,
  }));
  writeFileSync(options.picture, curvesPicture(panels));
  log(`picture: ${options.picture}`);
  print(options, report, printA(report));
}

/** @throws UsageError where it is not there or has not what is needed */
function checkTable(options: ContestOptions): void {
  const table = tableFile(options);
  try {
    contestProblems(table).forEach(loadBenchmark);
  } catch (error) {
    throw new UsageError(`${table}: ${(error as Error).message}\nGive NAS-Bench-201's with --table FILE.`);
  }
}

async function partB(options: ContestOptions): Promise<void> {
  const context = { log, signal: abort.signal };
  const state = new ContestState(options.stateFolder, productCommit());
  const parts = options.datasets.map((dataset) => new PartB(dataset, options, context));
  if (!options.reportsOnly) {
    if (options.datasets.includes("cifar10")) cifarFolder(options);
    await runUnits(
      state,
      parts.flatMap((part) => part.searchUnits()),
      context,
    );
    await runUnits(
      state,
      parts.flatMap((part) => part.testUnits(state)),
      context,
    );
  }
  const report = reportB(options.space, parts, options.contestants, state);
  print(options, report, printB(report));
}

function print({ part, isJson }: ContestOptions, report: object, text: string): void {
  const place = placeOf();
  console.log(isJson ? JSON.stringify({ part, ...place, ...report }) : `${printPlace(place)}\n\n${text}`);
}
