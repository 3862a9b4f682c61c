/**
 * What a round knows: measured architectures as points between the worst and the best, the front they make, and a
 * prediction for any other.
 */

import { type Code, codeOfText } from "../../../../shared/code.ts";
import { ParetoFront } from "../../../../shared/pareto.ts";
import type { Random } from "../../../../shared/random.ts";
import { isEligible, isWithin, type Measured, type Problem } from "../strategy.ts";
import { FeatureMap, type Features } from "./features.ts";
import { directions, Reached, reach } from "./improvement.ts";
import { Kernels, Packed } from "./kernel.ts";
import { bestFits, type Fit, Surrogate } from "./surrogate.ts";

/** Measurements that the surrogates learn from: those near the front, and the newest. */
const trainedOn = 140;
const newestShare = 0.2;
const nearShare = 0.4;
/** Measurements by which kernel, scale and noise are chosen. */
const chosenBy = 40;
/** Candidates whose uncertainty is looked at, of those that promise most without it: as many as time allows. */
const examinedAtLeast = 40;
const examinedWork = 1_000_000;
const directionCount = 64;
/** What measurements of one round have in common where they are noisy, as a share of their variance. */
const roundEffect = 0.3;
/** With a soft target, values beyond so many times the target are all the worst. */
const beyondTarget = 1.5;
const fewest = 3;

export interface History {
  codes: readonly string[];
  measured: readonly Measured[];
  rounds: readonly number[];
}

export interface Known {
  code: Code;
  features: Features;
  /** As measured, in each objective's unit. */
  values: readonly number[];
  /** Each objective from 0, the worst, to 1, the best; where measuring is noisy, as predicted. */
  point: number[];
  /** How far the point reaches in each direction. */
  reached: Float32Array;
  isFeasible: boolean;
  round: number;
}

/** An architecture with the kernels between it and all known ones. */
export interface Candidate {
  code: Code;
  features: Features;
  /** By objective, the kernel that it follows between the architecture and all known ones. */
  rows: Float64Array[];
  known: Measured;
}

interface Row {
  code: Code;
  values: number[];
  round: number;
}

type Placed = Row & Pick<Known, "point" | "reached" | "isFeasible">;

export class Model {
  readonly known: Known[];
  /** Whether more was measured than is known here. */
  readonly isPartial: boolean;
  readonly reached: Reached;
  readonly #problem: Problem;
  readonly #map: FeatureMap;
  readonly #kernels: Kernels;
  /** Groups of features that its kernels compare. */
  readonly #wanted: readonly boolean[];
  readonly #surrogates: (Surrogate | null)[];
  readonly #worst: number[];
  readonly #best: number[];
  readonly #towards: Float64Array[];
  readonly #packed: Packed;

  /** The model of what was measured completely; null where that is nothing. */
  static of(history: History, problem: Problem, random: Random, choosesKernels = true): Model | null {
    const complete = history.codes.flatMap((text, index) => {
      const code = codeOfText(text);
      const values = completed(history.measured[index] ?? [], code, problem);
      return values.every(Number.isFinite) ? [{ code, values, round: history.rounds[index] ?? 0 }] : [];
    });
    return complete.length === 0 ? null : new Model(complete, problem, random, choosesKernels);
  }

