/** Random masks for dropout, made on the host: no backend has a seeded generator that is the same everywhere. */

/** A stream of masks. The same seed gives the same masks in the same order. */
export class Masks {
  #state: Uint32Array;

  constructor(seed: number) {
    // Fractions of a seed beyond 32 bits count too.
    this.#state = Uint32Array.of(seed >>> 0, Math.floor(seed / 0x1_0000_0000) >>> 0, 0x9e3779b9, 1);
    for (let round = 0; round < 16; round++) this.#next();
  }

  /** `length` numbers: 0 with probability `rate`, else what keeps the mean at 1. */
  mask(length: number, rate: number): Float32Array {
    const values = new Float32Array(length);
    const threshold = rate * 0x1_0000_0000;
    const kept = 1 / (1 - rate);
    for (let index = 0; index < length; index++) if (this.#next() >= threshold) values[index] = kept;
    return values;
  }

  /** sfc32 (Doty-Humphrey, PractRand). */
  #next(): number {
    const state = this.#state;
    const [a, b, c, counter] = state as unknown as [number, number, number, number];
    const result = (a + b + counter) >>> 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    return result;
  }
}
