/** Runners whose rounds take a fixed time, on one campaign: how far their throughput is from so many times one runner's. */

import { setTimeout as pause } from "node:timers/promises";
import { Runner, round, runnerToken, type Site, searchOf, userOf } from "./site.ts";

const runnerCounts = [1, 2, 4, 8, 16, 32, 64];
const workMs = 3000;
const measuredMs = 24_000;

export async function scaling(site: Site) {
  const token = await runnerToken(site);
  const rows: { runners: number; roundsPerMinute: number; ofLinear: number }[] = [];
  for (const runners of runnerCounts) {
    const rounds = await roundsOf(site, token, runners);
    const roundsPerMinute = round((rounds * 60_000) / measuredMs);
    // A round that ends after the time counts for nobody, so one runner is the measure, not the time of its rounds.
    const linear = runners * (rows[0]?.roundsPerMinute ?? roundsPerMinute);
    rows.push({ runners, roundsPerMinute, ofLinear: round(roundsPerMinute / linear) });
    site.log(`${runners} runners: ${roundsPerMinute} rounds a minute`);
  }
  return { workMs, rows };
}

/** Rounds that so many runners report of a campaign in the measured time; each takes whatever search has work. */
async function roundsOf(site: Site, token: string, count: number): Promise<number> {
  const { name, seed: _, ...search } = searchOf("scaling", 1000);
  const seeds = Array.from({ length: count }, (__, index) => index + 1);
  const { campaigns } = userOf(site).v1;
  const { id } = await (await campaigns.$post({ json: { name, search, grid: { seeds } } })).json();
  const runners = [];
  for (const seed of seeds) runners.push(await Runner.register(site, token, seed));
  const leased = [];
  for (const runner of runners) leased.push({ runner, lease: await runner.lease() });
  let reported = 0;
  const startedAt = performance.now();
  await Promise.all(
    leased.map(async ({ runner, lease: first }, index) => {
      // Runners are not in step: they start one after the other over the time of one round.
      await pause((workMs * index) / count, undefined, { signal: site.signal });
      for (let lease = first; lease !== null; ) {
        const startMs = performance.now();
        await pause(workMs, undefined, { signal: site.signal });
        if (startMs + workMs - startedAt > measuredMs + (workMs * index) / count) return;
        lease = (await runner.report(lease.task.taskId, runner.reportOf(lease))).next;
        reported++;
      }
    }),
  );
  await campaigns[":id"].cancel.$post({ param: { id } });
  return reported;
}
