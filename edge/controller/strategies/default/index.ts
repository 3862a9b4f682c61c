/**
 * The default strategy: budget-conditioned policies propose, a surrogate predicts, and what would raise the front's
 * hypervolume most is measured.
 *
 * Each round, Gaussian processes are fitted to what was measured, one per objective that is not known beforehand.
 * Policies sample architectures and climb predicted quality within their budgets; mutants of front members join them.
 * Of all of these, those that promise the greatest improvement of the front are proposed, one after the other, each
 * taken for measured before the next is chosen. Where measuring is noisy, some of a round's places go to front members
 * that were measured least.
 */

import { type Code, codeOfText, textOf } from "../../../../shared/code.ts";
import type { Random } from "../../../../shared/random.ts";
import { Seen } from "../seen.ts";
import {
  eligibleDraw,
  excessOf,
  type Measured,
  type Problem,
  randomCode,
  type Strategy,
} from "../strategy.ts";
import { effectsOf } from "./effects.ts";
import { type Candidate, type Known, Model } from "./model.ts";
import {
  budgetShares,
  climbed,
  drawFrom,
  fitted,
  mixtureLogits,
  type Policy,
  uniformPolicies,
} from "./policies.ts";

const samplesPerPolicy = 16;
/** Architectures drawn at random before the first fit, besides one per operation. */
const firstRandom = 10;
const strangers = 20;
/** Candidates whose uncertainty is looked at, of those that promise most without it: as many as time allows. */
const examinedAtLeast = 80;
const examinedWork = 1_000_000;
const draws = 16;
/** By which a policy's reward falls for each range of a cost beyond its budget. */
const budgetPenalty = 10;
const historyKept = 1000;
/** Weights drift: older measurements tell less than they cost. */
const noisyHistoryKept = 400;
/** Share of a noisy round's places that go to front members. */
const repeated = 0.2;

export interface DefaultState {
  seen: string;
  /** Architectures to be proposed before any other. */
  first: string[];
  codes: string[];
  measured: Measured[];
  rounds: number[];
  policies: Policy[];
}

/** The parts of the strategy, each of which can be left out to see what it is worth. */
export interface DefaultParts {
  policies: number;
  /** Whether policies move by REINFORCE, and whether they are drawn towards the best that is known. */
  climb: boolean;
  clone: boolean;
  /** Neighbours of front members that are looked at each round. */
  mutants: number;
  /** Whether one architecture of each operation alone comes first. */
  corners: boolean;
  /** Whether cells are compared by their paths, or edge by edge. */
  paths: boolean;
  /** Whether candidates are judged by what they may be, or by what is expected of them. */
  uncertainty: boolean;
  /** Whether the most promising candidates are measured, or any. */
  screen: boolean;
}

export const allParts: DefaultParts = {
  policies: 10,
  climb: true,
  clone: true,
  mutants: 100,
  corners: true,
  paths: true,
  uncertainty: true,
  screen: true,
};

