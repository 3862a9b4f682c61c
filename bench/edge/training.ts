/** One search by training with several runners: how far its throughput is from so many times one runner's. */

import { setTimeout as pause } from "node:timers/promises";
import type { LeasedTask } from "../../shared/protocol.ts";
import { createSearch, quantiles, Runner, round, runnerToken, type Site, userOf } from "./site.ts";

const runnerCounts = [1, 4, 16];
const workMs = 10_000;
const measuredMs = 40_000;
/** Without work: as much as the edge can decide and write. */
const floodMs = 6000;
const strategy = "default";

export async function trainingScaling(site: Site) {
  const token = await runnerToken(site);
  const rows = [];
  let one = 0;
  for (const runners of runnerCounts) {
    const working = await trainingsOf(site, token, runners, { workMs, forMs: measuredMs });
    const trainingsPerMinute = round((working.trainings * 60_000) / measuredMs);
    one ||= trainingsPerMinute;
    const flooded = await trainingsOf(site, token, runners, { workMs: 0, forMs: floodMs });
    rows.push({
      runners,
      trainingsPerMinute,
      ofLinear: round(trainingsPerMinute / (runners * one)),
      reportMs: quantiles(working.reportMs),
      mostPerSecond: round((flooded.trainings * 1000) / floodMs),
    });
    site.log(`${runners} runners: ${trainingsPerMinute} trainings a minute`);
  }
  return { strategy, workMs, rows };
}

/** Trainings that so many runners report of one search in the measured time, and what each report took. */
async function trainingsOf(
  site: Site,
  token: string,
  count: number,
  { workMs: eachMs, forMs }: { workMs: number; forMs: number },
): Promise<{ trainings: number; reportMs: number[] }> {
  const id = await createSearch(site, {
    name: "training",
    dataset: { name: "cifar10" },
    strategy: { name: strategy },
    evaluation: {
      kind: "training",
      untrained: { architectures: 0 },
      network: { channels: 16, layers: 8 },
      architectures: 2000,
      rungs: [{ steps: 100 }, { steps: 200 }, { steps: 400 }],
    },
    finalTraining: { top: 0 },
  });
  const runners: Runner[] = [];
  for (let seed = 1; seed <= count; seed++) runners.push(await Runner.register(site, token, seed));
  const leased: { runner: Runner; lease: LeasedTask | null }[] = [];
  for (const runner of runners) leased.push({ runner, lease: await runner.lease(id) });
  const reportMs: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    leased.map(async ({ runner, lease: first }, index) => {
      // Runners are not in step: they start one after the other over the time of one training.
      const lateMs = (eachMs * index) / count;
      await pause(lateMs, undefined, { signal: site.signal });
      for (let lease = first; lease !== null; ) {
        const startMs = performance.now();
        await pause(eachMs, undefined, { signal: site.signal });
        if (startMs + eachMs - startedAt > forMs + lateMs) return;
        const { next, sent } = await runner.report(lease.task.taskId, runner.shortReportOf(lease));
        lease = next;
        reportMs.push(sent.milliseconds);
      }
    }),
  );
  await userOf(site).v1.searches[":id"].cancel.$post({ param: { id } });
  return { trainings: reportMs.length, reportMs };
}
