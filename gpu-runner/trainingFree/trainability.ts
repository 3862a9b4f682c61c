/**
 * Trainability of AZ-NAS (Lee and Ham 2024, arXiv 2403.19232): how near the largest singular value of each block's
 * Jacobian is to 1, where gradients neither vanish nor explode.
 */

import { eigenvalues } from "./eigenvalues.ts";

const SMALLEST_NORM = 1e-6;

/** Of a block that gives gradients on as they are, which says nothing of its weights; as bad as one that gives none. */
export const NO_BLOCK = -1 / SMALLEST_NORM;

/** Of a block whose Jacobian has this largest singular value: at most about 0, for 1. */
export const blockTrainability = (norm: number): number => 2 - norm - 1 / (norm + SMALLEST_NORM);

/** The mean over blocks; 0 without any. */
export const trainability = (blocks: readonly number[]): number =>
  blocks.length === 0 ? 0 : blocks.reduce((sum, block) => sum + block, 0) / blocks.length;

/**
 * The largest singular value.
 *
 * @param matrix rows x columns, row by row
 */
export function spectralNorm(matrix: ArrayLike<number>, rows: number, columns: number): number {
  // Of the two products of the matrix with itself, the smaller one.
  const [size, depth] = rows < columns ? [rows, columns] : [columns, rows];
  const at = (index: number, step: number): number =>
    matrix[rows < columns ? index * columns + step : step * columns + index] as number;
  const product = new Float64Array(size * size);
  for (let left = 0; left < size; left++)
    for (let right = 0; right <= left; right++) {
      let sum = 0;
      for (let step = 0; step < depth; step++) sum += at(left, step) * at(right, step);
      product[left * size + right] = sum;
      product[right * size + left] = sum;
    }
  return Math.sqrt(Math.max(0, eigenvalues(product, size).at(-1) ?? 0));
}
