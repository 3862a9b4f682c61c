/**
 * What a round costs the edge: a search on a table through the real Worker in workerd, 10 architectures a round, with
 * the CPU time of the whole workerd process (HTTP, validation, controller, D1) and the size of the controller's state
 * after 100, 1,000 and 10,000 evaluations. The same search runs in process beside it, and must propose the same.
 *
 * npm run -s bench:controller -- [--evaluations 10000] [--strategy default] [--json]
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { startLocalEdge } from "../cli/localEdge.ts";
import { textTable } from "../cli/table.ts";
import { completeRound, currentTask, startSearch } from "../edge/controller/controller.ts";
import type { ControllerState } from "../edge/controller/state.ts";
import { EdgeClient } from "../gpu-runner/edgeClient.ts";
import { TableRounds } from "../gpu-runner/tableRounds.ts";
import { protocolVersion, type TabularReport, type TabularTask } from "../shared/protocol.ts";
import type { SpecificationInput } from "../shared/specification.ts";
import { checkSpecification } from "../shared/validate.ts";
import { projectFolder } from "./search/benchmark.ts";
import { problems } from "./search/problems.ts";

const marks = [100, 300, 1000, 3000, 10_000];
/** Rounds before a mark whose time is averaged: the kernel counts CPU time in hundredths of a second. */
const averaged = 20;
const ticksPerSecond = 100;

const { values: options } = parseArgs({
  options: {
    evaluations: { type: "string", default: "10000" },
    strategy: { type: "string", default: "default" },
    json: { type: "boolean", default: false },
  },
});
const [search] = problems;
if (search === undefined || !existsSync(path.resolve(projectFolder, search.table))) {
  console.error("Skipped: there is no table of NAS-Bench-201 beside the project.");
  process.exit(0);
}
const table = path.resolve(projectFolder, search.table);
const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
const stop = new AbortController();
const token = "nst_bench_controller";
function specification(): SpecificationInput {
  return {
    name: "bench",
    space: "nas-bench-201",
    strategy: { name: options.strategy as "default" },
    evaluation: {
      kind: "tabular",
      table: "bench",
      architecture: search?.architecture ?? "",
      reward: search?.reward ?? "",
      costs: { latency: search?.cost ?? "" },
    },
    objectives: [
      { name: "accuracy", goal: "maximize" },
      { name: "latency", goal: "minimize" },
    ],
    budget: { evaluations: Number(options.evaluations) },
  };
}

async function measure(url: string) {
  nasturtium(url, ["data", "push", table, "--name", "bench"]);
  const created = await fetch(`${url}/v1/searches`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(specification()),
  });
  const { id, specification: stored } = z
    .looseObject({ id: z.string(), specification: z.unknown() })
    .parse(await created.json());
  const client = new EdgeClient({ edge: url, token });
  const { runnerId } = await client.register({
    protocolVersion,
    name: "bench",
    backend: { name: "wasm", versions: {}, threads: 1 },
  });
  const tables = new TableRounds(client, { cacheDir: folder, log: () => {} });
  const twin = new Twin(id, stored);
  const pids = workerdPids();
  const cpu = [cpuMs(pids)];
  const rows: Record<string, string | number | boolean>[] = [];
  let evaluations = 0;
  let { lease } = await client.lease({ runnerId });
  while (lease !== null) {
    const { leaseId, task } = lease;
    if (task.kind !== "tabular") break;
    const result = await tables.run(task, { taskId: task.taskId, leaseId });
    const report: TabularReport = { kind: "tabular", leaseId, ...result };
    twin.round(task, report);
    lease = (await client.report(task.taskId, report)).next;
    cpu.push(cpuMs(pids));
    evaluations += task.candidates.length;
    if (!marks.includes(evaluations)) continue;
    const over = Math.min(averaged, cpu.length - 1);
    const row = {
      evaluations,
      workerdMs: ((cpu.at(-1) as number) - (cpu.at(-1 - over) as number)) / over,
      controllerMs: twin.msPerRound(over),
      stateBytes: twin.stateBytes,
      same: twin.isSame,
    };
    console.error(`${evaluations}: ${row.workerdMs.toFixed(1)} ms of workerd a round`);
    rows.push(row);
  }
  return rows;
}

/** The same search without the edge: its state through JSON before and after each round, as the edge does it. */
class Twin {
  isSame = true;
  stateBytes = 0;
  readonly #specification;
  #text: string;
  readonly #ms: number[] = [];

  constructor(id: string, stored: unknown) {
    const checked = checkSpecification(stored, "elsewhere");
    if (checked.specification === undefined) throw new Error(JSON.stringify(checked.errors));
    this.#specification = checked.specification;
    this.#text = JSON.stringify(startSearch(this.#specification, id));
  }

  round(task: TabularTask, report: TabularReport): void {
    const started = process.cpuUsage();
    const state = JSON.parse(this.#text) as ControllerState;
    this.isSame &&= JSON.stringify(currentTask(state)?.candidates) === JSON.stringify(task.candidates);
    const { state: next } = completeRound(state, this.#specification, report);
    this.#text = JSON.stringify(next);
    const { user, system } = process.cpuUsage(started);
    this.#ms.push((user + system) / 1000);
    this.stateBytes = this.#text.length;
  }

  msPerRound(rounds: number): number {
    return this.#ms.slice(-rounds).reduce((sum, ms) => sum + ms, 0) / rounds;
  }
}

function nasturtium(url: string, args: string[]): void {
  const cli = path.join(projectFolder, "cli", "main.ts");
  execFileSync(process.execPath, [cli, ...args, "--edge", url, "--token", token], { stdio: "ignore" });
}

/** Every workerd that was started below this process: the Worker's and those that wrangler puts before it. */
function workerdPids(): number[] {
  const parents = new Map<number, { name: string; parent: number }>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
    try {
      const [, name = "", parent = "0"] =
        /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8")) ?? [];
      parents.set(Number(entry), { name, parent: Number(parent) });
    } catch {
      // The process ended meanwhile.
    }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent ?? 0;
    return parent === process.pid || (parent > 1 && isBelow(parent));
  };
  return [...parents]
    .filter(([pid, { name }]) => name.startsWith("workerd") && isBelow(pid))
    .map(([pid]) => pid);
}

/** User and system time of processes so far. */
function cpuMs(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return Number(fields[11]) + Number(fields[12]);
  });
  return (ticks.reduce((sum, count) => sum + count, 0) * 1000) / ticksPerSecond;
}

const edge = await startLocalEdge({ stateDir: folder, token, port: 0, signal: stop.signal });
try {
  const rows = await measure(edge.url);
  console.log(
    options.json
      ? JSON.stringify({ node: process.version, strategy: options.strategy, rows })
      : textTable(rows, {
          evaluations: "EVALUATIONS",
          workerdMs: "WORKERD CPU MS A ROUND",
          controllerMs: "CONTROLLER ALONE, MS",
          stateBytes: "STATE BYTES",
          same: "SAME AS IN PROCESS",
        }),
  );
} finally {
  await edge.stop();
  rmSync(folder, { recursive: true, force: true });
}
