/**
 * Candidates of a round: neighbours and children of front members, a few architectures from anywhere, and for some
 * generations the descendants of whatever of these promises most. Predictions are cheap, so this is a search of its
 * own on what the surrogate says.
 */

import { type Code, textOf } from "../../../../shared/code.ts";
import type { Random } from "../../../../shared/random.ts";
import { excessOf, type Problem, randomCode, sizeOf } from "../strategy.ts";
import { repaired } from "../variation.ts";
import type { Candidate, Model } from "./model.ts";

const firstMutants = 60;
const firstChildren = 40;
const strangers = 20;
/** Bits of a space's size for which there is a generation: in a small space more would only find what the surrogate is wrong about. */
const bitsPerGeneration = 16;
/** Descendants of a generation, half of them mutants and half children, and how many candidates have some. */
const descendants = 28;
const parentCount = 20;
/** Most positions at which a mutant differs. */
const mostChanges = 2;

/** What can be left out to see what it is worth. */
export interface BreedingParts {
  /** Neighbours of the front. */
  mutants: boolean;
  /** Children of two members of the front. */
  crossover: boolean;
  /** Descendants of the most promising candidates. */
  generations: boolean;
}

export interface Bred {
  candidate: Candidate;
  /** How far it is predicted to lie beyond limits. */
  excess: number;
  /** What it is predicted to add to the front. */
  promise: number;
}

export class Pool {
  readonly #model: Model;
  readonly #problem: Problem;
  readonly #random: Random;
  readonly #bred = new Map<string, Bred>();

  constructor(model: Model, problem: Problem, random: Random, parts: BreedingParts) {
    this.#model = model;
    this.#problem = problem;
    this.#random = random;
    const members = model.front();
    const parents = (members.length > 0 ? members : model.known).map(({ code }) =>
      repaired(code, problem, random),
    );
    this.#breed(parents, parts.mutants ? firstMutants : 0, parts.crossover ? firstChildren : 0);
    for (let drawn = 0; drawn < strangers; drawn++) this.#add(randomCode(problem, random));
    const generations = parts.generations ? Math.round(Math.log2(sizeOf(problem)) / bitsPerGeneration) : 0;
    for (let generation = 0; generation < generations; generation++) {
      const best = this.best().slice(0, parentCount);
      const codes = best.map(({ candidate }) => candidate.code);
      this.#breed(codes, descendants / 2, descendants / 2);
    }
  }

  /** Those within limits first, then by what they promise. */
  best(): Bred[] {
    return [...this.#bred.values()].sort((a, b) => a.excess - b.excess || b.promise - a.promise);
  }

  #breed(parents: readonly Code[], mutants: number, children: number): void {
    const any = () => parents[this.#random.integer(parents.length)] as Code;
    for (let mutant = 0; mutant < mutants; mutant++)
      this.#add(changed(any(), 1 + this.#random.integer(mostChanges), this.#problem, this.#random));
    for (let child = 0; child < children; child++) {
      const [mother, father] = [any(), any()];
      const crossed = mother.map((index, at) =>
        this.#random.integer(2) === 0 ? index : (father[at] as number),
      );
      this.#add(changed(crossed, 1, this.#problem, this.#random));
    }
  }

  #add(code: Code): void {
    const text = textOf(code);
    if (this.#bred.has(text)) return;
    const candidate = this.#model.candidate(code);
    const values = this.#model.expected(candidate);
    const excess = excessOf(this.#problem.goals, values);
    this.#bred.set(text, { candidate, excess, promise: this.#model.promise(values) });
  }
}

/** The architecture with so many positions drawn anew. */
export function changed(code: Code, changes: number, { allowed }: Problem, random: Random): number[] {
  const copy = [...code];
  for (let change = 0; change < changes; change++) {
    const position = random.integer(copy.length);
    const indices = allowed[position] as readonly number[];
    copy[position] = indices[random.integer(indices.length)] as number;
  }
  return copy;
}
