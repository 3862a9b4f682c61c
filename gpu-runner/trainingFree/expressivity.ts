/**
 * Expressivity and progressivity of AZ-NAS (Lee and Ham 2024, arXiv 2403.19232): how evenly a network's features spread
 * over their principal components, and how that changes from block to block.
 */

import { eigenvalues } from "./eigenvalues.ts";

/** What the published score adds to a share before its logarithm. */
const SMALLEST_SHARE = 1e-8;

/**
 * Entropy of the shares that the principal components have in the variance, natural logarithm; 0 where nothing varies.
 *
 * @param covariance channels x channels, row by row
 */
export function spectralEntropy(covariance: ArrayLike<number>, channels: number): number {
  const values = eigenvalues(covariance, channels).map((value) => Math.max(0, value));
  const sum = values.reduce((total, value) => total + value, 0);
  if (sum === 0) return 0;
  return values.reduce(
    (entropy, value) => entropy - (value / sum) * Math.log(value / sum + SMALLEST_SHARE),
    0,
  );
}

/** The sum of the entropies of all blocks. */
export const expressivity = (entropies: readonly number[]): number =>
  entropies.reduce((sum, entropy) => sum + entropy, 0);

/** The smallest step of entropy from one block to the next; 0 for a single one. */
export const progressivity = (entropies: readonly number[]): number =>
  entropies.length < 2
    ? 0
    : Math.min(...entropies.slice(1).map((entropy, index) => entropy - (entropies[index] as number)));