export const createDefault = (parts: DefaultParts = allParts): Strategy<DefaultState> => ({
  start(problem, random, first = []) {
    const drawn = Array.from({ length: firstRandom }, () =>
      eligibleDraw(problem, () => randomCode(problem, random)),
    );
    return {
      seen: "",
      first: [...new Set(opening(problem, first, drawn, parts.corners ? corners(problem) : []).map(textOf))],
      codes: [],
      measured: [],
      rounds: [],
      policies: uniformPolicies(parts.policies, problem),
    };
  },

  propose(state, problem, count, random) {
    const seen = Seen.of(state.seen, problem);
    const waiting = [...state.first];
    const codes: Code[] = [];
    const take = (code: Code) => {
      if (codes.length < count && seen.add(code)) codes.push(code);
    };
    while (waiting.length > 0 && codes.length < count) take(codeOfText(waiting.shift() as string));
    let { policies } = state;
    const model = codes.length < count ? Model.of(state, problem, random, parts.paths) : null;
    if (model !== null) {
      const round = new Round(model, state.policies, { problem, random, parts });
      for (const code of round.again(count - codes.length)) take(code);
      for (const code of round.choose(count - codes.length, seen)) take(code);
      policies = round.policies;
    }
    const missing = count - codes.length;
    if (missing > 0) codes.push(...seen.fresh(missing, problem, random, () => randomCode(problem, random)));
    return { codes, state: { ...state, seen: seen.text(), first: waiting, policies } };
  },

  learn(state, problem, observations) {
    const kept = problem.noisy ? noisyHistoryKept : historyKept;
    const keep = <T>(list: readonly T[], more: readonly T[]): T[] => [...list, ...more].slice(-kept);
    return {
      ...state,
      seen: Seen.barring(state.seen, problem, observations),
      codes: keep(
        state.codes,
        observations.map(({ code }) => textOf(code)),
      ),
      measured: keep(
        state.measured,
        observations.map(({ measured }) => measured),
      ),
      rounds: keep(
        state.rounds,
        observations.map(({ round }) => round),
      ),
    };
  },

  logits: ({ policies }, problem) => mixtureLogits(policies, problem),

  effects: effectsOf,
});

export const defaultStrategy = createDefault();

/**
 * What comes before any prediction. On a table corners come first; where every measurement costs training, and a short
 * search might see nothing else, after random architectures.
 */
function opening(
  { noisy, isConnected }: Problem,
  first: readonly Code[],
  drawn: readonly Code[],
  corners: readonly Code[],
): Code[] {
  if (!noisy) return [...first, ...corners, ...drawn];
  return [...first, ...drawn, ...corners.filter(isConnected)];
}

/** One operation everywhere, for each that is allowed somewhere: the corners of a space. */
function corners({ positions, allowed }: Problem): number[][] {
  const names = positions.flatMap(({ operations }, at) =>
    (allowed[at] ?? []).map((index) => operations[index]),
  );
  return [...new Set(names)].map((name) =>
    positions.map(({ operations }, at) => {
      const choices = allowed[at] as readonly number[];
      return choices.find((index) => operations[index] === name) ?? (choices[0] as number);
    }),
  );
}

/** One round of proposing. */
class Round {
  readonly policies: Policy[];
  readonly #model: Model;
  readonly #problem: Problem;
  readonly #random: Random;
  readonly #parts: DefaultParts;
  readonly #pool = new Map<string, { candidate: Candidate; values: number[] }>();

