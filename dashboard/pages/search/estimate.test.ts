import { expect, test } from "vitest";
import { secondsLeft } from "./estimate.ts";

const at = (...seconds: number[]) => seconds.map((second) => new Date(second * 1000).toISOString());

test("what is left takes as long as the last rounds took, a pause among them left out", () => {
  expect(secondsLeft({ round: 5, rounds: 10 }, at(0, 4, 8, 3608, 3612))).toBe(20);
});

test("nobody can tell from fewer than three rounds, or without a number of rounds", () => {
  expect(secondsLeft({ round: 2, rounds: 10 }, at(0, 4))).toBeNull();
  expect(secondsLeft({ round: 3, rounds: 0 }, at(0, 4, 8))).toBeNull();
});

test("a search that outlives its plan has nothing left", () => {
  expect(secondsLeft({ round: 12, rounds: 10 }, at(0, 4, 8))).toBe(0);
});
