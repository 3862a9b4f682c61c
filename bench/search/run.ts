/** Runs a strategy on a problem whose answers are known, in process, as a search would. */

import type { Measured, Observation, Problem, Strategy } from "../../edge/controller/strategies/strategy.ts";
import type { Code } from "../../shared/code.ts";
import { deriveSeed, Random } from "../../shared/random.ts";

/** Architectures a round. */
export const roundSize = 10;

/** Rounds that evaluate nothing new before a strategy is taken to have nothing more to propose. */
const idleRounds = 20;

/** A problem that answers at once. */
export interface Answering {
  problem: Problem;
  /** The number of an architecture, where it has one, and what a search sees of it this time. */
  measure(code: Code, random: Random): { row: number | undefined; measured: Measured };
}

/** What a strategy, or a peer, did from one seed. */
export interface Run {
  /** What was paid for, in order: distinct rows, or where measuring is noisy all that were evaluated. */
  rows: number[];
  /** What the search saw of each in the first objective. */
  rewards: number[];
  /** CPU time so far, after each round. */
  cpuMs: number[];
  /** Size of the state as JSON, after each round; empty where there is none. */
  stateBytes: number[];
}

/**
 * Where measuring is exact, each row is paid once, whatever the strategy proposes. The state goes through JSON between
 * rounds; all chance comes from the seed and the round, as in the controller.
 */
export function runStrategy<State>(
  strategy: Strategy<State>,
  { problem, measure }: Answering,
  evaluations: number,
  seed: number,
): Run {
  const run: Run = { rows: [], rewards: [], cpuMs: [], stateBytes: [] };
  const paid = new Set<number>();
  const started = process.threadCpuUsage();
  let text = JSON.stringify(strategy.start(problem, new Random(deriveSeed(seed, "policy", 0))));
  let idle = 0;
  for (let round = 0; run.rows.length < evaluations && idle < idleRounds; round++) {
    const randomOf = (purpose: string) => new Random(deriveSeed(seed, purpose, round));
    const count = Math.min(roundSize, evaluations - run.rows.length);
    const { codes, state } = strategy.propose(JSON.parse(text), problem, count, randomOf("candidates"));
    const before = run.rows.length;
    const chance = randomOf("noise");
    const observations: Observation[] = codes.map((code) => {
      const { row, measured } = measure(code, chance);
      if (row !== undefined && (problem.noisy || !paid.has(row))) {
        paid.add(row);
        run.rows.push(row);
        run.rewards.push(measured[0] ?? Number.NaN);
      }
      return { code, measured, round };
    });
    text = JSON.stringify(strategy.learn(state, problem, observations, randomOf("learn")));
    const { user, system } = process.threadCpuUsage(started);
    run.cpuMs.push((user + system) / 1000);
    run.stateBytes.push(text.length);
    idle = run.rows.length === before ? idle + 1 : 0;
  }
  return run;
}
