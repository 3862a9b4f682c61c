/** What a round costs the edge: CPU of workerd per report, HTTP and D1 included, and the round trip that a runner sees. */

import { existsSync } from "node:fs";
import { ticksOf, ticksPerSecond } from "./processes.ts";
import { createSearch, quantiles, Runner, round, runnerToken, type Site } from "./site.ts";

/** Reports before measuring, while V8 compiles. */
const warmUp = 20;
const measured = 300;

export async function costOfRounds(site: Site) {
  if (!existsSync("/proc/self/stat")) return null;
  const schedule = { preset: "tnd-nas-cifar10" };
  const dataset = { name: "cifar10" };
  const id = await createSearch(site, { name: "rounds", dataset, schedule, finalTraining: { top: 0 } });
  const runner = await Runner.register(site, await runnerToken(site), 1);
  const milliseconds: number[] = [];
  let startedTicks = 0;
  let lease = await runner.lease(id);
  for (let reports = 0; lease !== null && reports < warmUp + measured; reports++) {
    if (reports === warmUp) startedTicks = ticksOf("workerd");
    const { next, sent } = await runner.report(lease.task.taskId, runner.reportOf(lease));
    if (reports >= warmUp) milliseconds.push(sent.milliseconds);
    lease = next;
  }
  const cpuMs = ((ticksOf("workerd") - startedTicks) * 1000) / ticksPerSecond / milliseconds.length;
  return {
    preset: schedule.preset,
    reports: milliseconds.length,
    workerCpuMsPerReport: round(cpuMs),
    roundTripMs: quantiles(milliseconds),
  };
}
