/**
 * Regularised evolution (Real, Aggarwal, Huang and Le 2019): the best of a random sample of the population gets one
 * other operation, and the oldest of the population dies, however good it is.
 *
 * With several objectives the best of a sample is not one: of the members that no other of the sample is better than
 * (limits by constrained domination), one is drawn. With one objective this is the published method.
 */

import type { Random } from "../../../shared/random.ts";
import { bestOf, type Member, membersOf } from "./members.ts";
import { Seen } from "./seen.ts";
import { type Problem, randomCode, type Strategy } from "./strategy.ts";
import { frequencyLogits, neighboursOf, type Proposed, proposal, repaired } from "./variation.ts";

const populationSize = 50;
const sampleSize = 10;

export interface RegularizedEvolutionState extends Proposed {
  /** Oldest first. */
  population: Member[];
}

export const regularizedEvolution: Strategy<RegularizedEvolutionState> = {
  start: (_problem, _random, first = []) => ({ seen: "", first, population: [] }),

  propose: (state, problem, count, random) =>
    proposal(
      state,
      problem,
      count,
      random,
      () => () =>
        state.population.length < populationSize
          ? randomCode(problem, random)
          : child(state.population, problem, random),
    ),

  learn(state, problem, observations) {
    const population = [...state.population, ...membersOf(observations, problem)].slice(-populationSize);
    return { ...state, seen: Seen.barring(state.seen, problem, observations), population };
  },

  logits: ({ population }, problem) =>
    frequencyLogits(
      population.map(({ code }) => code),
      problem,
    ),
};

function child(population: readonly Member[], problem: Problem, random: Random): number[] {
  const sample = Array.from({ length: sampleSize }, () => drawn(population, random));
  const { code } = drawn(bestOf(sample), random);
  const parent = repaired(code, problem, random);
  const neighbours = neighboursOf(parent, problem);
  return neighbours.length === 0 ? parent : drawn(neighbours, random);
}

const drawn = <T>(items: readonly T[], random: Random): T => items[random.integer(items.length)] as T;
