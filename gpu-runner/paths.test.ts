import { describe, expect, it } from "vitest";
import { softmax } from "../shared/softmax.ts";
import { type PathSource, pathAt } from "./paths.ts";

const source = (kind: PathSource["kind"], logits: PathSource["logits"] = {}): PathSource => ({
  kind,
  seed: 5,
  sizes: { normal: [10, 10, 6], reduction: [6, 1] },
  logits,
});

function chosen(paths: PathSource, step: number, kind: string, edge: number): number {
  const path = pathAt(paths, step);
  if (path.kind !== "single") throw new Error("expected one operation per edge");
  return path.selection[kind]?.[edge] as number;
}

describe("fair paths", () => {
  it("use every operation of every edge equally often", () => {
    const counts = { normal: [10, 10, 6], reduction: [6, 1] } as const;
    for (const [kind, edges] of Object.entries(counts)) {
      for (const [edge, size] of edges.entries()) {
        const used = new Array<number>(size).fill(0);
        for (let step = 0; step < 5 * size; step++) {
          const operation = chosen(source("fair"), step, kind, edge);
          used[operation] = (used[operation] as number) + 1;
        }
        expect(used).toEqual(new Array(size).fill(5));
      }
    }
  });

  it("use other orders on other edges", () => {
    const orders = [0, 1].map((edge) =>
      Array.from({ length: 40 }, (_, step) => chosen(source("fair"), step, "normal", edge)),
    );
    expect(orders[0]).not.toEqual(orders[1]);
  });
});

it("a step's path does not depend on the steps before it", () => {
  for (const kind of ["fair", "uniform"] as const) {
    const inOrder = Array.from({ length: 30 }, (_, step) => pathAt(source(kind), step));
    expect(pathAt(source(kind), 23)).toEqual(inOrder[23]);
  }
});

it("policy paths follow the probabilities", () => {
  const logits = { normal: [[0, Math.log(3)]] };
  const paths: PathSource = { kind: "policy", seed: 1, sizes: { normal: [2] }, logits };
  const second = Array.from({ length: 2000 }, (_, step) => chosen(paths, step, "normal", 0)).filter(
    (o) => o === 1,
  );
  expect(second.length / 2000).toBeGreaterThan(0.71);
  expect(second.length / 2000).toBeLessThan(0.79);
});

it("a mixture carries the softmax of the logits", () => {
  const path = pathAt(source("mixture", { normal: [[0, 0]] }), 3);
  expect(path).toEqual({ kind: "mixture", weights: { normal: [[0.5, 0.5]] } });
  expect(softmax([1000, 1000])).toEqual([0.5, 0.5]);
});
