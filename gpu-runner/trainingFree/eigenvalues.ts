/** Eigenvalues of small symmetric matrices: Householder's reduction to a tridiagonal matrix, then bisection. */

/** Halvings of the interval that holds all eigenvalues: below what a double tells apart. */
const BISECTIONS = 60;

interface Tridiagonal {
  diagonal: Float64Array;
  /** One shorter than the diagonal. */
  beside: Float64Array;
}

/**
 * All eigenvalues in ascending order (Golub and Van Loan 2013, sections 8.3.1 and 8.4.2).
 *
 * @param matrix n x n, symmetric, row by row; stays as it is
 */
export function eigenvalues(matrix: ArrayLike<number>, n: number): Float64Array {
  const tridiagonal = tridiagonalise(Float64Array.from(matrix), n);
  const reach = spread(tridiagonal);
  return Float64Array.from({ length: n }, (_, index) => {
    let [low, high] = [-reach, reach];
    for (let step = 0; step < BISECTIONS; step++) {
      const middle = (low + high) / 2;
      if (countBelow(tridiagonal, middle) > index) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  });
}

/** Changes `a` by a reflection per column until it is tridiagonal. */
function tridiagonalise(a: Float64Array, n: number): Tridiagonal {
  const at = (row: number, column: number): number => a[row * n + column] as number;
  const beside = new Float64Array(Math.max(0, n - 1));
  const v = new Float64Array(n);
  for (let column = 0; column + 2 < n; column++) {
    let squares = 0;
    for (let row = column + 1; row < n; row++) squares += at(row, column) ** 2;
    const first = at(column + 1, column);
    const target = first > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
    beside[column] = target;
    const length = squares - first * target; // half of the reflection vector's squared length
    if (length === 0) continue;
    for (let row = column + 1; row < n; row++) v[row] = at(row, column);
    v[column + 1] = first - target;
    reflect(a, n, v, length, column + 1);
  }
  if (n > 1) beside[n - 2] = at(n - 1, n - 2);
  return { diagonal: Float64Array.from({ length: n }, (_, index) => at(index, index)), beside };
}

/** Applies I - v v' / length from both sides, to rows and columns from `start`. */
function reflect(a: Float64Array, n: number, v: Float64Array, length: number, start: number): void {
  const w = new Float64Array(n);
  let inner = 0;
  for (let row = start; row < n; row++) {
    let sum = 0;
    for (let column = start; column < n; column++)
      sum += (a[row * n + column] as number) * (v[column] as number);
    w[row] = sum / length;
    inner += (w[row] as number) * (v[row] as number);
  }
  const share = inner / (2 * length);
  for (let row = start; row < n; row++) w[row] = (w[row] as number) - share * (v[row] as number);
  for (let row = start; row < n; row++)
    for (let column = start; column < n; column++)
      a[row * n + column] =
        (a[row * n + column] as number) -
        (v[row] as number) * (w[column] as number) -
        (w[row] as number) * (v[column] as number);
}

/** Gershgorin's bound of all eigenvalues' size. */
function spread({ diagonal, beside }: Tridiagonal): number {
  let reach = 0;
  for (const [index, value] of diagonal.entries())
    reach = Math.max(
      reach,
      Math.abs(value) + Math.abs(beside[index - 1] ?? 0) + Math.abs(beside[index] ?? 0),
    );
  return reach;
}

/** How many eigenvalues are below a number: the signs of a Sturm sequence. */
function countBelow({ diagonal, beside }: Tridiagonal, x: number): number {
  let count = 0;
  let ratio = 1;
  for (let index = 0; index < diagonal.length; index++) {
    const step = index === 0 ? 0 : (beside[index - 1] as number) ** 2 / ratio;
    ratio = (diagonal[index] as number) - x - step;
    if (ratio === 0) ratio = Number.MIN_VALUE ** 0.5;
    if (ratio < 0) count++;
  }
  return count;
}
