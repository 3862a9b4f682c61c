/** Many runners at once, each on its own search; every tenth report is sent twice, as after an answer that was lost. */

import { readCandidates } from "../../cli/api.ts";
import {
  createSearch,
  mean,
  quantiles,
  Runner,
  readSearch,
  round,
  runnerToken,
  type Sent,
  type Site,
  searchOf,
  userOf,
} from "./site.ts";

const runners = 200;
const searchRounds = 10;
const repeatedEvery = 10;

export async function manyRunners(site: Site) {
  const token = await runnerToken(site);
  const searches: { id: string; runner: Runner }[] = [];
  for (let seed = 1; seed <= runners; seed++)
    searches.push({
      id: await createSearch(site, searchOf(`runner ${seed}`, searchRounds, seed)),
      runner: await Runner.register(site, token, seed),
    });
  site.log(`${runners} searches and runners are ready`);
  const sent: Sent[] = [];
  const startedAt = performance.now();
  const reported = await Promise.all(searches.map(({ id, runner }) => workOn(id, runner, sent)));
  const seconds = (performance.now() - startedAt) / 1000;
  const rounds = reported.reduce((sum, count) => sum + count, 0);
  return {
    runners,
    rounds,
    roundsPerSecond: round(rounds / seconds),
    reportMs: quantiles(sent.map(({ milliseconds }) => milliseconds)),
    queriesPerReport: mean(sent.map(({ queries }) => queries)),
    rowsWrittenPerReport: mean(sent.map(({ rowsWritten }) => rowsWritten)),
    ...(await accounts(
      site,
      searches.map(({ id }) => id),
      reported,
    )),
  };
}

/** @returns the rounds that it reported */
async function workOn(id: string, runner: Runner, sent: Sent[]): Promise<number> {
  let rounds = 0;
  for (let lease = await runner.lease(id); lease !== null; rounds++) {
    const report = runner.reportOf(lease);
    const first = await runner.report(lease.task.taskId, report);
    sent.push(first.sent);
    if (rounds % repeatedEvery === repeatedEvery - 1 && first.next !== null)
      await runner.report(lease.task.taskId, report);
    lease = first.next;
  }
  return rounds;
}

/** Rounds that the edge does not have, or has counted more than once, against what was reported. */
async function accounts(site: Site, ids: readonly string[], reported: readonly number[]) {
  let lost = 0;
  let doubled = 0;
  for (const [index, id] of ids.entries()) {
    const { progress, state } = await readSearch(site, id);
    const client = userOf(site);
    const entries = await client.all(
      (query) => client.v1.searches[":id"].rounds.$get({ param: { id }, query: { ...query, limit: 200 } }),
      ["round"],
    );
    const rounds = entries.map((entry) => entry.round);
    const own = reported[index] ?? 0;
    const candidates = await readCandidates(client, id);
    lost += Math.max(0, own - new Set(rounds).size) + (state === "completed" ? 0 : 1);
    doubled += rounds.length - new Set(rounds).size;
    doubled += Math.max(0, progress.evaluations - candidates.length);
  }
  return { lostRounds: lost, doubledRounds: doubled };
}
