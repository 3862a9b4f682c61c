/**
 * What a search strategy is: it proposes architectures and learns from what was measured of them. A strategy is
 * pure; its whole state is one small JSON value; all chance comes from the generator it is given.
 */

import type { Code, Position } from "../../../shared/code.ts";
import type { Random } from "../../../shared/random.ts";
import type { SearchSpace } from "../../../shared/space.ts";

export interface Goal {
  /** The objective's id. */
  id: string;
  goal: "maximize" | "minimize";
  /** Wanted: the search looks little beyond it. */
  target?: number | undefined;
  /** Infeasible beyond it. */
  limit?: number | undefined;
}

/** By objective, in its unit; null where it is not known. */
export type Measured = readonly (number | null)[];

/** A search as its strategy sees it. */
export interface Problem {
  space: SearchSpace;
  positions: readonly Position[];
  /** By position, the indices of the operations that are still candidates. */
  allowed: readonly (readonly number[])[];
  /** The first is accuracy, or what stands for it. */
  goals: readonly Goal[];
  /** Whether measuring an architecture again may give something else; otherwise none is proposed twice. */
  noisy: boolean;
  /** What is known of an architecture before anything is paid for it. */
  known: (code: Code) => Measured;
  /** What tells it from others: the same for those that are paid for once. */
  identityOf: (code: Code) => Uint8Array;
  /** Whether its network sees its image; without that there is nothing to measure. */
  isConnected: (code: Code) => boolean;
  /** The scalar that a policy of TND-NAS climbs; null without accuracy. */
  reward: (measured: Measured) => number | null;
}

export interface Observation {
  code: Code;
  measured: Measured;
  /** Its network gives no numbers: nothing is learnt of it but not to propose it again. */
  diverged?: boolean;
  /** Observations of one round were made under the same circumstances. */
  round: number;
}

export interface Proposal<State> {
  /** Fewer than asked for where the space is exhausted. */
  codes: Code[];
  state: State;
}

export interface Strategy<State> {
  /** @param first architectures to propose before any other, such as what the stage before found */
  start(problem: Problem, random: Random, first?: readonly Code[]): State;
  propose(state: State, problem: Problem, count: number, random: Random): Proposal<State>;
  learn(state: State, problem: Problem, observations: readonly Observation[], random: Random): State;
  /** Logits of the distribution it samples from, by position over the allowed operations. */
  logits(state: State, problem: Problem): number[][];
  /** What was learnt of each operation: by position, allowed operation and direction of trade-off. */
  effects?(state: State, problem: Problem): Effect[][][];
}

/** What an operation adds at its position, beside the others there, with its 95 % interval. */
export interface Effect {
  low: number;
  mean: number;
  high: number;
}

/** How far a value lies beyond the goal's limit, as a share of the limit; 0 within it, and where nothing is known. */
export function excess({ goal, limit }: Pick<Goal, "goal" | "limit">, value: number | null): number {
  if (limit === undefined || value === null) return 0;
  return Math.max(0, goal === "minimize" ? value - limit : limit - value) / Math.abs(limit || 1);
}

/** How far an architecture lies beyond all limits together. */
export const excessOf = (goals: readonly Goal[], measured: Measured): number =>
  goals.reduce((sum, goal, index) => sum + excess(goal, measured[index] ?? null), 0);

/** Whether no hard limit is known to be broken. */
export const isWithin = (goals: readonly Goal[], measured: Measured): boolean =>
  excessOf(goals, measured) === 0;

/** Whether an architecture may be the answer. */
export const isEligible = ({ goals, isConnected }: Problem, code: Code, measured: Measured): boolean =>
  isWithin(goals, measured) && isConnected(code);

/** Architectures in what is left of the space. */
export const sizeOf = ({ allowed }: Pick<Problem, "allowed">): number =>
  allowed.reduce((product, { length }) => product * length, 1);

export function randomCode({ allowed }: Pick<Problem, "allowed">, random: Random): number[] {
  return allowed.map((indices) => indices[random.integer(indices.length)] as number);
}

/** Draws after which an architecture beyond a hard limit is taken after all. */
const eligibleTries = 50;

/** A draw that may be the answer as far as is known, if a few tries find one. */
export function eligibleDraw<C extends Code>(problem: Problem, draw: () => C): C {
  let code = draw();
  for (let tries = 1; tries < eligibleTries && !isEligible(problem, code, problem.known(code)); tries++)
    code = draw();
  return code;
}
