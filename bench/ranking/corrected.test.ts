/** Holds the correction against ridge regression by its normal equations. */

import { expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { ranksOf } from "../../shared/rankCorrelation.ts";
import { corrected, spacedBy } from "./corrected.ts";

const random = new Random(2);
const ITEMS = 30;
const scores = [0, 1].map(() => Array.from({ length: ITEMS }, () => random.normal()));
const targets = Array.from({ length: ITEMS }, (_, item) => 3 * (scores[0]?.[item] ?? 0) + random.normal());
const trained = [1, 4, 9, 16, 25];

const standardised = (values: number[]): number[] => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.hypot(...values.map((value) => value - mean)) / Math.sqrt(values.length);
  return values.map((value) => (value - mean) / deviation);
};

test("a correction is the ridge regression towards equal weights", () => {
  const [first = [], second = []] = scores.map((values) =>
    standardised([...ranksOf(values)].map((rank) => Math.log(rank / ITEMS))),
  );
  const wanted = standardised(trained.map((item) => targets[item] as number));
  const rows = trained.map((item) => [first[item] as number, second[item] as number] as const);
  const slope =
    rows.reduce((sum, [a, b], at) => sum + (a + b) * (wanted[at] as number), 0) /
    rows.reduce((sum, [a, b]) => sum + (a + b) ** 2, 0);
  const rest = rows.map(([a, b], at) => (wanted[at] as number) - slope * (a + b));
  const ridge = 60;
  const [aa, ab, bb] = [
    rows.reduce((sum, [a]) => sum + a * a, ridge),
    rows.reduce((sum, [a, b]) => sum + a * b, 0),
    rows.reduce((sum, [, b]) => sum + b * b, ridge),
  ];
  const [ar, br] = [0, 1].map((of) =>
    rows.reduce((sum, row, at) => sum + (row[of] ?? 0) * (rest[at] ?? 0), 0),
  );
  const determinant = aa * bb - ab * ab;
  const weights = [
    slope + (bb * (ar ?? 0) - ab * (br ?? 0)) / determinant,
    slope + (aa * (br ?? 0) - ab * (ar ?? 0)) / determinant,
  ] as const;
  const found = corrected(scores, targets, trained);
  for (let item = 0; item < ITEMS; item++)
    expect(found[item]).toBeCloseTo(
      weights[0] * (first[item] as number) + weights[1] * (second[item] as number),
      9,
    );
});

test("trained cells are spaced along the order of their scores", () => {
  expect(spacedBy([5, 1, 4, 2, 3, 0], 3)).toEqual([1, 4, 0]);
});
