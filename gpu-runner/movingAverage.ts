/**
 * The exponential moving average of a network's numbers over its training steps (Polyak and Juditsky 1992): often a
 * better network than the last step's. Kept on the host, so it is the same for every way of execution.
 */

import type { NamedValues } from "./weightShapes.ts";

/** Steps between two updates: reading the weights at every step would cost more than the average gains. */
const UPDATE_STEPS = 10;
const PREFIX = "average/";
const MOMENTUM = "momentum/";

export class MovingAverage {
  readonly #decay: number;
  #values: NamedValues | undefined;
  #at = 0;

  /** @param decay share of the past that a step keeps, e.g. 0.9999 */
  constructor(decay: number) {
    this.#decay = decay;
  }

  /**
   * Takes in the numbers after a step where it is time to.
   *
   * The decay of a step is at most (1 + step) / (10 + step), so that start values do not linger.
   *
   * @param read gives weights and moving statistics; momentum is left out
   */
  update(step: number, isLast: boolean, read: () => NamedValues): void {
    if (step % UPDATE_STEPS !== 0 && !isLast) return;
    const kept = Math.min(this.#decay, (1 + step) / (10 + step)) ** (step - this.#at);
    this.#at = step;
    const now = new Map([...read()].filter(([name]) => !name.startsWith(MOMENTUM)));
    if (this.#values === undefined) {
      this.#values = new Map(
        [...now].map(([name, { shape, values }]) => [name, { shape, values: values.slice() }]),
      );
      return;
    }
    for (const [name, { values }] of this.#values) {
      const current = now.get(name)?.values;
      if (current === undefined) throw new Error(`The network has lost ${name}.`);
      for (let index = 0; index < values.length; index++) {
        const average = values[index] as number;
        values[index] = average + (1 - kept) * ((current[index] as number) - average);
      }
    }
  }

  /** The averages under the names of what they are of; undefined before the first update. */
  get values(): NamedValues | undefined {
    return this.#values;
  }

  /** What a checkpoint holds of it. */
  saved(): NamedValues {
    return new Map([...(this.#values ?? [])].map(([name, entry]) => [`${PREFIX}${name}`, entry]));
  }

  /** Step of the last update. */
  get at(): number {
    return this.#at;
  }

  /** Steps are counted anew: so many are what one was. */
  splitSteps(factor: number): void {
    this.#at *= factor;
  }

  /** Takes over what `saved` gave when the last update was at step `at`. */
  restore(stored: NamedValues, at: number): void {
    const averages = [...stored].filter(([name]) => name.startsWith(PREFIX));
    this.#at = at;
    this.#values =
      averages.length === 0
        ? undefined
        : new Map(averages.map(([name, entry]) => [name.slice(PREFIX.length), entry]));
  }

  /** The numbers of a checkpoint without the averages. */
  static without(stored: NamedValues): NamedValues {
    return new Map([...stored].filter(([name]) => !name.startsWith(PREFIX)));
  }
}
