import { expect, test } from "vitest";
import { Candidates } from "./candidates.ts";

const page = (first: number, count: number) => {
  const places = Array.from({ length: count }, (_, index) => first + index);
  return {
    round: places.map((place) => Math.floor(place / 10)),
    stage: places.map(() => 0),
    hash: places.map((place) => `h${place}`),
    feasible: places.map((place) => place % 2 === 0),
    loss: places.map(() => null),
    reward: places.map(() => null),
    values: { accuracy: places.map((place) => (place % 3 === 0 ? null : place)) },
  };
};

test("columns grow page by page and keep each candidate in its place", () => {
  const candidates = new Candidates();
  candidates.append(page(0, 1500));
  candidates.append(page(1500, 3000));
  expect(candidates.size).toBe(4500);
  expect(candidates.lastRound).toBe(449);
  expect(candidates.hash[4321]).toBe("h4321");
  expect(candidates.values("accuracy")[4321]).toBe(4321);
  expect(candidates.feasible[4321]).toBe(0);
  expect(candidates.round[1500]).toBe(150);
});

test("what was not measured is no number, and an unknown objective is a column of them", () => {
  const candidates = new Candidates();
  candidates.append(page(0, 4));
  expect([...candidates.values("accuracy")]).toEqual([Number.NaN, 1, 2, Number.NaN]);
  expect([...candidates.values("latency")]).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  expect([...candidates.loss].every(Number.isNaN)).toBe(true);
  const { version } = candidates;
  candidates.append(page(0, 0));
  expect([candidates.lastRound, candidates.version]).toEqual([0, version]);
});

test("rounds that are read again take the place of what was known of them", () => {
  const candidates = new Candidates();
  candidates.append(page(0, 5000));
  const before = candidates.version;
  candidates.keepUpTo(459);
  expect([candidates.size, candidates.lastRound]).toEqual([4600, 459]);
  const late = page(4600, 400);
  candidates.append({ ...late, values: { ...late.values, latency: late.hash.map(() => 7) } });
  expect(candidates.size).toBe(5000);
  expect(candidates.values("latency").slice(4598, 4602)).toEqual(
    Float64Array.of(Number.NaN, Number.NaN, 7, 7),
  );
  expect(candidates.version).toBeGreaterThan(before);
  candidates.keepUpTo(-1);
  expect([candidates.size, candidates.lastRound]).toEqual([0, -1]);
});