  constructor(
    model: Model,
    policies: readonly Policy[],
    { problem, random, parts }: { problem: Problem; random: Random; parts: DefaultParts },
  ) {
    this.#model = model;
    this.#parts = parts;
    this.#problem = problem;
    this.#random = random;
    const costs = problem.goals.length - 1;
    const shares = budgetShares(policies.length, costs);
    const fitting = policies.map((policy) => fitted(policy, problem));
    this.policies = fitting.map((policy, index) => this.#climb(policy, shares[index] as number[]));
  }

  /** Front members to be measured again, those measured least first. */
  again(count: number): Code[] {
    if (!this.#problem.noisy) return [];
    const times = new Map<string, { member: Known; times: number }>();
    const { allowed } = this.#problem;
    for (const member of this.#model.front()) {
      if (!member.code.every((index, position) => allowed[position]?.includes(index))) continue;
      const key = textOf(member.code);
      times.set(key, { member, times: (times.get(key)?.times ?? 0) + 1 });
    }
    return [...times.values()]
      .sort((a, b) => a.times - b.times || a.member.round - b.member.round)
      .slice(0, Math.floor(count * repeated))
      .map(({ member }) => member.code);
  }

  /** The architectures that promise most, best first. */
  choose(count: number, seen: Seen): Code[] {
    this.#mutate();
    const promising = [...this.#pool.values()]
      .filter(({ candidate: { code } }) => !seen.has(code) && this.#problem.isConnected(code))
      .map(({ candidate, values }) => ({
        candidate,
        promise: this.#model.promise(values),
        excess: excessOf(this.#problem.goals, values),
      }))
      .sort((a, b) => a.excess - b.excess || b.promise - a.promise)
      .slice(0, Math.max(examinedAtLeast, count, Math.round(examinedWork / this.#model.known.length ** 2)));
    if (!this.#parts.screen)
      return this.#random.shuffle([...this.#pool.values()].map(({ candidate }) => candidate.code));
    const normals = this.#problem.goals.map(() => this.#normals());
    const options = promising.map(({ candidate, excess }) => {
      const samples = this.#model.samples(candidate, normals);
      return { candidate, excess, samples, gain: this.#model.reached.gain(samples) };
    });
    options.sort((a, b) => b.gain - a.gain || a.excess - b.excess);
    const chosen: Code[] = [];
    while (chosen.length < count && options.length > 0) {
      // Gains only fall as more is reached: what is first and stays first when computed again is the best.
      const first = options.shift() as (typeof options)[number];
      first.gain = this.#model.reached.gain(first.samples);
      const place = options.findIndex(({ gain }) => gain <= first.gain);
      if (place === 0 || options.length === 0) {
        chosen.push(first.candidate.code);
        this.#model.reached.assume(first.samples);
      } else options.splice(place < 0 ? options.length : place, 0, first);
    }
    return chosen;
  }

  /** Standard normal draws, in single precision so that all engines agree on them. */
  #normals(): number[] {
    if (!this.#parts.uncertainty) return [0];
    return Array.from({ length: draws }, () => Math.fround(this.#random.normal()));
  }

  #climb(policy: Policy, shares: readonly number[]): Policy {
    const drawn = Array.from({ length: samplesPerPolicy }, () => {
      const code = drawFrom(policy, this.#problem, this.#random);
      return { code, reward: this.#reward(code, shares) };
    });
    const { climb, clone } = this.#parts;
    const elite = clone ? this.#elite(shares) : null;
    return climbed(policy, this.#problem, climb ? drawn : [], elite);
  }

  #reward(code: Code, shares: readonly number[]): number {
    const [quality = 0, ...costs] = this.#model.point(this.#predicted(code));
    if (!this.#problem.isConnected(code)) return -budgetPenalty;
    return costs.reduce(
      (reward, cost, index) => reward - budgetPenalty * Math.max(0, 1 - cost - (shares[index] as number)),
      quality,
    );
  }

  /** The best that is known within a policy's budgets. */
  #elite(shares: readonly number[]): Code | null {
    let best: Known | null = null;
    for (const known of this.#model.known) {
      const [quality = 0, ...costs] = known.point;
      const isAffordable = costs.every((cost, index) => 1 - cost <= (shares[index] as number));
      if (known.isFeasible && isAffordable && (best === null || quality > (best.point[0] as number)))
        best = known;
    }
    return best?.code ?? null;
  }

  /** Neighbours of front members, and a few architectures from anywhere. */
  #mutate(): void {
    const { allowed } = this.#problem;
    const members = this.#model.front();
    const parents = members.length > 0 ? members : this.#model.known;
    for (let mutant = 0; mutant < this.#parts.mutants; mutant++) {
      const parent = parents[this.#random.integer(parents.length)] as Known;
      const stranger = randomCode(this.#problem, this.#random);
      const code = parent.code.map((index, position) =>
        allowed[position]?.includes(index) ? index : (stranger[position] as number),
      );
      const changes = 1 + this.#random.integer(2);
      for (let change = 0; change < changes; change++) {
        const position = this.#random.integer(code.length);
        const indices = allowed[position] as readonly number[];
        code[position] = indices[this.#random.integer(indices.length)] as number;
      }
      this.#predicted(code);
    }
    for (let drawn = 0; drawn < strangers; drawn++) this.#predicted(randomCode(this.#problem, this.#random));
  }

  #predicted(code: Code): number[] {
    const text = textOf(code);
    let known = this.#pool.get(text);
    if (known === undefined) {
      const candidate = this.#model.candidate(code);
      known = { candidate, values: this.#model.expected(candidate) };
      this.#pool.set(text, known);
    }
    return known.values;
  }
}
