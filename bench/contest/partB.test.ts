import { expect, test } from "vitest";
import { Random } from "../../shared/random.ts";
import { answerOf, type Member, mostInAnswer } from "./answer.ts";
import { type Architecture, arenaOf } from "./arena.ts";
import { drawControls, isAlike } from "./controls.ts";
import { Halving, ranked } from "./halving.ts";
import { bestBelow, meanInterval, volumeOf } from "./reportB.ts";

const arena = arenaOf("tnd-nas", "fashion-mnist");

const member = (parameters: number, accuracy: number): Member => ({
  hash: `${parameters}/${accuracy}`,
  genotype: { space: "tnd-nas", cells: {} },
  parameters,
  accuracy,
});

test("an answer is what nothing beats, the ends of a long front and an even choice between them", () => {
  expect(answerOf([member(10, 50), member(20, 40), member(30, 60)])).toEqual([
    member(10, 50),
    member(30, 60),
  ]);
  const front = Array.from({ length: 21 }, (_, index) => member(100 + index, index));
  const answer = answerOf(new Random(1).shuffle([...front]));
  expect(answer.map(({ accuracy }) => accuracy)).toEqual([0, 4, 8, 12, 16, 20]);
  expect(answer).toHaveLength(mostInAnswer);
});

test("an architecture's code, selection and size belong together", () => {
  const random = new Random(1);
  const code = arena.positions.map(({ operations }) => random.integer(operations.length));
  const { hash, parameters, isConnected } = arena.architectureOfCode(code);
  expect(isConnected).toBe(true);
  expect(arena.architectureOfCode(code).hash).toBe(hash);
  expect(parameters).toBeGreaterThan(15_000);
  expect(arena.architectureOfCode(code.map(() => 0)).isConnected).toBe(false);
});

test("of successive halving's rungs each trains about the better half of the one before", () => {
  const random = new Random(2);
  let drawn = 0;
  const halving = new Halving(3, (): Architecture => member(1000 + drawn++, 0));
  const trained = [0, 0, 0];
  for (let training = 0; training < 140; training++) {
    const { architecture, rung } = halving.next();
    trained[rung] = (trained[rung] ?? 0) + 1;
    halving.tell(rung, { ...architecture, accuracy: 10 * rung + random.uniform() });
  }
  const [first = 0, second = 0, third = 0] = trained;
  expect(first).toBe(drawn);
  expect(second / first).toBeCloseTo(0.5, 0);
  expect(third / second).toBeCloseTo(0.5, 0);
  const longest = halving.seen().filter(({ accuracy }) => accuracy >= 20);
  expect(longest).toHaveLength(third);
  expect(halving.seen()).toHaveLength(first);
});

test("what nothing beats ranks before what is more accurate but beaten", () => {
  const order = ranked([member(30, 55), member(10, 40), member(20, 60), member(40, 58)]);
  expect(order).toEqual([member(20, 60), member(10, 40), member(40, 58), member(30, 55)]);
});

test("controls are of the sizes asked for, serve all that are alike, and are the same every time", () => {
  const sizes = [20_000, 70_000, 71_000, 130_000];
  const controls = drawControls(arena, sizes, 4);
  for (const size of sizes)
    expect(controls.filter(({ parameters }) => isAlike(parameters, size)).length).toBeGreaterThanOrEqual(4);
  expect(controls.length).toBeLessThan(16);
  expect(drawControls(arena, sizes, 4)).toEqual(controls);
});

test("a volume is 100 of a perfect network of the smallest size and 0 of what is no better than the reference", () => {
  const volume = (parameters: number, accuracy: number) =>
    volumeOf([{ parameters, accuracy }], "tnd-nas", "cifar10");
  expect(volume(15_000, 100)).toBeCloseTo(100, 10);
  expect(volume(200_000, 90)).toBe(0);
  expect(volume(50_000, 30)).toBe(0);
  expect(volume(Math.sqrt(15_000 * 200_000), 65)).toBeCloseTo(25, 10);
});

test("the best below a limit is null where nothing is below it", () => {
  const points = [
    { parameters: 10, accuracy: 50 },
    { parameters: 20, accuracy: 60 },
  ];
  expect([5, 10, 30].map((limit) => bestBelow(points, limit))).toEqual([null, 50, 60]);
});

test("a mean's interval holds it, and shrinks with more values", () => {
  const random = new Random(3);
  const width = (count: number) => {
    const { value, low, high } = meanInterval(Array.from({ length: count }, () => random.normal()));
    expect(low ?? 1).toBeLessThan(value ?? 0);
    return (high ?? 0) - (low ?? 0);
  };
  expect(width(100)).toBeLessThan(width(10) / 2);
});
