import { describe, expect, test } from "vitest";
import type { Subject } from "../measuring.ts";
import type { NetworkSize } from "../network.ts";
import { predictedExtremes, predictedOf } from "../predictor.ts";
import { Random } from "../random.ts";
import { kendall } from "../rankCorrelation.ts";
import { randomSelection, resolveSpace, type SearchSpace, type Selection } from "../space.ts";
import { fitPredictor, isGoodEnough } from "./fit.ts";
import { countedAt, executedSelection, type Placement, placementsOf } from "./placements.ts";
import { calibrationSelections, calibrationSubjects, networkSubject, operationKey } from "./subjects.ts";

const size: NetworkSize = {
  stem: "cifar",
  channels: 8,
  layers: 5,
  classes: 10,
  image: { height: 32, width: 32, channels: 3 },
};
const nasBench: NetworkSize = { ...size, layers: 5 };

/** A device whose operations have times of their own, dearer in a network by overhead and cheaper by sharing. */
class Simulated {
  readonly #random: Random;
  readonly #noise: number;

  constructor(seed: number, noise: number) {
    this.#random = new Random(seed);
    this.#noise = noise;
  }

  #noisy(value: number): number {
    return value * Math.exp(this.#noise * this.#random.normal());
  }

  alone(name: string, placement: Placement): number {
    const { macs, isNone } = countedAt(name, placement);
    const { height, width, channels } = placement.shape;
    return 0.02 + (isNone ? 0 : 0.03 + macs / 2e7 + (height * width * channels) / 4e5);
  }

  whole(space: SearchSpace, of: NetworkSize, selection: Selection): number {
    const placements = placementsOf(space, of);
    let total = 1;
    for (const [kind, chosen] of Object.entries(executedSelection(space, selection)))
      for (const [position, name] of chosen.entries())
        for (const placement of placements[kind]?.[position] ?? []) {
          if (countedAt(name, placement).isNone) continue;
          const factor = name.includes("pool") ? 0.7 : name.includes("conv") ? 0.9 : 1.1;
          total += 0.01 + factor * (this.alone(name, placement) - 0.02);
        }
    // Larger networks fit caches less: not a sum.
    return total ** 1.05;
  }

  results(space: SearchSpace, of: NetworkSize): Record<string, number> {
    const wholes = new Map(
      calibrationSelections(space, of).map((selection) => [
        networkSubject(space, of, selection).key,
        this.whole(space, of, selection),
      ]),
    );
    const valueFor = (subject: Subject): number =>
      subject.kind === "operation" ? this.alone(subject.operation, subject) : (wholes.get(subject.key) ?? 0);
    return Object.fromEntries(
      calibrationSubjects(space, of).map((subject) => [subject.key, this.#noisy(valueFor(subject))]),
    );
  }
}

const cases = [
  ["tnd-nas", size],
  ["darts", size],
  ["nas-bench-201", nasBench],
] as const;

describe.each(cases)("on %s", (name, of) => {
  const space = resolveSpace(name);
  const device = new Simulated(5, 0.01);
  const { predictor, quality } = fitPredictor(space, of, device.results(space, of));
  const random = new Random(99);
  const others = Array.from({ length: 100 }, () => randomSelection(space, random));

  test("networks that it was not fitted to are ordered and met", () => {
    const truth = others.map((selection) => device.whole(space, of, selection));
    const predicted = others.map((selection) => predictedOf(space, predictor, selection));
    expect(kendall(predicted, truth)).toBeGreaterThan(0.9);
    const errors = truth.map((value, index) => Math.abs((predicted[index] ?? 0) / value - 1));
    expect(errors.sort((a, b) => a - b)[50]).toBeLessThan(0.05);
    expect(isGoodEnough(quality)).toBe(true);
  });

  test("every prediction lies between the extremes", () => {
    const { minimum, maximum } = predictedExtremes(predictor);
    for (const selection of others) {
      const value = predictedOf(space, predictor, selection);
      expect(value).toBeGreaterThanOrEqual(minimum - 1e-9);
      expect(value).toBeLessThanOrEqual(maximum + 1e-9);
    }
  });
});

test("measurements that say nothing make a predictor that is refused", () => {
  const space = resolveSpace("tnd-nas");
  const random = new Random(3);
  const results = Object.fromEntries(
    calibrationSubjects(space, size).map(({ key }) => [key, 1 + random.uniform()]),
  );
  expect(isGoodEnough(fitPredictor(space, size, results).quality)).toBe(false);
});

test("an operation that was not measured is named; too few networks are refused", () => {
  const space = resolveSpace("tnd-nas");
  const results = new Simulated(5, 0).results(space, size);
  const placement = placementsOf(space, size).normal?.[0]?.[0];
  if (placement === undefined) throw new Error("no placement");
  const key = operationKey("skip_connect", placement);
  const { [key]: _, ...without } = results;
  expect(() => fitPredictor(space, size, without)).toThrow(key);
  const operations = Object.fromEntries(
    Object.entries(results).filter(([name]) => name.startsWith("operation")),
  );
  expect(() => fitPredictor(space, size, operations)).toThrow(/0 whole networks were measured/);
});

test("the same space and size are calibrated by the same subjects, each once", () => {
  const space = resolveSpace("tnd-nas");
  const keys = calibrationSubjects(space, size).map(({ key }) => key);
  expect(calibrationSubjects(space, size).map(({ key }) => key)).toEqual(keys);
  expect(new Set(keys).size).toBe(keys.length);
});
