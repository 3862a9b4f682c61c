/** Peers that search a table: processes of bench/peers/search.py, each with some of the seeds. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { ensurePython } from "../../setup/python.ts";
import type { Code } from "../../shared/code.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { Benchmark } from "../search/benchmark.ts";
import type { Answering, Run } from "../search/run.ts";

/** The keys of PEERS in search.py. */
export const peers = ["optuna-nsga2", "optuna-tpe", "pymoo-nsga2"];

const script = path.join(import.meta.dirname, "search.py");

/** What search.py reads. */
interface PeerProblem {
  /** Operations at each position. */
  categories: number[];
  evaluations: number;
  /** By row; null where the peer asks for each architecture. */
  codes: readonly Code[] | null;
  /** Whether an architecture again is paid again. */
  noisy: boolean;
  reward: number[];
  cost: number[];
}

/** What it prints: the versions first, then a line for each seed. */
type Line =
  | { kind: "versions"; versions: Record<string, string> }
  | { kind: "begin"; seed: number }
  | { kind: "ask"; code: number[] }
  | { kind: "run"; seed: number; rows: number[]; rewards: number[]; cpuMs: number[] };

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
  write(file, problem, evaluations, {
    codes: table.codes,
    reward: [...values.reward],
    cost: [...values.cost],
  });
}

type AskedProblem = Pick<Answering["problem"], "positions" | "noisy">;

/** A problem without a table: `runPeer` answers what the peer asks. */
export function writeAskedProblem(
  file: string,
  { problem }: { problem: AskedProblem },
  evaluations: number,
): void {
  write(file, problem, evaluations, { codes: null, reward: [], cost: [] });
}

function write(
  file: string,
  { positions, noisy }: AskedProblem,
  evaluations: number,
  known: Pick<PeerProblem, "codes" | "reward" | "cost">,
): void {
  const categories = positions.map(({ operations }) => operations.length);
  const described: PeerProblem = { categories, evaluations, noisy, ...known };
  writeFileSync(file, JSON.stringify(described));
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill();
});

/** Answers at once, or when it has measured. */
export interface Answerer {
  measure(code: Code, random: Random): Answer | Promise<Answer>;
}
type Answer = ReturnType<Answering["measure"]>;

/**
 * Runs one peer from each of the seeds, one after the other.
 *
 * @param done called with each seed's run
 * @param answering what is asked where the problem has no table; the peer ends when it throws
 * @returns versions of the libraries
 * @throws Error where the process fails; whatever `answering` throws
 */
export async function runPeer(
  { python, problemFile, peer }: { python: string; problemFile: string; peer: string },
  seeds: readonly number[],
  done: (seed: number, run: Run) => void,
  answering?: Answerer,
): Promise<Record<string, string>> {
  const child = spawn(python, [script, problemFile, peer, seeds.join()], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  children.add(child);
  const exit = once(child, "exit");
  const missing = new Set(seeds);
  let versions: Record<string, string> = {};
  let chance = new Random(0);
  const hear = async (line: Line) => {
    if (line.kind === "versions") versions = line.versions;
    else if (line.kind === "begin") chance = new Random(deriveSeed(line.seed, "noise"));
    else if (line.kind === "ask") {
      const answer = await answering?.measure(line.code, chance);
      const { row, measured } = answer ?? { row: null, measured: [] };
      child.stdin.write(`${JSON.stringify([row, ...measured])}\n`);
    } else {
      missing.delete(line.seed);
      done(line.seed, { rows: line.rows, rewards: line.rewards, cpuMs: line.cpuMs, stateBytes: [] });
    }
  };
  try {
    for await (const text of createInterface({ input: child.stdout })) await hear(JSON.parse(text));
  } catch (error) {
    child.kill();
    children.delete(child);
    throw error;
  }
  const [code] = await exit;
  children.delete(child);
  if (code === 0 && missing.size === 0) return versions;
  throw new Error(`${peer} ended with ${code} before seeds ${[...missing].join(", ")} were done.`);
}
