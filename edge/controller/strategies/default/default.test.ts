import { describe, expect, test } from "vitest";
import { type Code, codeOfText, positionsOf, textOf } from "../../../../shared/code.ts";
import { Covariance, GaussianProcess } from "../../../../shared/gaussianProcess.ts";
import { deriveSeed, Random } from "../../../../shared/random.ts";
import { resolveSpace } from "../../../../shared/space.ts";
import type { Measured, Problem } from "../strategy.ts";
import { tableProblem } from "../tableProblem.ts";
import { effectsOf } from "./effects.ts";
import { FeatureMap, groups, ones } from "./features.ts";
import { directions, Reached, reach } from "./improvement.ts";
import { defaultStrategy } from "./index.ts";
import { Kernels, Packed } from "./kernel.ts";
import { bestFits, type Fit, Surrogate } from "./surrogate.ts";

const space = resolveSpace("nas-bench-201");
const positions = positionsOf(space);
const map = new FeatureMap(space, positions);
const codeOfDigits = (digits: string): number[] => codeOfText(digits);

describe("features", () => {
  const alike = (left: string, right: string, group: (typeof groups)[number]) => {
    const [a, b] = [map.of(codeOfDigits(left)), map.of(codeOfDigits(right))];
    const index = groups.indexOf(group);
    let common = 0;
    for (let word = map.offsets[index] ?? 0; word < (map.offsets[index + 1] ?? 0); word++)
      common += ones((a.bits[word] ?? 0) & (b.bits[word] ?? 0));
    return [common, a.sizes[index], b.sizes[index]];
  };

  test("count positions, operations in unary, and what lies on paths", () => {
    expect(alike("333333", "333330", "position")).toEqual([5, 6, 6]);
    expect(alike("333331", "333111", "count")).toEqual([4, 6, 6]);
  });

  test("of a dead edge do not depend on what it holds", () => {
    // Edge 0 -> 1 leads nowhere when both edges out of node 1 are none.
    for (const group of ["live", "liveCount", "onPath", "path"] as const) {
      const [common, left, right] = alike("130300", "230300", group);
      expect([common, common]).toEqual([left, right]);
    }
    expect(alike("130300", "230300", "position")[0]).toBe(5);
  });

  test("of paths do not depend on the order of their operations", () => {
    const [path, left, right] = alike("203003", "302003", "path");
    expect([path, path]).toEqual([left, right]);
    expect(alike("203003", "302003", "live")[0]).toBeLessThan(alike("203003", "302003", "live")[1] as number);
  });

  test("that are not wanted are left out, and the others are as they are", () => {
    const wanted = groups.map((group) => group === "onPath");
    const [all, some] = [map.of(codeOfDigits("203013")), map.of(codeOfDigits("203013"), wanted)];
    for (const [index] of groups.entries())
      expect(some.sizes[index]).toBe(wanted[index] ? all.sizes[index] : 0);
  });

  test("of a space without a graph are positions and counts", () => {
    const flat = resolveSpace({ positions: 8, operations: ["a", "b", "c"] });
    const { offsets } = new FeatureMap(flat, positionsOf(flat));
    expect(offsets[groups.length]).toBe(offsets[2]);
    expect(offsets[2]).toBeGreaterThan(0);
  });
});

