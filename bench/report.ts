/**
 * What a round costs the edge: CPU of workerd per report, HTTP and D1 included, and D1's answer time as a runner
 * sees it. The real Worker under wrangler; measurements are made up, nothing is trained. Linux, because CPU time is
 * read from /proc.
 *
 *     npm run bench:report -- [--preset demo-10] [--rounds 300]
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { EdgeClient as UserClient } from "../cli/client.ts";
import { newToken } from "../cli/commands/dev.ts";
import { createdTokenSchema } from "../cli/commands/tokens.ts";
import { startLocalEdge } from "../cli/localEdge.ts";
import { EdgeClient as RunnerClient } from "../gpu-runner/edgeClient.ts";
import { type LeasedTask, protocolVersion, type TrainRoundReport } from "../shared/protocol.ts";
import { Random } from "../shared/random.ts";

/** Reports before measuring, while V8 compiles. */
const WARM_UP = 20;
/** Of /proc: what Linux has on every common machine. */
const TICKS_PER_SECOND = 100;
const REPORT_BUDGET_MS = 10_000;

const { values: args } = parseArgs({
  options: {
    preset: { type: "string", default: "demo-10" },
    rounds: { type: "string", default: "300" },
  },
});
if (!existsSync("/proc/self/stat")) {
  console.error("CPU time is read from /proc, which this system does not have: run it on Linux.");
  process.exit(2);
}

const stateDir = mkdtempSync(path.join(tmpdir(), "nasturtium-bench-"));
const { signal } = new AbortController();
const edge = await startLocalEdge({ stateDir, token: newToken(), port: 0, signal });
try {
  console.log(JSON.stringify(await measure(Number(args.rounds), args.preset)));
} finally {
  await edge.stop();
  rmSync(stateDir, { recursive: true, force: true });
}

async function measure(rounds: number, preset: string) {
  const user = new UserClient(edge.url, edge.token, signal);
  const post = { method: "POST" } as const;
  const specification = {
    name: "bench",
    dataset: { name: "cifar10" },
    schedule: { preset },
    finalTraining: { top: 0 },
  };
  const { id } = await user.json("/v1/searches", z.looseObject({ id: z.string() }), {
    ...post,
    body: specification,
  });
  const { token } = await user.json("/v1/tokens", createdTokenSchema, {
    ...post,
    body: { name: "bench", scopes: ["runner"] },
  });
  const runner = new RunnerClient({ edge: edge.url, token });
  const backend = { name: "wasm", versions: {}, threads: 1 } as const;
  const { runnerId } = await runner.register({ protocolVersion, name: "bench", backend });
  let { lease } = await runner.lease({ runnerId, searchId: id });
  const random = new Random(1);
  const milliseconds: number[] = [];
  let reports = 0;
  let startedTicks = workerTicks();
  while (lease !== null && reports < rounds + WARM_UP) {
    if (reports === WARM_UP) startedTicks = workerTicks();
    const sentAt = performance.now();
    const { next } = await runner.report(lease.task.taskId, reportFor(lease, random), REPORT_BUDGET_MS);
    if (reports >= WARM_UP) milliseconds.push(performance.now() - sentAt);
    lease = next;
    reports++;
  }
  const measured = milliseconds.length;
  const cpuMs = ((workerTicks() - startedTicks) * 1000) / TICKS_PER_SECOND / measured;
  const sorted = milliseconds.toSorted((left, right) => left - right);
  const at = (share: number) => round(sorted[Math.floor(share * (measured - 1))] as number);
  return {
    preset,
    reports: measured,
    workerCpuMsPerReport: round(cpuMs),
    roundTripMs: { median: at(0.5), p95: at(0.95), largest: at(1) },
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
  };
}

function reportFor({ leaseId, task }: LeasedTask, random: Random): TrainRoundReport {
  if (task.kind !== "trainRound") throw new Error(`a ${task.kind} task came`);
  return {
    kind: "trainRound",
    leaseId,
    measurements: task.candidates.map((_, candidate) => ({
      candidate,
      values: { accuracy: 40 + 20 * random.uniform() },
      images: task.evaluation.images,
      loss: 1,
    })),
    trainLoss: task.steps > 0 ? 1 : null,
    digest: `bench-${task.round}`,
    seconds: { train: 1, evaluate: 1, idle: 0 },
  };
}

/** User and system time of every workerd that this process started, in clock ticks. */
function workerTicks(): number {
  const processes = readdirSync("/proc").flatMap((entry) => {
    const stat = /^\d+$/.test(entry) ? readStat(entry) : undefined;
    return stat === undefined ? [] : [stat];
  });
  const mine = new Set([process.pid]);
  for (let size = 0; size !== mine.size; ) {
    size = mine.size;
    for (const { pid, parent } of processes) if (mine.has(parent)) mine.add(pid);
  }
  return processes
    .filter(({ pid, name }) => mine.has(pid) && name.startsWith("workerd"))
    .reduce((sum, { ticks }) => sum + ticks, 0);
}

function readStat(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    return {
      pid: Number(pid),
      name: text.slice(text.indexOf("(") + 1, end),
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
    };
  } catch {
    return undefined; // it ended meanwhile
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
