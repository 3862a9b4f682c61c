/** Where a contest was measured: machine, versions and the product's commit. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus } from "node:os";
import path from "node:path";
import { projectFolder } from "../search/benchmark.ts";

const require = createRequire(import.meta.url);

export interface Place {
  date: string;
  machine: { cpu: string | undefined; cores: number };
  versions: Record<string, string>;
  commit: string;
}

export function placeOf(): Place {
  return {
    date: new Date().toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism() },
    versions: {
      node: process.version,
      "tfjs-node": require("@tensorflow/tfjs-node-gpu/package.json").version,
      ...peerVersions(),
    },
    commit: productCommit(),
  };
}

export function printPlace({ date, machine, versions, commit }: Place): string {
  const listed = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = [`${machine.cpu ?? "unknown processor"}, ${machine.cores} cores`, ...listed];
  return [...head, `commit ${commit}`, date.slice(0, 10)].join("; ");
}

/** With `+` where files differ from it; `unknown` without git. */
export function productCommit(): string {
  const git = (...args: string[]) =>
    spawnSync("git", args, { cwd: projectFolder, encoding: "utf8" }).stdout?.trim() ?? "";
  const commit = git("rev-parse", "--short=12", "HEAD");
  if (commit === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? commit : `${commit}+`;
}

/** As they are pinned. */
function peerVersions(): Record<string, string> {
  const file = path.join(projectFolder, "bench/peers/requirements-search.txt");
  const pinned = readFileSync(file, "utf8").matchAll(/^(optuna|pymoo)==(.+)$/gm);
  return Object.fromEntries([...pinned].map(([, name = "", version = ""]) => [name, version]));
}
