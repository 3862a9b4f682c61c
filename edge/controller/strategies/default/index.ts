/**
 * The default strategy: a surrogate predicts what was not measured, the front's members and their descendants are
 * bred on its predictions, and what would raise the front's hypervolume most is measured.
 *
 * Each round, Gaussian processes are fitted to what was measured, one per objective that is not known beforehand
 * (`model.ts`). Candidates are bred from the front and, for a few generations, from the most promising candidates
 * (`breeding.ts`). Those that promise the greatest improvement are proposed one after the other, each taken for
 * measured before the next is chosen. Where measuring is exact and processes cannot learn from all of it any more, some
 * of a round's places go to neighbours of the front whatever is predicted of them: what the processes are wrong about
 * would never be measured otherwise. Where it is noisy, some go to front members that were measured least.
 */

import { type Code, codeOfText, textOf } from "../../../../shared/code.ts";
import { ParetoFront } from "../../../../shared/pareto.ts";
import type { Random } from "../../../../shared/random.ts";
import { memberOf } from "../members.ts";
import { Seen } from "../seen.ts";
import { eligibleDraw, type Measured, type Problem, randomCode, type Strategy } from "../strategy.ts";
import { frequencyLogits, repaired } from "../variation.ts";
import { type Bred, type BreedingParts, changed, Pool } from "./breeding.ts";
import { effectsOf } from "./effects.ts";
import { type Known, Model } from "./model.ts";

/** Architectures drawn at random before the first fit. */
const firstRandom = 10;
/** Standard normal draws by which an uncertain candidate is judged. */
const draws = 16;
const historyKept = 1000;
/** Weights drift: older measurements tell less than they cost. */
const noisyHistoryKept = 400;
/** Share of a noisy round's places that go to front members. */
const repeated = 0.1;
/**
 * Share of a round's places that go to neighbours of the front, whatever is predicted of them, where measuring is exact
 * and surrogates cannot learn from all of it any more.
 */
const unscreened = 0.1;

export interface DefaultState {
  seen: string;
  /** Architectures to be proposed before any other. */
  first: string[];
  codes: string[];
  measured: Measured[];
  rounds: number[];
}

/** The parts of the strategy, each of which can be left out to see what it is worth. */
export interface DefaultParts extends BreedingParts {
  /** Whether evidence chooses each objective's kernel, or all follow the first. */
  kernels: boolean;
  /** Whether some neighbours of the front are measured whatever is predicted of them. */
  neighbours: boolean;
  /** Whether candidates are judged by what they may be, or by what is expected of them. */
  uncertainty: boolean;
  /** Whether the most promising candidates are measured, or any. */
  screen: boolean;
}

export const allParts: DefaultParts = {
  mutants: true,
  crossover: true,
  generations: true,
  kernels: true,
  neighbours: true,
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
      first: [...new Set([...first, ...drawn].map(textOf))],
      codes: [],
      measured: [],
      rounds: [],
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
    const model = codes.length < count ? Model.of(state, problem, random, parts.kernels) : null;
    if (model !== null) {
      for (const code of again(model, problem, count - codes.length)) take(code);
      if (parts.neighbours && model.isPartial && !problem.noisy) {
        const places = Math.min(count - codes.length, Math.floor(count * unscreened + random.uniform()));
        codes.push(...neighbours(model, { problem, random, seen }, places));
      }
      for (const code of choose(model, { problem, random, seen }, parts, count - codes.length)) take(code);
    }
    const missing = count - codes.length;
    if (missing > 0) codes.push(...seen.fresh(missing, problem, random, () => randomCode(problem, random)));
    return { codes, state: { ...state, seen: seen.text(), first: waiting } };
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

  logits: (state, problem) => frequencyLogits(measuredFront(state, problem), problem),

  effects: effectsOf,
});

export const defaultStrategy = createDefault();

/** Front members to be measured again, those measured least first. */
function again(model: Model, { noisy, allowed }: Problem, count: number): Code[] {
  if (!noisy) return [];
  const times = new Map<string, number>();
  for (const { code } of model.known) times.set(textOf(code), (times.get(textOf(code)) ?? 0) + 1);
  const timesOf = ({ code }: Known) => times.get(textOf(code)) as number;
  return model
    .front()
    .filter(({ code }) => code.every((index, position) => allowed[position]?.includes(index)))
    .sort((a, b) => timesOf(a) - timesOf(b) || a.round - b.round)
    .slice(0, Math.floor(count * repeated))
    .map(({ code }) => code);
}

interface Finding {
  problem: Problem;
  random: Random;
  seen: Seen;
}

/** New architectures that differ from a member of the front at one position. */
function neighbours(model: Model, { problem, random, seen }: Finding, count: number): Code[] {
  const members = model.front();
  if (members.length === 0) return [];
  const neighbour = () => {
    const { code } = members[random.integer(members.length)] as Known;
    return changed(repaired(code, problem, random), 1, problem, random);
  };
  return seen.fresh(count, problem, random, () => eligibleDraw(problem, neighbour));
}

/** The architectures that promise most, best first. */
function choose(
  model: Model,
  { problem, random, seen }: Finding,
  parts: DefaultParts,
  count: number,
): Code[] {
  const pool = new Pool(model, problem, random, parts);
  const isNew = ({ candidate: { code } }: Bred) => !seen.has(code) && problem.isConnected(code);
  const fresh = pool.best().values().filter(isNew);
  if (!parts.screen) return random.shuffle(Array.from(fresh, ({ candidate }) => candidate.code));
  const normals = problem.goals.map(() => normalDraws(parts.uncertainty, random));
  const examined = fresh.take(Math.max(model.affordable, count));
  const options = Array.from(examined, ({ candidate, excess }) => {
    const samples = model.samples(candidate, normals);
    return { candidate, excess, samples, gain: model.reached.gain(samples) };
  });
  options.sort((a, b) => b.gain - a.gain || a.excess - b.excess);
  const chosen: Code[] = [];
  while (chosen.length < count && options.length > 0) {
    // Gains only fall as more is reached: what is first and stays first when computed again is the best.
    const first = options.shift() as (typeof options)[number];
    first.gain = model.reached.gain(first.samples);
    const place = options.findIndex(({ gain }) => gain <= first.gain);
    if (place === 0 || options.length === 0) {
      chosen.push(first.candidate.code);
      model.reached.assume(first.samples);
    } else options.splice(place < 0 ? options.length : place, 0, first);
  }
  return chosen;
}

/** In single precision, so that all engines agree on them. */
function normalDraws(isUncertain: boolean, random: Random): number[] {
  if (!isUncertain) return [0];
  return Array.from({ length: draws }, () => Math.fround(random.normal()));
}

/** What no other measurement beats. */
function measuredFront({ codes, measured, rounds }: DefaultState, problem: Problem): Code[] {
  const front = new ParetoFront<Code>(problem.goals.length);
  for (const [index, text] of codes.entries()) {
    const observation = {
      code: codeOfText(text),
      measured: measured[index] ?? [],
      round: rounds[index] ?? 0,
    };
    const member = memberOf(observation, problem);
    if (member?.violation === 0) front.insert(member.costs, member.code);
  }
  return front.entries().map(({ item }) => item);
}
