import * as fc from "fast-check";
import { expect, test } from "vitest";
import { deriveSeed, Random } from "./random.ts";

const DRAWS = 20_000;

function draw(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

/** Sum of (observed - expected)^2 / expected. */
function chiSquare(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((total, count, index) => {
    const mean = expected[index] ?? 0;
    return total + (count - mean) ** 2 / mean;
  }, 0);
}

function histogram(values: readonly number[], bins: number): number[] {
  const counts = Array<number>(bins).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

test("the same seed gives the same stream on every machine and version", () => {
  const random = new Random(42);
  expect(draw(3, () => random.uint32())).toMatchInlineSnapshot(`
    [
      3110315193,
      3138104582,
      2528185499,
    ]
  `);
  expect(new Random("42").state()).toEqual(new Random(42).state());
});

test("neighbouring seeds give unrelated streams from the first number on", () => {
  const firsts = draw(DRAWS, () => 0).map((_, seed) => Math.floor(new Random(seed).uniform() * 16));
  expect(chiSquare(histogram(firsts, 16), Array<number>(16).fill(DRAWS / 16))).toBeLessThan(40); // p about 5e-4
});

test("a generator restored from its saved state continues the stream", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(20), (seed, skipped) => {
      const random = new Random(seed);
      draw(skipped, () => random.normal());
      const restored = Random.fromState(JSON.parse(JSON.stringify(random.state())));
      expect(draw(5, () => restored.uniform())).toEqual(draw(5, () => random.uniform()));
    }),
  );
});

test("uniform numbers fill [0, 1) evenly", () => {
  const random = new Random("uniform");
  const values = draw(DRAWS, () => random.uniform());
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...values)).toBeLessThan(1);
  const bins = histogram(
    values.map((value) => Math.floor(value * 20)),
    20,
  );
  expect(chiSquare(bins, Array<number>(20).fill(DRAWS / 20))).toBeLessThan(46);
});

test("normal numbers have mean 0, variance 1 and kurtosis 3", () => {
  const random = new Random("normal");
  const values = draw(DRAWS, () => random.normal());
  const moment = (power: number) => values.reduce((total, value) => total + value ** power, 0) / DRAWS;
  expect(Math.abs(moment(1))).toBeLessThan(0.03);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.3);
});

test("integers and categories come as often as they should, and impossible categories never", () => {
  const random = new Random("categories");
  const integers = draw(DRAWS, () => random.integer(7));
  expect(chiSquare(histogram(integers, 7), Array<number>(7).fill(DRAWS / 7))).toBeLessThan(27);
  const weights = [0.1, 0, 0.6, 0.3, 0];
  const counts = histogram(
    draw(DRAWS, () => random.categorical(weights)),
    5,
  );
  expect(counts[1]).toBe(0);
  expect(counts[4]).toBe(0);
  const possible = [0, 2, 3];
  expect(
    chiSquare(
      possible.map((index) => counts[index] ?? 0),
      possible.map((index) => (weights[index] ?? 0) * DRAWS),
    ),
  ).toBeLessThan(15);
});

test("a shuffle keeps every element and reaches every order equally often", () => {
  const random = new Random("shuffle");
  const orders = new Map<string, number>();
  for (let index = 0; index < DRAWS; index++) {
    const order = random.shuffle(["a", "b", "c"]).join("");
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  expect([...orders.keys()].sort()).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"]);
  expect(chiSquare([...orders.values()], Array<number>(6).fill(DRAWS / 6))).toBeLessThan(25);
});

test("what cannot be drawn is refused", () => {
  const random = new Random(1);
  expect(() => random.integer(0)).toThrow(RangeError);
  expect(() => random.categorical([0, 0])).toThrow("cannot add up to 0");
  expect(() => random.categorical([1, Number.NaN])).toThrow("cannot be NaN");
  expect(() => Random.fromState([1, 2])).toThrow();
});

test("derived seeds are safe integers that depend on every label and its boundaries", () => {
  const seeds = [
    deriveSeed(1),
    deriveSeed(2),
    deriveSeed(1, "a", "b"),
    deriveSeed(1, "ab"),
    deriveSeed(1, "b", "a"),
    deriveSeed(1, "a", 3),
  ];
  expect(new Set(seeds).size).toBe(seeds.length);
  for (const seed of seeds) expect(Number.isSafeInteger(seed)).toBe(true);
  expect(deriveSeed(1, "a", 3)).toBe(deriveSeed("1", "a", "3"));
});
