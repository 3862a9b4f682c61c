import * as fc from "fast-check";
import { expect, test } from "vitest";
import { dominates, ParetoFront } from "./pareto.ts";

/** Few distinct values, so that ties and duplicates are common; one in ten is missing. */
const value = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, null, undefined, Number.POSITIVE_INFINITY) },
);

function bruteForceFront(vectors: readonly (readonly (number | null | undefined)[])[]): number[] {
  const complete = vectors.flatMap((vector, index) =>
    vector.every((entry) => Number.isFinite(entry)) ? [{ vector: vector as number[], index }] : [],
  );
  return complete
    .filter(
      ({ vector, index }) =>
        !complete.some(
          (other) =>
            dominates(other.vector, vector) || (other.index < index && `${other.vector}` === `${vector}`),
        ),
    )
    .map(({ index }) => index);
}

test.each([1, 2, 3, 4])(
  "a front of %i objectives holds what no point beats, the first of equals",
  (objectives) => {
    const vectors = fc.array(fc.array(value, { minLength: objectives, maxLength: objectives }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(vectors, (points) => {
        const front = new ParetoFront<number>(objectives);
        const present = new Set<number>();
        for (const [index, point] of points.entries()) {
          const { isAccepted, removed } = front.insert(point, index);
          if (isAccepted) present.add(index);
          for (const { item } of removed) expect(present.delete(item)).toBe(true);
        }
        const items = front.entries().map(({ item }) => item);
        expect(items.toSorted((a, b) => a - b)).toEqual(bruteForceFront(points));
        expect(new Set(items)).toEqual(present);
        expect(front.size).toBe(items.length);
      }),
      { numRuns: 300 },
    );
  },
);

test("two objectives are listed from the best of the first to the best of the second", () => {
  const front = new ParetoFront<string>(2);
  for (const [x, y] of [
    [3, 1],
    [1, 3],
    [2, 2],
    [2, 5],
  ])
    front.insert([x, y], `${x},${y}`);
  expect(front.entries().map(({ item }) => item)).toEqual(["1,3", "2,2", "3,1"]);
});

test("a point of another number of objectives is refused", () => {
  expect(() => new ParetoFront(2).insert([1], "x")).toThrow("2 objectives, the point 1");
});
