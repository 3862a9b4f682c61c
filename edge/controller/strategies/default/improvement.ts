/**
 * By how much an architecture would raise the front's hypervolume, as an average over directions: the hypervolume is
 * the mean over directions of the furthest that any point reaches along each (Deng and Zhang 2019; Zhang and Golovin
 * 2020), which takes any number of objectives and needs no sorting.
 */

import { ParetoFront } from "../../../../shared/pareto.ts";
import type { Random } from "../../../../shared/random.ts";

const smallest = 1e-9;

/** Directions into the positive orthant, uniform over angles; none of their parts is 0. */
export function directions(count: number, objectives: number, random: Random): Float64Array[] {
  if (objectives === 1) return [Float64Array.of(1)];
  const drawn = Array.from({ length: count }, (_, index) => {
    const vector = new Float64Array(objectives);
    if (objectives === 2) {
      const angle = ((index + random.uniform()) / count) * (Math.PI / 2);
      vector[0] = Math.fround(Math.sin(angle));
      vector[1] = Math.fround(Math.cos(angle));
      return vector;
    }
    let squares = 0;
    for (let k = 0; k < objectives; k++) {
      vector[k] = Math.fround(Math.abs(random.normal()));
      squares += (vector[k] as number) ** 2;
    }
    return vector.map((value) => value / Math.sqrt(squares));
  });
  return drawn.map((vector) => vector.map((value) => Math.max(value, smallest)));
}

/**
 * How far a point reaches along each direction, to the power of the number of objectives.
 *
 * @param point each objective from 0, the worst, to 1, the best
 * @param into where it is written, from `at` on
 */
export function reach(
  point: readonly number[],
  towards: readonly Float64Array[],
  into = new Float32Array(towards.length),
  at = 0,
): Float32Array {
  const objectives = point.length;
  for (let index = 0; index < towards.length; index++) {
    const direction = towards[index] as Float64Array;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < objectives; k++) {
      const along = Math.max(0, point[k] as number) / (direction[k] as number);
      if (along < least) least = along;
    }
    let power = least;
    for (let k = 1; k < objectives; k++) power *= least;
    into[at + index] = power;
  }
  return into;
}

/** What is reached so far along each direction, and what an uncertain point would add. */
export class Reached {
  readonly best: Float32Array;
  readonly #front: ParetoFront<null>;

  constructor(directionCount: number, objectives: number) {
    this.best = new Float32Array(directionCount);
    this.#front = new ParetoFront(objectives);
  }

  /** @param reached `reach` of the point, here and below */
  add(point: readonly number[], reached: Float32Array): void {
    this.#front.insert(
      point.map((value) => -value),
      null,
    );
    for (let k = 0; k < reached.length; k++)
      if ((reached[k] as number) > (this.best[k] as number)) this.best[k] = reached[k] as number;
  }

  /** How much a point would have to gain, over all objectives, to equal a member of the front; 0 for a member. */
  deficit(point: readonly number[]): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { vector } of this.#front.entries()) {
      let missing = 0;
      for (let k = 0; k < point.length; k++)
        missing += Math.max(0, -(vector[k] as number) - (point[k] as number));
      if (missing < least) least = missing;
    }
    return least;
  }

  /** @param samples of one point: how far each reaches, one after the other */
  gain(samples: Float32Array): number {
    let gain = 0;
    const count = this.best.length;
    for (let at = 0; at < samples.length; at += count)
      for (let k = 0; k < count; k++) {
        const more = (samples[at + k] as number) - (this.best[k] as number);
        if (more > 0) gain += more;
      }
    return gain / (samples.length / count);
  }

  /** Takes an uncertain point for reached, as far as its samples reach on average. */
  assume(samples: Float32Array): void {
    const count = this.best.length;
    const draws = samples.length / count;
    for (let k = 0; k < count; k++) {
      let mean = 0;
      for (let draw = 0; draw < draws; draw++) mean += samples[draw * count + k] as number;
      mean /= draws;
      if (mean > (this.best[k] as number)) this.best[k] = mean;
    }
  }
}
