/**
 * NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): a population that its children compete with, by non-dominated
 * layers and within a layer by crowding; limits by constrained domination.
 *
 * Parents are chosen by binary tournament and crossed position by position; a child gets another operation at one
 * position on average. A round's children compete as soon as they are measured, instead of when there are as many as
 * the population is large, as published: on tables that is a little better while evaluations are few.
 */

import type { Code } from "../../../shared/code.ts";
import type { Random } from "../../../shared/random.ts";
import { crowdingOf, layersOf, lonelyFirst, type Member, membersOf, unique } from "./members.ts";
import { Seen } from "./seen.ts";
import { type Problem, randomCode, type Strategy } from "./strategy.ts";
import { frequencyLogits, mutated, type Proposed, proposal, repaired } from "./variation.ts";

const populationSize = 20;

export interface Nsga2State extends Proposed {
  /** Best first. */
  population: Member[];
}

export const nsga2: Strategy<Nsga2State> = {
  start: (_problem, _random, first = []) => ({ seen: "", first, population: [] }),

  propose: (state, problem, count, random) =>
    proposal(state, problem, count, random, () => breeder(state.population, problem, random)),

  learn: (state, problem, observations) => ({
    ...state,
    seen: Seen.barring(state.seen, problem, observations),
    population: survivors([...state.population, ...membersOf(observations, problem)]),
  }),

  logits: ({ population }, problem) =>
    frequencyLogits(
      population.map(({ code }) => code),
      problem,
    ),
};

/** Best first: by layer, within a layer the lonely first. */
const survivors = (members: readonly Member[]): Member[] =>
  layersOf(unique(members)).flatMap(lonelyFirst).slice(0, populationSize);

function breeder(population: readonly Member[], problem: Problem, random: Random): () => number[] {
  if (population.length < populationSize) return () => randomCode(problem, random);
  const parent = tournament(population, random);
  const rate = 1 / problem.allowed.length;
  return () => {
    const [mother, father] = [parent(), parent()];
    const crossed = mother.map((index, position) =>
      random.integer(2) === 0 ? index : (father[position] ?? index),
    );
    return mutated(repaired(crossed, problem, random), problem, rate, random);
  };
}

/** Draws parents: of two members the one of the better layer, of one layer the lonelier. */
function tournament(population: readonly Member[], random: Random): () => Code {
  const rated = layersOf(population).flatMap((layer, rank) => {
    const crowding = crowdingOf(layer);
    return layer.map((member, index) => ({ member, rank, crowding: crowding[index] ?? 0 }));
  });
  const draw = () => rated[random.integer(rated.length)] as (typeof rated)[number];
  return () => {
    const [left, right] = [draw(), draw()];
    const isLeft = left.rank === right.rank ? left.crowding >= right.crowding : left.rank < right.rank;
    return (isLeft ? left : right).member.code;
  };
}
