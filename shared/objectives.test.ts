import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { costClasses, factsOfObjective } from "./objectives.ts";

const reference = readFileSync(new URL("../docs/reference/specification.md", import.meta.url), "utf8");

test("the reference tells of each cost class what the table does: its objectives, units and costs", () => {
  for (const [cost, { costs, units }] of Object.entries(costClasses)) {
    const names = Object.keys(units).map((name) => `\`${name}\``);
    const row = reference.split("\n").find((line) => line.startsWith(`| \`${cost}\``));
    expect(row, cost).toContain(`| ${costs} |`);
    for (const name of names) expect(row).toContain(name);
    for (const unit of Object.values(units)) expect(row).toContain(unit);
  }
});

test("an objective's unit and cost follow from who gives its value", () => {
  expect(factsOfObjective({ name: "parameters" })).toEqual({ unit: "count", cost: "cheap" });
  expect(factsOfObjective({ name: "accuracy" })).toEqual({ unit: "percent", cost: "evaluation" });
  expect(factsOfObjective({ name: "latency" })).toEqual({ unit: "ms", cost: "runner" });
  const objectives = [{ name: "cost", unit: "cents" }];
  const pi = { name: "latency", device: "pi" };
  expect(factsOfObjective(pi, { kind: "pull", objectives: [] })).toEqual({ unit: "ms", cost: "predicted" });
  const cost = { name: "cost", device: "lab" };
  expect(factsOfObjective(cost, { kind: "pull", objectives })).toEqual({ unit: "cents", cost: "measured" });
  expect(factsOfObjective(cost, { kind: "endpoint", objectives })).toEqual({
    unit: "cents",
    cost: "endpoint",
  });
});
