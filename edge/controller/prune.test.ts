import { describe, expect, test } from "vitest";
import type { Position } from "../../shared/code.ts";
import { prune } from "./prune.ts";
import type { Effect } from "./strategies/strategy.ts";

const positions: Position[] = [
  { kind: "normal", edge: 0, operations: ["a", "b", "c"] },
  { kind: "normal", edge: 1, operations: ["a", "b"] },
  { kind: "reduction", edge: 0, operations: ["x", "y"] },
];
const choices = {
  normal: [
    ["a", "b", "c"],
    ["a", "b"],
  ],
  reduction: [["x", "y"]],
};
const probabilities = [
  [0.6, 0.1, 0.3],
  [0.3, 0.7],
  [0.7, 0.3],
];
const known = (high: number): Effect[] => [
  { low: high - 1, mean: high - 0.5, high },
  { low: high - 1, mean: high - 0.5, high: high - 0.1 },
];

describe("pruning", () => {
  const scheduled = { positions, choices, probabilities, effects: null, front: [] };

  test("by the schedule alone drops the least probable operations of each edge and keeps the space's order", () => {
    const { choices: left, pruned } = prune({ ...scheduled, drop: { normal: 1, reduction: 0 } });
    expect(left).toEqual({ normal: [["a", "c"], ["b"]], reduction: [["x", "y"]] });
    expect(pruned.map(({ kind, position, reasons }) => [kind, position, reasons])).toEqual([
      ["normal", 0, { b: "schedule" }],
      ["normal", 1, { a: "schedule" }],
    ]);
  });

  test("never leaves an edge without an operation", () => {
    const { choices: left } = prune({ ...scheduled, drop: { normal: 5, reduction: 5 } });
    for (const edges of Object.values(left))
      for (const operations of edges) expect(operations.length).toBe(1);
  });

  test("goes by evidence before probability, and says which drops are proved", () => {
    const effects = [
      [known(-0.2), known(0.4), known(0.3)],
      [known(0.2), known(0.1)],
      [known(0.5), known(0.6)],
    ];
    const { pruned } = prune({ ...scheduled, effects, drop: { normal: 1, reduction: 0 } });
    expect(pruned.map(({ reasons }) => reasons)).toEqual([{ a: "evidence" }, { b: "schedule" }]);
    expect(pruned[0]?.effects?.a?.[0]).toEqual({ low: -1.2, mean: -0.7, high: -0.2 });
  });

  test("keeps every operation that a member of the front uses, and says so", () => {
    const front = [
      { normal: ["b", "a"], reduction: ["x"] },
      { normal: ["c", "b"], reduction: ["y"] },
    ];
    const { choices: left, pruned } = prune({ ...scheduled, front, drop: { normal: 2, reduction: 1 } });
    expect(left).toEqual({
      normal: [
        ["b", "c"],
        ["a", "b"],
      ],
      reduction: [["x", "y"]],
    });
    expect(pruned.map(({ dropped, protected: kept }) => [dropped, kept])).toEqual([
      [["a"], ["b", "c"]],
      [[], ["a", "b"]],
      [[], ["x", "y"]],
    ]);
  });
});
