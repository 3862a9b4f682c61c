import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import {
  resolveReranking,
  resolveSchedule,
  scheduleLength,
  specificationSchema,
  unsupported,
} from "./specification.ts";

const published = `
name: cifar10-compact
dataset: { name: cifar10 }
space: tnd-nas
strategy: { name: default }
evaluation: { kind: supernet, network: { stem: cifar, channels: 36, layers: 20 } }
objectives:
  - { name: accuracy, goal: maximize }
  - { name: parameters, goal: minimize, target: 2400000 }
  - { name: latency, device: phone-lab, goal: minimize, limit: 12 }
schedule: { preset: tnd-nas-cifar10 }
budget: { usd: 25, gpuHours: 36, wallClockHours: 48, evaluations: 30000 }
rental: { providers: [runpod, vast], gpus: ["RTX 4090"], maxUsdPerHour: 0.6, maxInstances: 2, interruptible: false, image: "<digest>" }
finalTraining: { preset: darts-cifar, epochs: 100, top: 1 }
seed: 1
visibility: private
`;

describe("the search specification", () => {
  test("the published example is valid", () => {
    const specification = specificationSchema.parse(parse(published));
    expect(specification.budget.usd).toBe(25);
    expect(scheduleLength(specification).evaluations).toBe(29_400);
  });

  test("the published example is supported whole", () => {
    expect(unsupported(specificationSchema.parse(parse(published)))).toEqual([]);
  });

  test("what nobody measures is refused by name, whole and at once", () => {
    const objectives = [
      { name: "accuracy", goal: "maximize" },
      { name: "macs", device: "phone-lab", goal: "minimize" },
      { name: "warmth", goal: "minimize" },
    ];
    const specification = specificationSchema.parse({ ...parse(published), objectives });
    const pointers = unsupported(specification).map(({ pointer }) => pointer);
    expect(pointers).toEqual(["/objectives/1/device", "/objectives/2/name"]);
  });

  test("the checked-in JSON Schema is the one that validates", () => {
    const file = JSON.parse(
      readFileSync(new URL("../docs/reference/specification.schema.json", import.meta.url), "utf8"),
    );
    expect(file).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(specificationSchema, { io: "input" }))));
  });

  test("the archive is ordered by short trainings after a published preset, or where it is asked for", () => {
    const rerankingOf = (change: object) =>
      resolveReranking(specificationSchema.parse({ name: "x", ...change }));
    expect(rerankingOf({ schedule: { preset: "tnd-nas-cifar10" } })).toEqual({
      enabled: true,
      architectures: 8,
      rungs: [{ epochs: 4 }, { epochs: 12 }],
      validationFraction: 0.1,
    });
    expect(rerankingOf({})).toBeNull();
    expect(rerankingOf({ schedule: { preset: "demo-3" } })).toBeNull();
    expect(rerankingOf({ reranking: { rungs: [{ steps: 9 }] } })?.rungs).toEqual([{ steps: 9 }]);
    const off = { schedule: { preset: "tnd-nas-cifar10" }, reranking: { enabled: false } };
    expect(rerankingOf(off)).toBeNull();
  });

  test("a search on a table cannot be ordered by trainings", () => {
    const evaluation = { kind: "tabular", table: "t", architecture: "a", reward: "r" };
    const parsed = specificationSchema.parse({ name: "x", evaluation, reranking: {} });
    expect(unsupported(parsed).map(({ pointer }) => pointer)).toContain("/reranking");
    expect(resolveReranking(parsed)).toBeNull();
  });

  test("a rung without a length is refused", () => {
    expect(specificationSchema.safeParse({ name: "x", reranking: { rungs: [{}] } }).success).toBe(false);
  });

  test("the preset of the published cell has the published stages", () => {
    const { stages, batchSize, weights, policy } = resolveSchedule(
      specificationSchema.parse({ name: "x", schedule: { preset: "tnd-nas-cifar10" } }),
    );
    expect(stages.map(({ layers, channels, skipDropout }) => [layers, channels, skipDropout])).toEqual([
      [5, 16, 0.3],
      [11, 16, 0.6],
      [17, 16, 0.8],
    ]);
    expect([batchSize, weights.paths, policy.reward, policy.learningRate]).toEqual([
      256,
      "mixture",
      "multiplicative",
      6e-3,
    ]);
  });
});
