/** What a search and its final training are expected to take. */

import { describe, expect, test } from "vitest";
import { countGenotype } from "./count.ts";
import type { Genotype } from "./genotype.ts";
import { genotypes } from "./genotypes.ts";
import { specificationSchema } from "./specification.ts";
import {
  assumedMacsPerSecond,
  estimateOf,
  macsPerSecond,
  notBegun,
  secondsAfterwards,
  workOf,
} from "./trainingCost.ts";

const published = specificationSchema.parse({
  name: "published",
  dataset: { name: "cifar10" },
  evaluation: { kind: "supernet", network: { stem: "cifar", channels: 36, layers: 20 } },
  schedule: { preset: "tnd-nas-cifar10" },
  finalTraining: { preset: "darts-cifar", epochs: 600, top: 1 },
  budget: { usd: 25 },
  rental: { providers: ["runpod"], maxUsdPerHour: 0.6 },
});

describe("the work of a final training", () => {
  test("is three passes over every image of every epoch, by a network of the space's usual size", () => {
    const { macs } = countGenotype(genotypes.DARTS_V2 as Genotype, {
      stem: "cifar",
      channels: 36,
      layers: 20,
      classes: 10,
      image: { height: 32, width: 32, channels: 3 },
    });
    const expected = 3 * macs * 50_000 * 600;
    const { finalTraining } = workOf(published);
    expect(finalTraining / expected).toBeGreaterThan(0.5);
    expect(finalTraining / expected).toBeLessThan(2);
  });

  test("grows with epochs, with the number of architectures and with the square of the channels", () => {
    const of = (finalTraining: object) =>
      workOf({ ...published, finalTraining: { ...published.finalTraining, ...finalTraining } }).finalTraining;
    expect(of({ epochs: 300 }) / of({ epochs: 600 })).toBeCloseTo(0.5, 5);
    expect(of({ top: 3 }) / of({ top: 1 })).toBeCloseTo(3, 5);
    expect(of({ channels: 72 }) / of({ channels: 36 })).toBeCloseTo(4, 5);
    expect(of({ top: 0 })).toBe(0);
  });
});

test("what a search has measured takes the place of what was assumed", () => {
  const work = workOf(published);
  expect(macsPerSecond(work, notBegun)).toBe(assumedMacsPerSecond);
  const half = { rounds: 50, of: 100, busySeconds: 3600 };
  expect(macsPerSecond(work, half)).toBeCloseTo(work.search / 2 / 3600, -3);
  const slow = secondsAfterwards(published, { ...half, busySeconds: 36_000_000 }).finalTraining;
  expect(slow).toBeGreaterThan(secondsAfterwards(published, half).finalTraining);
});

test("the estimate in dollars is the hours at the price that may be paid", () => {
  const { gpuHours, usd } = estimateOf(published);
  expect(usd).toBeCloseTo(0.6 * (gpuHours.search + gpuHours.reranking + gpuHours.finalTraining), 6);
  expect(gpuHours.finalTraining).toBeGreaterThan(5);
  expect(gpuHours.finalTraining).toBeLessThan(30);
});
