import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { resolveSchedule, scheduleLength, specificationSchema, unsupported } from "./specification.ts";

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

  test("what this version cannot do is refused by name, whole and at once", () => {
    const pointers = unsupported(specificationSchema.parse(parse(published))).map(({ pointer }) => pointer);
    expect(pointers).toEqual(["/rental", "/objectives/2/device", "/objectives/2/name"]);
  });

  test("the checked-in JSON Schema is the one that validates", () => {
    const file = JSON.parse(
      readFileSync(new URL("../docs/reference/specification.schema.json", import.meta.url), "utf8"),
    );
    expect(file).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(specificationSchema, { io: "input" }))));
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
