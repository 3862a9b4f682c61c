/** Runs a strategy on a table, in process, as a search would. */

import type { Measured, Observation, Strategy } from "../../edge/controller/strategies/strategy.ts";
import { deriveSeed, Random } from "../../shared/random.ts";
import type { Benchmark } from "./benchmark.ts";

/** Architectures a round. */
export const roundSize = 10;

/** Rounds that evaluate nothing new before a strategy is taken to have nothing more to propose. */
const idleRounds = 20;

/** What a strategy, or a peer, did from one seed. */
export interface Run {
  /** Distinct rows, in the order in which they were evaluated. */
  rows: number[];
  /** CPU time so far, after each round. */
  cpuMs: number[];
  /** Size of the state as JSON, after each round; empty where there is none. */
  stateBytes: number[];
}

/**
 * Each row is paid once, whatever the strategy proposes. The state goes through JSON between rounds; all chance comes
 * from the seed and the round, as in the controller.
 */
export function runStrategy<State>(
  strategy: Strategy<State>,
  { table, values, problem }: Benchmark,
  evaluations: number,
  seed: number,
): Run {
  const run: Run = { rows: [], cpuMs: [], stateBytes: [] };
  const paid = new Set<number>();
  const measured = (row: number | undefined): Measured =>
    row === undefined ? [null, null] : [values.reward[row] ?? null, values.cost[row] ?? null];
  const started = process.threadCpuUsage();
  let text = JSON.stringify(strategy.start(problem, new Random(deriveSeed(seed, "policy", 0))));
  let idle = 0;
  for (let round = 0; paid.size < evaluations && idle < idleRounds; round++) {
    const randomOf = (purpose: string) => new Random(deriveSeed(seed, purpose, round));
    const count = Math.min(roundSize, evaluations - paid.size);
    const { codes, state } = strategy.propose(JSON.parse(text), problem, count, randomOf("candidates"));
    const before = paid.size;
    const observations: Observation[] = codes.map((code) => {
      const row = table.rowOf(code);
      if (row !== undefined) paid.add(row);
      return { code, measured: measured(row), round };
    });
    text = JSON.stringify(strategy.learn(state, problem, observations, randomOf("learn")));
    const { user, system } = process.threadCpuUsage(started);
    run.cpuMs.push((user + system) / 1000);
    run.stateBytes.push(text.length);
    idle = paid.size === before ? idle + 1 : 0;
  }
  run.rows.push(...paid);
  return run;
}
