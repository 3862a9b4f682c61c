/** Holds eigenvalues against matrices that were made from known ones. */

import { describe, expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { eigenvalues } from "./eigenvalues.ts";

/** Q' D Q with Q from Gram and Schmidt's orthogonalisation of random rows. */
function matrixOf(values: readonly number[], seed: number): number[] {
  const n = values.length;
  const random = new Random(seed);
  const rows: number[][] = [];
  for (let index = 0; index < n; index++) {
    let row = Array.from({ length: n }, () => random.normal());
    for (const other of rows) {
      const inner = row.reduce((sum, value, at) => sum + value * (other[at] as number), 0);
      row = row.map((value, at) => value - inner * (other[at] as number));
    }
    const length = Math.hypot(...row);
    rows.push(row.map((value) => value / length));
  }
  return Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return rows.reduce(
      (sum, row, index) => sum + (values[index] as number) * (row[i] as number) * (row[j] as number),
      0,
    );
  });
}

describe("eigenvalues", () => {
  test.each([
    ["different ones", [-3, -0.5, 0, 1, 2.5, 7]],
    ["equal ones", [1, 1, 1, 4]],
    ["ones of very different size", [1e-8, 1e-4, 1, 1e4]],
    ["two", [2, 3]],
    ["one", [5]],
  ])("are those that the matrix was made from: %s", (_what, values) => {
    const found = eigenvalues(matrixOf(values, 3), values.length);
    const largest = Math.max(...values.map(Math.abs));
    for (const [index, value] of values.entries())
      expect(Math.abs((found[index] as number) - value)).toBeLessThan(1e-12 * largest);
  });

  test("of a diagonal matrix are its diagonal, of nothing but zeros zeros", () => {
    expect([...eigenvalues([3, 0, 0, 0, 1, 0, 0, 0, 2], 3)].map((value) => value.toFixed(9))).toEqual([
      "1.000000000",
      "2.000000000",
      "3.000000000",
    ]);
    expect([...eigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
  });
});
