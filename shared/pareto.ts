/**
 * The set of measured points that no other beats in every objective. Objectives are minimised; turn the sign of one
 * that is to be maximised.
 */

export interface FrontEntry<T> {
  vector: readonly number[];
  item: T;
}

export interface Insertion<T> {
  /** Whether the point is now on the front. */
  isAccepted: boolean;
  /** The points it pushed off the front. */
  removed: FrontEntry<T>[];
}

/** Whether `left` is nowhere worse than `right` and somewhere better. */
export function dominates(left: readonly number[], right: readonly number[]): boolean {
  let isBetter = false;
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? Number.NaN;
    if (!(value <= other)) return false;
    if (value < other) isBetter = true;
  }
  return isBetter;
}

/**
 * A front that grows point by point.
 *
 * With two objectives the points lie in an array sorted by the first objective, where the second falls: the place of a new
 * point is found in O(log n), the points it beats are the run that follows, and each point is removed at most once. Moving the
 * rest of the array is one block copy, cheaper than a tree for any front a search can fill. With any other number of
 * objectives, a new point is compared with all on the front.
 *
 * A point with a missing or non-finite value is never on the front. Of equal points, the first stays.
 */
export class ParetoFront<T> {
  readonly #objectives: number;
  #entries: FrontEntry<T>[] = [];

  constructor(objectives: number) {
    if (!Number.isInteger(objectives) || objectives < 1) {
      throw new RangeError(`A front has one or more objectives, not ${objectives}.`);
    }
    this.#objectives = objectives;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The points on the front; with two objectives sorted by the first, otherwise in the order they came. */
  entries(): readonly FrontEntry<T>[] {
    return this.#entries;
  }

  /**
   * Offers a point to the front.
   *
   * @throws RangeError when the vector has another number of objectives than the front
   */
  insert(vector: readonly (number | null | undefined)[], item: T): Insertion<T> {
    if (vector.length !== this.#objectives) {
      throw new RangeError(`The front has ${this.#objectives} objectives, the point ${vector.length}.`);
    }
    if (!isComplete(vector)) return { isAccepted: false, removed: [] };
    const entry = { vector: [...vector], item };
    return this.#objectives === 2 ? this.#insertSorted(entry) : this.#insertAnywhere(entry);
  }

  #insertSorted(entry: FrontEntry<T>): Insertion<T> {
    const [first = 0, second = 0] = entry.vector;
    const place = this.#firstNotBelow(first);
    const before = this.#entries[place - 1];
    const at = this.#entries[place];
    const isBeaten =
      (before !== undefined && objectiveOf(before, 1) <= second) ||
      (at !== undefined && objectiveOf(at, 0) === first && objectiveOf(at, 1) <= second);
    if (isBeaten) return { isAccepted: false, removed: [] };
    let end = place;
    for (let next = this.#entries[end]; next && objectiveOf(next, 1) >= second; next = this.#entries[end])
      end++;
    return { isAccepted: true, removed: this.#entries.splice(place, end - place, entry) };
  }

  #insertAnywhere(entry: FrontEntry<T>): Insertion<T> {
    const isBeaten = this.#entries.some(({ vector }) =>
      vector.every((value, index) => value <= (entry.vector[index] ?? Number.NaN)),
    );
    if (isBeaten) return { isAccepted: false, removed: [] };
    const removed: FrontEntry<T>[] = [];
    const kept: FrontEntry<T>[] = [];
    for (const other of this.#entries) (dominates(entry.vector, other.vector) ? removed : kept).push(other);
    kept.push(entry);
    this.#entries = kept;
    return { isAccepted: true, removed };
  }

  #firstNotBelow(first: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry && objectiveOf(entry, 0) < first) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function objectiveOf(entry: FrontEntry<unknown>, objective: number): number {
  return entry.vector[objective] ?? Number.NaN;
}

function isComplete(vector: readonly (number | null | undefined)[]): vector is readonly number[] {
  return vector.every((value) => Number.isFinite(value));
}
