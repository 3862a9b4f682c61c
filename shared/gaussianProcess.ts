/**
 * Gaussian process regression (Rasmussen and Williams 2006, algorithm 2.1) over anything between which a kernel is
 * known. Targets are expected to be standardised.
 */

const smallestPivot = 1e-9;

/** Of the targets at known points, factorised once for whatever targets. */
export class Covariance {
  readonly size: number;
  readonly factor: Float64Array;
  readonly #logPivots: number;

  /**
   * @param matrix the kernel between all points, row by row; only its lower half is read
   * @param noise variance of each target
   */
  constructor(matrix: Float64Array, size: number, noise: number) {
    this.size = size;
    this.factor = factorise(matrix, size, noise);
    let logPivots = 0;
    for (let i = 0; i < size; i++) logPivots += Math.log(this.factor[i * size + i] as number);
    this.#logPivots = logPivots;
  }

  /** @param targets one per point, with mean 0 and standard deviation 1; here and below */
  logLikelihood(targets: Float64Array): number {
    const forward = this.forward(targets);
    let squares = 0;
    for (let i = 0; i < this.size; i++) squares += (forward[i] as number) ** 2;
    return -0.5 * (squares + this.size * Math.log(2 * Math.PI)) - this.#logPivots;
  }

  forward(targets: Float64Array): Float64Array {
    return solveLower(this.factor, this.size, targets);
  }
}

export class GaussianProcess {
  readonly #factor: Float64Array;
  readonly #weights: Float64Array;
  readonly #solved: Float64Array;

  constructor(covariance: Covariance, targets: Float64Array) {
    this.#factor = covariance.factor;
    this.#weights = solveUpper(covariance.factor, covariance.size, covariance.forward(targets));
    this.#solved = new Float64Array(covariance.size);
  }

  /** @param row the kernel between a point and each of the process's */
  mean(row: Float64Array): number {
    let mean = 0;
    for (let i = 0; i < this.#weights.length; i++) mean += (this.#weights[i] as number) * (row[i] as number);
    return mean;
  }

  /**
   * Variance at a point, without the noise of measuring it.
   *
   * @param self the kernel between the point and itself
   */
  variance(row: Float64Array, self: number): number {
    let explained = 0;
    const solved = this.#solved;
    const factor = this.#factor;
    const n = solved.length;
    for (let i = 0; i < n; i++) {
      let sum = row[i] as number;
      const at = i * n;
      for (let j = 0; j < i; j++) sum -= (factor[at + j] as number) * (solved[j] as number);
      const value = sum / (factor[at + i] as number);
      solved[i] = value;
      explained += value * value;
    }
    return Math.max(self - explained, smallestPivot);
  }
}

/** Lower Cholesky factor of the matrix plus noise on its diagonal. */
function factorise(matrix: Float64Array, n: number, noise: number): Float64Array {
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const rowI = i * n;
    for (let j = 0; j <= i; j++) {
      const rowJ = j * n;
      let sum = (matrix[rowI + j] as number) + (i === j ? noise : 0);
      for (let k = 0; k < j; k++) sum -= (factor[rowI + k] as number) * (factor[rowJ + k] as number);
      factor[rowI + j] =
        i === j ? Math.sqrt(Math.max(sum, smallestPivot)) : sum / (factor[rowJ + j] as number);
    }
  }
  return factor;
}

function solveLower(factor: Float64Array, n: number, right: Float64Array): Float64Array {
  const solution = Float64Array.from(right);
  for (let i = 0; i < n; i++) {
    let sum = solution[i] as number;
    for (let j = 0; j < i; j++) sum -= (factor[i * n + j] as number) * (solution[j] as number);
    solution[i] = sum / (factor[i * n + i] as number);
  }
  return solution;
}

function solveUpper(factor: Float64Array, n: number, right: Float64Array): Float64Array {
  const solution = Float64Array.from(right);
  for (let i = n - 1; i >= 0; i--) {
    let sum = solution[i] as number;
    for (let j = i + 1; j < n; j++) sum -= (factor[j * n + i] as number) * (solution[j] as number);
    solution[i] = sum / (factor[i * n + i] as number);
  }
  return solution;
}
