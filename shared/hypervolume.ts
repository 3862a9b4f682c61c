/**
 * The volume that a set of points dominates, up to a reference point: one number for how good a front is. Objectives are
 * minimised.
 */

/**
 * The hypervolume between the points and the reference, exactly. Two objectives take a sort, O(n log n); more take
 * the recursion over exclusive volumes of While, Bradstreet and Barone (WFG, 2012). Points that do not beat the
 * reference in every objective add nothing, nor do points with values that are not finite.
 *
 * @throws RangeError when a point has another number of objectives than the reference
 * @example hypervolume([[1, 2], [2, 1]], [3, 3]) // 3
 */
export function hypervolume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  const inside: (readonly number[])[] = [];
  for (const point of points) {
    if (point.length !== reference.length) {
      throw new RangeError(`The reference has ${reference.length} objectives, a point ${point.length}.`);
    }
    if (point.every((value, index) => Number.isFinite(value) && value < at(reference, index)))
      inside.push(point);
  }
  return reference.length === 0 ? 0 : volume(inside, reference);
}

function volume(points: readonly (readonly number[])[], reference: readonly number[]): number {
  if (reference.length === 1) {
    const best = Math.min(at(reference, 0), ...points.map((point) => at(point, 0)));
    return at(reference, 0) - best;
  }
  if (reference.length === 2) return area(points, reference);
  // Worst last objective first: limiting the following points to a point then leaves few that are not beaten.
  const last = reference.length - 1;
  const sorted = points.toSorted((left, right) => at(right, last) - at(left, last));
  let total = 0;
  for (const [index, point] of sorted.entries()) {
    const limited = sorted
      .slice(index + 1)
      .map((other) => other.map((value, k) => Math.max(value, at(point, k))));
    total += box(point, reference) - volume(withoutBeaten(limited), reference);
  }
  return total;
}

function area(points: readonly (readonly number[])[], reference: readonly number[]): number {
  let total = 0;
  let height = at(reference, 1);
  for (const point of points.toSorted((left, right) => at(left, 0) - at(right, 0))) {
    if (at(point, 1) >= height) continue;
    total += (at(reference, 0) - at(point, 0)) * (height - at(point, 1));
    height = at(point, 1);
  }
  return total;
}

function box(point: readonly number[], reference: readonly number[]): number {
  return reference.reduce((product, bound, index) => product * (bound - at(point, index)), 1);
}

function withoutBeaten(points: readonly (readonly number[])[]): (readonly number[])[] {
  const kept: (readonly number[])[] = [];
  for (const point of points) {
    if (kept.some((other) => isCovered(point, other))) continue;
    let count = 0;
    for (const other of kept) if (!isCovered(other, point)) kept[count++] = other;
    kept.length = count;
    kept.push(point);
  }
  return kept;
}

/** Whether `other` is nowhere worse than `point`. */
function isCovered(point: readonly number[], other: readonly number[]): boolean {
  return other.every((value, index) => value <= at(point, index));
}

function at(vector: readonly number[], index: number): number {
  return vector[index] ?? Number.NaN;
}
