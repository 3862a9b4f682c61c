/**
 * Seeded random numbers whose state can be saved and restored: every draw of a search comes from one of these, so
 * that a search that is resumed continues as if it had not stopped. Not for secrets.
 */

import { type xoroshiro128plus, xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import { mixedHash64 } from "./hash.ts";

type Generator = ReturnType<typeof xoroshiro128plus>;

const TWO_32 = 2 ** 32;
const TWO_53 = 2 ** 53;
const LOW_BITS_OF_53 = 2 ** 26;

/**
 * A generator (xoroshiro128+) seeded by a number or a text; `5` and `"5"` give the same stream.
 *
 * @example
 * const random = new Random(deriveSeed(7, "policy", 3));
 * const again = Random.fromState(random.state()); // continues exactly where `random` is
 */
export class Random {
  readonly #generator: Generator;

  /** Takes a seed, or what `state` gave. */
  constructor(seed: number | string | readonly number[]) {
    this.#generator =
      typeof seed === "object" ? xoroshiro128plusFromState([...seed]) : seededGenerator(String(seed));
  }

  /**
   * The generator that continues from a saved state.
   *
   * @throws Error when the state is not four numbers
   */
  static fromState(state: readonly number[]): Random {
    return new Random(state);
  }

  /** Everything that decides the numbers to come: four 32-bit integers, fit for JSON. */
  state(): number[] {
    return [...this.#generator.getState()];
  }

  /** A whole number, 0 <= x < 2^32. */
  uint32(): number {
    return this.#generator.next() >>> 0;
  }

  /** A number with 53 random bits, 0 <= x < 1. */
  uniform(): number {
    const high = this.uint32() >>> 5; // the lowest bits are the generator's weakest
    const low = this.uint32() >>> 6;
    return (high * LOW_BITS_OF_53 + low) / TWO_53;
  }

  /** A number from the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /**
   * A whole number, 0 <= x < n, each equally likely.
   *
   * @throws RangeError when n is not a whole number from 1 to 2^32
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32)
      throw new RangeError(`Cannot draw one of ${n} integers.`);
    const limit = TWO_32 - (TWO_32 % n);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % n;
  }

  /** Shuffles the array in place (Fisher and Yates) and returns it. */
  shuffle<T extends unknown[]>(array: T): T {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      [array[last], array[other]] = [array[other], array[last]];
    }
    return array;
  }

  /**
   * An index, drawn in proportion to the weights; they need not add up to 1.
   *
   * @throws RangeError when a weight is negative or not a number, or when all are zero
   */
  categorical(probabilities: ArrayLike<number>): number {
    let total = 0;
    let lastPossible = -1;
    for (let index = 0; index < probabilities.length; index++) {
      const weight = probabilities[index] ?? 0;
      if (!(weight >= 0)) throw new RangeError(`A probability cannot be ${weight}.`);
      if (weight > 0) lastPossible = index;
      total += weight;
    }
    if (!(total > 0 && total < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Probabilities cannot add up to ${total}.`);
    }
    let rest = this.uniform() * total;
    for (let index = 0; index < lastPossible; index++) {
      rest -= probabilities[index] ?? 0;
      if (rest < 0) return index;
    }
    return lastPossible;
  }
}

/**
 * A seed for one purpose, from a seed and labels that name the purpose: a safe integer, 0 <= x < 2^53. Other labels
 * give unrelated streams; the same ones always the same.
 *
 * @example deriveSeed(search.seed, "round", 12)
 */
export function deriveSeed(seed: number | string, ...labels: readonly (string | number)[]): number {
  const { high, low } = mixedHash64(JSON.stringify([String(seed), ...labels.map(String)]));
  return (high >>> 11) * TWO_32 + low;
}

function seededGenerator(seed: string): Generator {
  const first = mixedHash64(seed);
  const second = mixedHash64(`${seed}\n`);
  // The all-zero state, from which the generator never leaves, cannot come from two different texts' hashes in practice.
  return xoroshiro128plusFromState([first.high, first.low, second.high, second.low].map((word) => word | 0));
}
