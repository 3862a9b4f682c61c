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
 * FOLDER holds the standard binary files of CIFAR-10, also `.xz`. What is finished is kept in DIR and not done again;
 * --report only reports it. Hours are processor hours of a search: user and system time of runner and edge.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { type ContestOptions, cifarFolder, contestOptions, tableFile } from "./contest/options.ts";
import { partADefaults, partAUnits } from "./contest/partA.ts";
import { curvesPicture } from "./contest/picture.ts";
import { placeOf, printPlace, productCommit } from "./contest/place.ts";
import { printA } from "./contest/printA.ts";
import { reportA } from "./contest/reportA.ts";
import { ContestState, runUnits } from "./contest/state.ts";
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
    const options = contestOptions({ A: partADefaults }, process.argv.slice(2));
    await partA(options);
  }
} catch (error) {
  if (error instanceof UsageError) {
    console.error(error.message);
    process.exitCode = 2;
  } else if (!abort.signal.aborted) throw error;
  else console.error("Interrupted: what is finished is kept, the same command goes on.");
}
process.exit(); // peers that still run end with this

async function partA(options: ContestOptions): Promise<void> {
  const context = { ...options, log, signal: abort.signal };
  const state = new ContestState(options.stateFolder, productCommit());
  tableFile(options);
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
  const place = placeOf();
  console.log(
    options.isJson
      ? JSON.stringify({ part: "A", ...place, ...report })
      : `${printPlace(place)}\n\n${printA(report)}`,
  );
}