  private constructor(complete: readonly Row[], problem: Problem, random: Random, choosesKernels: boolean) {
    const { goals, positions } = problem;
    this.#problem = problem;
    this.#map = new FeatureMap(problem.space, positions);
    const kernels = new Kernels(this.#map.offsets, positions.length);
    this.#best = goals.map(({ goal }, k) => extreme(complete, k, goal === "maximize"));
    this.#worst = goals.map((goal, k) => worstOf(complete, k, goal));
    this.#towards = directions(directionCount, goals.length, random);
    const placed = complete.map((row) => this.#placed(row));
    this.reached = this.#reachedBy(placed);
    const taught = chosen(placed, this.reached);
    this.isPartial = taught.length < placed.length;
    const fits = this.#fits(kernels, taught, choosesKernels);
    this.#kernels = kernels.only(fits.map((fit) => fit?.kernel ?? -1));
    this.#wanted = this.#kernels.wanted;
    this.known = taught.map((place) => ({ ...place, features: this.#featuresOf(place.code) }));
    this.#packed = new Packed(this.known.map(({ features }) => features));
    const matrices = this.#matrices(this.#kernels, this.known);
    this.#surrogates = fits.map((fit, k) =>
      fit === null
        ? null
        : new Surrogate(matrices[k] as Float64Array, valuesOf(taught, k), fit, problem.noisy),
    );
    if (problem.noisy) this.reached = this.#smooth();
  }

  /** How each objective is modelled; null where it is known beforehand. */
  #fits(kernels: Kernels, taught: readonly Placed[], choosesKernels: boolean): (Fit | null)[] {
    const { goals, known } = this.#problem;
    const some = spread(taught.length, chosenBy).map((index) => {
      const place = taught[index] as Placed;
      return { ...place, features: this.#map.of(place.code) };
    });
    const parts = this.#matrices(kernels, some).slice(0, choosesKernels ? kernels.count : 1);
    const foreknown = known(some[0]?.code ?? []);
    const isLearnt = goals.map((_, k) => typeof foreknown[k] !== "number");
    const learnt = goals.flatMap(({ goal }, k) =>
      isLearnt[k] ? [{ goal, all: valuesOf(taught, k), some: valuesOf(some, k) }] : [],
    );
    const fits = bestFits(parts, learnt);
    return isLearnt.map((is) => (is ? (fits.shift() as Fit) : null));
  }

  #featuresOf(code: Code): Features {
    return this.#map.of(code, this.#wanted);
  }

  /** Candidates whose uncertainty can be looked at in a round's time. */
  get affordable(): number {
    return Math.max(examinedAtLeast, Math.round(examinedWork / this.known.length ** 2));
  }

  /** Members of the front among what is known; of equal ones the first. */
  front(): Known[] {
    const front = new ParetoFront<Known>(this.#problem.goals.length);
    for (const known of this.known)
      if (known.isFeasible)
        front.insert(
          known.point.map((value) => -value),
          known,
        );
    return front.entries().map(({ item }) => item);
  }

  /** @param features of the code, where they are known */
  candidate(code: Code, features = this.#featuresOf(code)): Candidate {
    const { length } = this.known;
    const rows = this.#surrogates.map(() => new Float64Array(length));
    this.#kernels.write(features, this.#packed, rows);
    return { code, features, rows, known: this.#problem.known(code) };
  }

  /** What is expected, in each objective's unit. */
  expected({ rows, known }: Candidate): number[] {
    return this.#surrogates.map(
      (surrogate, k) => surrogate?.mean(rows[k] as Float64Array) ?? (known[k] as number),
    );
  }

  /** How far each draw of an architecture's values reaches in each direction; those beyond a limit nowhere. */
  samples({ features, rows, known }: Candidate, normals: readonly (readonly number[])[]): Float32Array {
    const self = this.#surrogates.map(() => new Float64Array(1));
    this.#kernels.write(features, new Packed([features]), self);
    const drawn = this.#surrogates.map((surrogate, k) => {
      const list = normals[k] as number[];
      if (surrogate === null) return list.map(() => known[k] as number);
      return surrogate.draws(rows[k] as Float64Array, self[k]?.[0] as number, list);
    });
    const count = normals[0]?.length ?? 0;
    const samples = new Float32Array(count * this.#towards.length);
    for (let draw = 0; draw < count; draw++) {
      const values = drawn.map((list) => list[draw] as number);
      if (isWithin(this.#problem.goals, values))
        reach(this.point(values), this.#towards, samples, draw * this.#towards.length);
    }
    return samples;
  }

  /** How much an architecture of these values would add to the front; negative by how much it stays behind. */
  promise(values: readonly number[]): number {
    const point = this.point(values);
    const gain = this.reached.gain(reach(point, this.#towards));
    return gain > 0 ? gain : -this.reached.deficit(point);
  }

  /** Each objective from 0, the worst that was seen, to 1, the best. */
  point(values: readonly number[]): number[] {
    return values.map((value, k) => {
      const worst = this.#worst[k] as number;
      return (value - worst) / ((this.#best[k] as number) - worst || 1);
    });
  }

  #placed(row: Row): Placed {
    const point = this.point(row.values);
    const isFeasible = isEligible(this.#problem, row.code, row.values);
    return { ...row, point, isFeasible, reached: reach(point, this.#towards) };
  }

  #reachedBy(placed: readonly Pick<Placed, "isFeasible" | "point" | "reached">[]): Reached {
    const all = new Reached(this.#towards.length, this.#problem.goals.length);
    for (const { isFeasible, point, reached } of placed) if (isFeasible) all.add(point, reached);
    return all;
  }

  /** By kernel, between all of a list; lower halves. Noisy measurements of one round share what it did to them. */
  #matrices(kernels: Kernels, list: readonly Pick<Known, "features" | "round">[]): Float64Array[] {
    const n = list.length;
    const packed = new Packed(list.map(({ features }) => features));
    const matrices = Array.from({ length: kernels.count }, () => new Float64Array(n * n));
    for (const [row, { features, round }] of list.entries()) {
      kernels.write(features, packed, matrices, row + 1, row * n);
      if (!this.#problem.noisy) continue;
      for (let other = 0; other <= row; other++) {
        if (list[other]?.round !== round) continue;
        for (const matrix of matrices)
          matrix[row * n + other] = (matrix[row * n + other] as number) + roundEffect;
      }
    }
    return matrices;
  }

  /** The front of what is predicted rather than of lucky measurements. */
  #smooth(): Reached {
    for (const known of this.known) {
      known.point = this.point(this.expected(this.candidate(known.code, known.features)));
      known.reached = reach(known.point, this.#towards);
    }
    return this.#reachedBy(this.known);
  }
}

/** What was measured, and known without, of an architecture; NaN where neither is. */
function completed(measured: Measured, code: Code, { goals, known }: Problem): number[] {
  const isComplete = goals.every((_, k) => typeof measured[k] === "number");
  const foreknown = isComplete ? [] : known(code);
  return goals.map((_, k) => measured[k] ?? foreknown[k] ?? Number.NaN);
}

/** What the surrogates learn from: measurements near the front, the newest, and some of all others. */
function chosen(placed: readonly Placed[], reached: Reached): Placed[] {
  if (placed.length <= trainedOn) return [...placed];
  const newest = placed.slice(-Math.floor(trainedOn * newestShare));
  const older = placed
    .slice(0, -newest.length)
    .map((row) => ({ row, deficit: reached.deficit(row.point) }))
    .sort((a, b) => a.deficit - b.deficit)
    .map(({ row }) => row);
  const near = older.slice(0, Math.floor(trainedOn * nearShare));
  const rest = older.slice(near.length);
  const wanted = Math.min(rest.length, trainedOn - newest.length - near.length);
  const spread = Array.from(
    { length: wanted },
    (_, index) => rest[Math.floor((index * rest.length) / wanted)] as Placed,
  );
  return [...near, ...spread, ...newest];
}

const valuesOf = (list: readonly Row[], k: number): number[] => list.map(({ values }) => values[k] as number);

/** So many indices, evenly spread over all. */
function spread(count: number, wanted: number): number[] {
  const length = Math.min(count, wanted);
  return Array.from({ length }, (_, index) => Math.floor((index * count) / length));
}

function extreme(rows: readonly Row[], k: number, largest: boolean): number {
  return rows.reduce(
    (found, { values }) => (largest ? Math.max : Math.min)(found, values[k] as number),
    largest ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY,
  );
}

/** The worst value seen, or one beyond a soft target once some are within it. */
function worstOf(rows: readonly Row[], k: number, { goal, target }: Problem["goals"][number]): number {
  const worst = extreme(rows, k, goal === "minimize");
  if (target === undefined) return worst;
  const end = goal === "minimize" ? target * beyondTarget : target / beyondTarget;
  const isBetter = (value: number) => (goal === "minimize" ? value < end : value > end);
  const within = rows.filter(({ values }) => isBetter(values[k] as number));
  return isBetter(worst) || within.length < fewest ? worst : end;
}
