/** Peers that search a table: processes of bench/peers/search.py, each with some of the seeds. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { ensurePython } from "../../setup/python.ts";
import type { Benchmark } from "../search/benchmark.ts";
import type { Run } from "../search/run.ts";

/** The keys of PEERS in search.py. */
export const peers = ["optuna-nsga2", "optuna-tpe", "pymoo-nsga2"];

const script = path.join(import.meta.dirname, "search.py");

/** What search.py reads. */
interface PeerProblem {
  /** Operations at each position. */
  categories: number[];
  evaluations: number;
  /** By row. */
  codes: readonly (readonly number[])[];
  reward: number[];
  cost: number[];
}

/** What it prints: the versions first, then a line for each seed. */
type Line = { versions: Record<string, string> } | { seed: number; rows: number[]; cpuMs: number[] };

/** @returns the Python that has the peers */
export const ensureSearchPeers = (): Promise<string> =>
  ensurePython({
    name: "search",
    title: "Optuna and pymoo",
    requirements: [path.join(import.meta.dirname, "requirements-search.txt")],
    check: "from optuna.samplers import TPESampler; from pymoo.algorithms.moo.nsga2 import NSGA2",
    neededDiskGigabytes: 1,
  });

export function writePeerProblem(
  file: string,
  { table, values, problem }: Benchmark,
  evaluations: number,
): void {
  const described: PeerProblem = {
    categories: problem.positions.map(({ operations }) => operations.length),
    evaluations,
    codes: table.codes,
    reward: [...values.reward],
    cost: [...values.cost],
  };
  writeFileSync(file, JSON.stringify(described));
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill();
});

/**
 * Runs one peer from each of the seeds, one after the other.
 *
 * @param done called with each seed's run
 * @returns versions of the libraries
 * @throws Error where the process fails
 */
export async function runPeer(
  { python, problemFile, peer }: { python: string; problemFile: string; peer: string },
  seeds: readonly number[],
  done: (seed: number, run: Run) => void,
): Promise<Record<string, string>> {
  const child = spawn(python, [script, problemFile, peer, seeds.join()], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  children.add(child);
  const exit = once(child, "exit");
  const missing = new Set(seeds);
  let versions: Record<string, string> = {};
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    if ("versions" in line) versions = line.versions;
    else {
      missing.delete(line.seed);
      done(line.seed, { rows: line.rows, rewards: line.rewards, cpuMs: line.cpuMs, stateBytes: [] });
    }
  }
  const [code] = await exit;
  children.delete(child);
  if (code === 0 && missing.size === 0) return versions;
  throw new Error(`${peer} ended with ${code} before seeds ${[...missing].join(", ")} were done.`);
}
