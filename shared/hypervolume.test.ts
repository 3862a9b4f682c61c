import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hypervolume } from "./hypervolume.ts";
import { Random } from "./random.ts";

/** Inclusion and exclusion over all subsets: exact for whole numbers, exponential in the points. */
function bruteForce(points: readonly number[][], reference: readonly number[]): number {
  let total = 0;
  for (let subset = 1; subset < 2 ** points.length; subset++) {
    const chosen = points.filter((_, index) => subset & (1 << index));
    const intersection = reference.reduce((product, bound, k) => {
      const worst = Math.max(...chosen.map((point) => point[k] ?? 0));
      return product * Math.max(0, bound - worst);
    }, 1);
    total += chosen.length % 2 === 1 ? intersection : -intersection;
  }
  return total;
}

test.each([1, 2, 3, 4, 5])(
  "the hypervolume in %i objectives is the volume of the union of boxes",
  (objectives) => {
    const point = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: objectives, maxLength: objectives });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 8 }), (points) => {
        const reference = Array<number>(objectives).fill(8);
        expect(hypervolume(points, reference)).toBe(bruteForce(points, reference));
      }),
      { numRuns: 150 },
    );
  },
);

test("a large front of three objectives has the volume that random points find", () => {
  const random = new Random("front");
  const points = Array.from({ length: 60 }, () => [random.uniform(), random.uniform(), random.uniform()]);
  const draws = 20_000;
  let hits = 0;
  for (let index = 0; index < draws; index++) {
    const probe = [random.uniform(), random.uniform(), random.uniform()];
    if (points.some((point) => point.every((value, k) => value <= (probe[k] ?? 0)))) hits++;
  }
  expect(Math.abs(hypervolume(points, [1, 1, 1]) - hits / draws)).toBeLessThan(0.015);
});

test("values that are not finite add nothing", () => {
  expect(
    hypervolume(
      [
        [Number.NaN, 1],
        [Number.NEGATIVE_INFINITY, 0],
        [1, 1],
      ],
      [2, 2],
    ),
  ).toBe(1);
  expect(hypervolume([], [2, 2])).toBe(0);
});

test("a point of another number of objectives is refused", () => {
  expect(() => hypervolume([[1]], [2, 2])).toThrow("2 objectives, a point 1");
});
