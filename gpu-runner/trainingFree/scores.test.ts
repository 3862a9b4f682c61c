/** Holds the mathematics of the scores against slower or closed forms. */

import { describe, expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { logRankSum } from "../../shared/untrained.ts";
import { ActivationPatterns } from "./activationPatterns.ts";
import { expressivity, progressivity, spectralEntropy } from "./expressivity.ts";
import { blockTrainability, spectralNorm, trainability } from "./trainability.ts";

describe("expressivity", () => {
  test("of a block is the entropy of its spectrum: ln n where all directions are alike, 0 in a single one", () => {
    expect(spectralEntropy([2, 0, 0, 0, 2, 0, 0, 0, 2], 3)).toBeCloseTo(Math.log(3), 6);
    expect(spectralEntropy([1, 1, 1, 1], 2)).toBeCloseTo(0, 6);
    expect(spectralEntropy([0, 0, 0, 0], 2)).toBe(0);
    // Eigenvalues 3 and 1.
    expect(spectralEntropy([2, 1, 1, 2], 2)).toBeCloseTo(-0.75 * Math.log(0.75) - 0.25 * Math.log(0.25), 6);
  });

  test("adds blocks up, progressivity is their smallest step", () => {
    expect(expressivity([1, 1.5, 1.25])).toBeCloseTo(3.75);
    expect(progressivity([1, 1.5, 1.25])).toBeCloseTo(-0.25);
    expect(progressivity([1])).toBe(0);
  });
});

describe("trainability", () => {
  test("is largest for a singular value of 1 and falls to both sides", () => {
    expect(blockTrainability(1)).toBeCloseTo(0, 5);
    expect(blockTrainability(2)).toBeCloseTo(-0.5, 5);
    expect(blockTrainability(0.5)).toBeCloseTo(-0.5, 5);
    expect(blockTrainability(0)).toBeCloseTo(2 - 1e6, 3);
    expect(trainability([0, -1])).toBe(-0.5);
  });

  test.each([
    [3, 5],
    [5, 3],
    [1, 4],
  ])("takes the largest singular value of %d x %d numbers", (rows, columns) => {
    const random = new Random(rows);
    const matrix = Array.from({ length: rows * columns }, () => random.normal());
    let vector = Array.from({ length: columns }, () => 1);
    let norm = 0;
    for (let step = 0; step < 500; step++) {
      const image = Array.from({ length: rows }, (_, row) =>
        vector.reduce((sum, value, column) => sum + value * (matrix[row * columns + column] as number), 0),
      );
      norm = Math.hypot(...image) / Math.hypot(...vector);
      vector = Array.from({ length: columns }, (_, column) =>
        image.reduce((sum, value, row) => sum + value * (matrix[row * columns + column] as number), 0),
      );
      const length = Math.hypot(...vector);
      vector = vector.map((value) => value / length);
    }
    expect(spectralNorm(matrix, rows, columns)).toBeCloseTo(norm, 9);
  });
});

describe("activation patterns", () => {
  const random = new Random(7);
  const layers = [6, 9].map((units) =>
    Array.from({ length: units }, () => Array.from({ length: 5 }, () => random.integer(2))),
  );

  test("that are different are counted over all layers together", () => {
    const patterns = new ActivationPatterns();
    for (const units of layers)
      patterns.add(
        Float64Array.from(units, (unit) => unit.reduce((sum, bit, image) => sum + bit * 2 ** image, 0)),
      );
    expect(patterns.distinct()).toBe(new Set(layers.flat().map((unit) => unit.join(""))).size);
  });
});

describe("joined scores", () => {
  test("are sums of logarithms of ranks, whatever the scale", () => {
    const joined = logRankSum([
      [10, 30, 20],
      [-1, -1, 5e9],
    ]);
    const expected = [Math.log(1 / 3) + Math.log(1.5 / 3), Math.log(1) + Math.log(1.5 / 3), Math.log(2 / 3)];
    for (const [item, value] of expected.entries()) expect(joined[item]).toBeCloseTo(value, 12);
  });
});
