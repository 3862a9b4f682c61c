/**
 * NSGA-II (Deb, Pratap, Agarwal and Meyarivan 2002): a population that a generation of children competes with, by
 * non-dominated layers and within a layer by crowding; limits by constrained domination.
 *
 * Parents are chosen by binary tournament and crossed position by position; a child gets another operation at one
 * position on average. A generation is as large as the population; rounds of any size fill it.
 */

import type { Random } from "../../../shared/random.ts";
import { crowdingOf, layersOf, lonelyFirst, type Member, membersOf, unique } from "./members.ts";
import { type Code, type Problem, randomCode, type Strategy } from "./strategy.ts";
import { frequencyLogits, mutated, type Proposed, proposal, repaired } from "./variation.ts";

const populationSize = 20;

export interface Nsga2State extends Proposed {
  /** The last generation's survivors, best first. */
  population: Member[];
  /** Measured since. */
  children: Member[];
}

export const nsga2: Strategy<Nsga2State> = {
  start: (_problem, _random, first = []) => ({ seen: "", first, population: [], children: [] }),

  propose: (state, problem, count, random) =>
    proposal(state, problem, count, random, () => breeder(state.population, problem, random)),

  learn(state, problem, observations) {
    const children = [...state.children, ...membersOf(observations, problem)];
    if (children.length < populationSize) return { ...state, children };
    return { ...state, population: survivors([...state.population, ...children]), children: [] };
  },

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
  if (population.length === 0) return () => randomCode(problem, random);
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