describe("the kernels", () => {
  const random = new Random(4);
  const list = Array.from({ length: 60 }, () => map.of(positions.map(() => random.integer(5))));
  const n = list.length;
  const matricesOf = (kernels: Kernels) => {
    const into = Array.from({ length: kernels.count }, () => new Float64Array(n * n));
    for (const [row, features] of list.entries()) kernels.write(features, new Packed(list), into, n, row * n);
    return into;
  };

  test("are symmetric and positive definite on random architectures", () => {
    for (const matrix of matricesOf(new Kernels(map.offsets, positions.length))) {
      for (let row = 0; row < n; row++)
        for (let column = 0; column < row; column++)
          expect(matrix[row * n + column]).toBeCloseTo(matrix[column * n + row] ?? Number.NaN, 12);
      for (let trial = 0; trial < 50; trial++) {
        const vector = list.map(() => random.normal());
        const quadratic = vector.reduce(
          (sum, a, row) =>
            sum + vector.reduce((part, b, column) => part + a * b * (matrix[row * n + column] ?? 0), 0),
          0,
        );
        expect(quadratic).toBeGreaterThan(-1e-9);
      }
    }
  });

  test("are the same computed alone or together", () => {
    const kernels = new Kernels(map.offsets, positions.length);
    const all = matricesOf(kernels);
    for (const index of all.keys()) expect(matricesOf(kernels.only([index]))).toEqual([all[index]]);
  });

  test("by paths are not chosen where an objective adds up over positions", () => {
    const flat = resolveSpace("darts");
    const places = positionsOf(flat);
    const flatMap = new FeatureMap(flat, places);
    const kernels = new Kernels(flatMap.offsets, places.length);
    const worth = places.map(({ operations }) => operations.map(() => random.normal()));
    const codes = Array.from({ length: 48 }, () =>
      places.map(({ operations }) => random.integer(operations.length)),
    );
    const packed = new Packed(codes.map((code) => flatMap.of(code)));
    const parts = Array.from({ length: kernels.count }, () => new Float64Array(48 * 48));
    for (const [row, code] of codes.entries())
      kernels.write(flatMap.of(code), packed, parts, row + 1, row * 48);
    const sums = codes.map((code) => code.reduce((sum, index, at) => sum + (worth[at]?.[index] ?? 0), 0));
    const [fit] = bestFits(parts, [{ goal: "maximize", all: sums, some: sums }]);
    expect(fit?.kernel).toBeGreaterThan(0);
  });
});

describe("the Gaussian process", () => {
  test("equals the textbook formulas computed with an explicit inverse of a 2 x 2 matrix", () => {
    const matrix = Float64Array.of(1, 0, 0.5, 1);
    const targets = Float64Array.of(1, -1);
    const covariance = new Covariance(matrix, 2, 0.1);
    const process = new GaussianProcess(covariance, targets);
    const row = Float64Array.of(0.8, 0.3);
    const determinant = 1.1 * 1.1 - 0.25;
    const inverse = [1.1 / determinant, -0.5 / determinant];
    const alpha = [(inverse[0] ?? 0) - (inverse[1] ?? 0), (inverse[1] ?? 0) - (inverse[0] ?? 0)];
    expect(process.mean(row)).toBeCloseTo(0.8 * (alpha[0] ?? 0) + 0.3 * (alpha[1] ?? 0), 12);
    const explained = (inverse[0] ?? 0) * (0.64 + 0.09) + 2 * (inverse[1] ?? 0) * 0.24;
    expect(process.variance(row, 1)).toBeCloseTo(1 - explained, 12);
    const fit = (alpha[0] ?? 0) - (alpha[1] ?? 0);
    expect(covariance.logLikelihood(targets)).toBeCloseTo(
      -0.5 * fit - 0.5 * Math.log(determinant) - Math.log(2 * Math.PI),
      12,
    );
  });

  test("a surrogate predicts on the scale on which values are closer to normal, in their unit", () => {
    const n = 40;
    const at = Array.from({ length: n }, (_, index) => index / 10);
    const kernel = (a: number, b: number) => Math.exp(-((a - b) ** 2));
    const matrix = new Float64Array(n * n);
    for (const [row, a] of at.entries())
      for (const [column, b] of at.entries()) matrix[row * n + column] = kernel(a, b);
    const values = at.map((x) => 100 - Math.exp(2 * Math.sin(x)));
    const [fit] = bestFits([matrix], [{ goal: "maximize", all: values, some: values }]) as [Fit];
    const surrogate = new Surrogate(matrix, values, fit, false);
    const row = Float64Array.from(at, (a) => kernel(1.55, a));
    expect(surrogate.mean(row)).toBeCloseTo(100 - Math.exp(2 * Math.sin(1.55)), 1);
  });
});

describe("the improvement", () => {
  test("over directions is proportional to the hypervolume", () => {
    const towards = directions(4000, 2, new Random(1));
    const area = (points: number[][]) => {
      const reached = new Reached(towards.length, 2);
      for (const point of points) reached.add(point, reach(point, towards));
      return reached.best.reduce((sum, value) => sum + value, 0) / towards.length;
    };
    const unit = area([[1, 1]]);
    expect(area([[0.5, 0.5]]) / unit).toBeCloseTo(0.25, 2);
    const two = [
      [0.9, 0.3],
      [0.4, 0.8],
    ];
    expect(area(two) / unit).toBeCloseTo(0.27 + 0.32 - 0.12, 2);
    const three = directions(20_000, 3, new Random(2));
    const volume = (point: number[]) => reach(point, three).reduce((sum, value) => sum + value, 0);
    expect(volume([0.5, 0.4, 0.5]) / volume([1, 1, 1])).toBeCloseTo(0.1, 2);
  });

  test("is nothing for a point that others beat", () => {
    const towards = directions(64, 2, new Random(1));
    const reached = new Reached(towards.length, 2);
    reached.add([0.6, 0.6], reach([0.6, 0.6], towards));
    expect(reached.gain(reach([0.5, 0.6], towards))).toBe(0);
    expect(reached.deficit([0.6, 0.6])).toBe(0);
    expect(reached.deficit([0.5, 0.5])).toBeCloseTo(0.2, 12);
    expect(reached.deficit([0.6, 0.1])).toBeCloseTo(0.5, 12);
  });
});

