import { expect, test } from "vitest";
import { shareOf } from "./rangeStrip.tsx";

test("a value lies where its logarithm does, what is outside at the end, and one value in the middle", () => {
  const range = { minimum: 10, maximum: 1000 };
  expect(shareOf(range, 100)).toBeCloseTo(0.5);
  expect([shareOf(range, 1), shareOf(range, 1e12)]).toEqual([0, 1]);
  expect(shareOf({ minimum: 5, maximum: 5 }, 5)).toBe(0.5);
  expect(shareOf({ minimum: 0, maximum: 4 }, 1)).toBe(0.25);
});
