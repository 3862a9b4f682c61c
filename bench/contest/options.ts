/** The command line of bench/contest.ts. */

import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { cifar10, hasCifar } from "../../gpu-runner/data/cifar.ts";
import { cacheDir } from "../../setup/tensorflow.mjs";
import { projectFolder } from "../search/benchmark.ts";
import { chosen, positive, UsageError } from "../search/options.ts";
import { nasBench201 } from "../search/problems.ts";
import { type ContestDataset, contestDatasets, type SpaceName, spaceNames } from "./arena.ts";

export interface ContestOptions {
  part: "A" | "B";
  /** Folder with the files of CIFAR-10; what needs it says so. */
  dataFolder: string | undefined;
  table: string;
  stateFolder: string;
  seeds: number[];
  /** Processor hours of a search. */
  hours: number;
  contestants: string[];
  reportsOnly: boolean;
  picture: string;
  /** Of part B. */
  space: SpaceName;
  datasets: ContestDataset[];
  /** Steps of the training by which all answers are judged. */
  finalSteps: number;
  /** Random architectures for each one of an answer. */
  controls: number;
  isJson: boolean;
}

/** What each part knows, and its hours unless told. */
export type PartDefaults = Record<ContestOptions["part"], { hours: number; contestants: readonly string[] }>;

/** @throws UsageError naming the option and what it takes */
export function contestOptions(defaults: PartDefaults, argv: readonly string[]): ContestOptions {
  const args = parse(argv);
  const part = chosen(args.part ?? "none", "part", Object.keys(defaults)) as ContestOptions["part"];
  const own = defaults[part];
  const stateFolder = path.resolve(args.state ?? path.join(cacheDir(), "contest"));
  return {
    part,
    dataFolder: args.data,
    table: args.table ?? path.join(projectFolder, nasBench201),
    stateFolder,
    seeds: args.seeds.split(",").map((seed) => positive("seeds", seed)),
    hours: hoursOf(args.hours, own.hours),
    contestants: args.contestants?.split(",").map((name) => chosen(name, "contestants", own.contestants)) ?? [
      ...own.contestants,
    ],
    reportsOnly: args.report,
    picture: path.resolve(args.picture ?? path.join(stateFolder, `contest-${part.toLowerCase()}.svg`)),
    space: chosen(args.space, "space", spaceNames) as SpaceName,
    datasets: args.dataset
      .split(",")
      .map((name) => chosen(name, "dataset", contestDatasets) as ContestDataset),
    finalSteps: positive("final-steps", args["final-steps"]),
    controls: positive("controls", args.controls),
    isJson: args.json,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        part: { type: "string" },
        data: { type: "string" },
        table: { type: "string" },
        state: { type: "string" },
        seeds: { type: "string", default: "1,2,3" },
        hours: { type: "string" },
        contestants: { type: "string" },
        report: { type: "boolean", default: false },
        picture: { type: "string" },
        space: { type: "string", default: "tnd-nas" },
        dataset: { type: "string", default: contestDatasets.join() },
        "final-steps": { type: "string", default: "700" },
        controls: { type: "string", default: "10" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function hoursOf(given: string | undefined, otherwise: number): number {
  const hours = given === undefined ? otherwise : Number(given);
  if (hours > 0 && Number.isFinite(hours)) return hours;
  throw new UsageError(`--hours takes processor hours above 0, such as 2 or 0.5, not ${given}.`);
}

/** @throws UsageError where the files of CIFAR-10 are not given or not there */
export function cifarFolder({ dataFolder }: Pick<ContestOptions, "dataFolder">): string {
  if (dataFolder === undefined)
    throw new UsageError("Say where the binary files of CIFAR-10 are: --data FOLDER.");
  if (hasCifar(cifar10, dataFolder)) return dataFolder;
  throw new UsageError(
    `${dataFolder} has not all binary files of CIFAR-10 (data_batch_1.bin, ..., test_batch.bin). Give another folder with --data.`,
  );
}

/** @throws UsageError where the table is not there */
export function tableFile({ table }: Pick<ContestOptions, "table">): string {
  if (existsSync(table)) return table;
  throw new UsageError(`There is no table ${table}. Give NAS-Bench-201's with --table FILE.`);
}
