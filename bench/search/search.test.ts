import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { Strategy } from "../../edge/controller/strategies/strategy.ts";
import { tableProblem } from "../../edge/controller/strategies/tableProblem.ts";
import { resolveSpace } from "../../shared/space.ts";
import { type Benchmark, loadBenchmark, lookedUp, projectFolder } from "./benchmark.ts";
import { nasBench201, problems } from "./problems.ts";
import { regretMeasure } from "./regret.ts";
import { runStrategy } from "./run.ts";
import { strategies } from "./strategies.ts";

const file = path.resolve(projectFolder, nasBench201);
const isThere = existsSync(file);

function named(name: string): Benchmark {
  const search = problems.find((problem) => problem.name === name);
  if (!search) throw new Error(`There is no problem ${name}.`);
  return loadBenchmark({ ...search, table: file });
}

describe("the regret", () => {
  /** Row 0 does not learn; the true front is rows 1, 2, 4; row 5 costs more than the axis has. */
  const values = {
    reward: Float64Array.of(5, 40, 70, 60, 90, 99),
    score: Float64Array.of(10, 60, 80, 70, 90, 95),
    cost: Float64Array.of(1, 2, 4, 5, 8, 20),
  };
  const regretOf = regretMeasure(values);
  // The axis is 2 to 8, its end the fifth of six costs.
  const best = 2 * 60 + 4 * 80;

  test("is zero when the true front is found, whatever else was evaluated", () => {
    expect(regretOf([1, 2, 4])).toBeCloseTo(0, 12);
    expect(regretOf([0, 1, 2, 3, 4, 5])).toBeCloseTo(0, 12);
  });

  test("is the share of the area under the staircase that is missing", () => {
    expect(regretOf([3])).toBeCloseTo(100 * (1 - (3 * 70) / best), 12);
    expect(regretOf([1, 3])).toBeCloseTo(100 * (1 - (3 * 60 + 3 * 70) / best), 12);
    expect(regretOf([])).toBe(100);
  });

  test("counts what costs less than the axis at its start, and what costs more not at all", () => {
    expect(regretOf([0])).toBeCloseTo(100 * (1 - (6 * 10) / best), 12);
    expect(regretOf([5])).toBe(100);
  });

  test("takes the front by what the search saw, at its true score", () => {
    const seen = { ...values, reward: Float64Array.of(5, 75, 70, 60, 90, 99) };
    expect(regretMeasure(seen)([1, 2])).toBeCloseTo(100 * (1 - (6 * 60) / best), 12);
  });
});

test.skipIf(!isThere).each([
  ["P1", 0.146],
  ["P2", 0.79],
])(
  `evaluating all of NAS-Bench-201 leaves the known floor on %s${isThere ? "" : ` (skipped: ${nasBench201} is absent)`}`,
  (name, floorPercent) => {
    const { table, regretOf } = named(name);
    expect(regretOf(table.codes.keys())).toBeCloseTo(floorPercent, 3);
  },
);

describe("a run on a table", () => {
  const codes = Array.from({ length: 64 }, (_, index) => [index % 4, (index >> 2) % 4, index >> 4]);
  const cost = Float64Array.from(codes, (code) => code.reduce((sum, index) => sum + index, 1));
  const values = { reward: cost, score: cost, cost };
  const table = {
    codes,
    columns: values,
    rowOf: (code: readonly number[]) => codes.findIndex((other) => other.join() === code.join()),
  };
  const benchmark: Benchmark = {
    table,
    values,
    measure: lookedUp(table, values),
    problem: tableProblem(resolveSpace({ positions: 3, operations: ["a", "b", "c", "d"] })),
    regretOf: regretMeasure(values),
  };

  // TND-NAS as published draws again what it has measured.
  const frugal = Object.keys(strategies).filter((name) => name !== "tnd-nas");

  test.each(frugal)("of %s pays for as many distinct architectures as asked", (name) => {
    const strategy = strategies[name] as Strategy<unknown>;
    const { rows, cpuMs, stateBytes } = runStrategy(strategy, benchmark, 45, 1);
    expect(rows.length).toBe(45);
    expect(new Set(rows).size).toBe(45);
    expect([cpuMs.length, stateBytes.length]).toEqual([5, 5]);
    expect(runStrategy(strategy, benchmark, 45, 1).rows).toEqual(rows);
    expect(runStrategy(strategy, benchmark, 45, 2).rows).not.toEqual(rows);
  });

  test("does not pay for an architecture again, and ends when only known ones are proposed", () => {
    const stubborn: Strategy<number> = {
      start: () => 0,
      propose: (round, _problem, count) => ({
        codes: Array.from(
          { length: count },
          (_, index) => codes[Math.min(12, 5 * round + index)] as number[],
        ),
        state: round + 1,
      }),
      learn: (round) => round,
      logits: () => [],
    };
    expect(runStrategy(stubborn, benchmark, 45, 1).rows).toEqual(Array.from({ length: 13 }, (_, row) => row));
  });
});