/** Quality rises with some operations and cost with others; edge 5 only costs. */
function measure(code: Code): [number, number] {
  const quality = code.reduce((sum, index, at) => sum + (at < 5 ? index : 0), 0);
  const cost = code.reduce((sum, index) => sum + index, 0) + 1;
  return [50 + quality, cost];
}

const problem = tableProblem(space);

function search(rounds: number, change: Partial<Problem> = {}, measured: (code: Code) => Measured = measure) {
  const here = { ...problem, ...change };
  const random = (...labels: (string | number)[]) => new Random(deriveSeed(5, ...labels));
  let state = defaultStrategy.start(here, random("start"));
  const proposed: Code[][] = [];
  for (let round = 0; round < rounds; round++) {
    const { codes, state: next } = defaultStrategy.propose(state, here, 10, random("propose", round));
    proposed.push(codes);
    const observations = codes.map((code) => ({ code, measured: measured(code), round }));
    state = defaultStrategy.learn(next, here, observations, random("learn", round));
  }
  return { state, proposed, problem: here };
}

describe("the default strategy", () => {
  test("proposes nothing that is known to break a limit while there is something else", () => {
    const known = (code: Code) => [null, measure(code)[1]];
    const goals = [problem.goals[0], { ...problem.goals[1], limit: 12 }] as Problem["goals"];
    const { proposed } = search(20, { goals, known });
    const later = proposed.slice(4).flat();
    expect(later.filter((code) => measure(code)[1] > 12)).toEqual([]);
  });

  test("measures members of the front again where measuring is noisy", () => {
    const { proposed } = search(20, { noisy: true });
    const texts = proposed.slice(6).map((codes) => codes.map(textOf));
    const earlier = new Set(proposed.slice(0, 6).flat().map(textOf));
    expect(texts.flat().some((text) => earlier.has(text))).toBe(true);
  });

  test("takes three objectives, and goes on where some were not measured", () => {
    const goals = [...problem.goals, { id: "energy", goal: "minimize" as const }];
    const { proposed } = search(12, { goals, known: () => [null, null, null] }, (code) => {
      const [quality, cost] = measure(code);
      return [quality, code[0] === 1 ? null : cost, (code[3] ?? 0) + 1];
    });
    expect(proposed.flat()).toHaveLength(120);
    expect(new Set(proposed.flat().map(textOf)).size).toBe(120);
  });

  test("keeps a state below 500 kB over 30,000 evaluations of a large space", () => {
    const large = resolveSpace("tnd-nas");
    const places = positionsOf(large);
    const here: Problem = {
      ...problem,
      space: large,
      positions: places,
      allowed: places.map(({ operations }) => [...operations.keys()]),
    };
    let state = defaultStrategy.start(here, new Random(1));
    const random = new Random(2);
    for (let round = 0; round < 3000; round++) {
      const codes = Array.from({ length: 10 }, () =>
        places.map(({ operations }) => random.integer(operations.length)),
      );
      const observations = codes.map((code) => ({ code, measured: [61.234567, 2345678], round }));
      state = defaultStrategy.learn(state, here, observations, random);
    }
    const { state: next, codes } = defaultStrategy.propose(state, here, 50, random);
    expect(codes).toHaveLength(50);
    expect(JSON.stringify(next).length).toBeLessThan(500_000);
  });

  test("finds which operation of an edge is worse in every direction, and which is not", () => {
    const { state } = search(30, {}, (code) => {
      const [quality, cost] = measure(code);
      const isBad = code[2] === 3;
      return [quality - (isBad ? 20 : 0), cost + (isBad ? 20 : 0)];
    });
    const effects = effectsOf(state, problem);
    expect(effects[2]?.[3]?.every(({ high }) => high < 0)).toBe(true);
    expect(effects[4]?.filter((list) => list.every(({ high }) => high < 0))).toEqual([]);
  });
});
