/**
 * How many of a network's units tell the images of a batch apart in a way of their own, by the signs before its ReLUs: the
 * SWAP score (Peng et al. 2024, arXiv 2403.04161).
 */

/** Images whose pattern one number holds exactly. */
export const PATTERN_IMAGES = 48;

/** Collects units layer by layer. */
export class ActivationPatterns {
  readonly #patterns: Float64Array[] = [];

  /** @param patterns by unit, its signs for the images as the bits of a whole number */
  add(patterns: Float64Array): void {
    this.#patterns.push(patterns);
  }

  /** Different patterns among all units. */
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
}
