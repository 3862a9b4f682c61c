/**
 * What the signs before a network's ReLUs say of a batch: how many units tell its images apart in a way of their own
 * (SWAP, Peng et al. 2024, arXiv 2403.04161), and how different the images are to all units together (NASWOT, Mellor
 * et al. 2021, arXiv 2006.04647).
 */

import { eigenvalues } from "./eigenvalues.ts";

/** Images whose pattern one number holds exactly. */
export const PATTERN_IMAGES = 48;

/** Instead of the logarithm of 0, for images that no unit tells apart. */
const SMALLEST_EIGENVALUE = 1e-9;

/** Collects units layer by layer. */
export class ActivationPatterns {
  readonly #images: number;
  readonly #agreement: Float64Array;
  readonly #patterns: Float64Array[] = [];

  constructor(images: number) {
    this.#images = images;
    this.#agreement = new Float64Array(images * images);
  }

  /**
   * @param patterns by unit, its signs for the first images as the bits of a whole number
   * @param agreement images x images: how many units have the same sign for both
   */
  add(patterns: Float64Array, agreement: ArrayLike<number>): void {
    this.#patterns.push(patterns);
    for (let index = 0; index < this.#agreement.length; index++)
      this.#agreement[index] = (this.#agreement[index] as number) + (agreement[index] as number);
  }

  /** Different patterns among all units: the SWAP score. */
  distinct(): number {
    const all = new Float64Array(this.#patterns.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const patterns of this.#patterns) {
      all.set(patterns, offset);
      offset += patterns.length;
    }
    all.sort();
    return all.reduce(
      (count, pattern, index) => count + (index === 0 || pattern !== all[index - 1] ? 1 : 0),
      0,
    );
  }

  /** Logarithm of the determinant of the images' agreement: the NASWOT score. */
  logDeterminant(): number {
    return eigenvalues(this.#agreement, this.#images).reduce(
      (sum, value) => sum + Math.log(Math.max(value, SMALLEST_EIGENVALUE)),
      0,
    );
  }
}
