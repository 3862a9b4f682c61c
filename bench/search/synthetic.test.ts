import { expect, test } from "vitest";
import { tableProblem } from "../../edge/controller/strategies/tableProblem.ts";
import { Random } from "../../shared/random.ts";
import { resolveSpace } from "../../shared/space.ts";
import { lookedUp } from "./benchmark.ts";
import { regretMeasure } from "./regret.ts";
import { runStrategy } from "./run.ts";
import { strategies } from "./strategies.ts";

/** A space that nothing was tuned on: 8 blocks of 3 kinds, neighbours interact, what is seen is noisy. */
function benchmark() {
  const [places, kinds] = [8, 3];
  const random = new Random(7);
  const space = resolveSpace({ positions: places, operations: ["small", "middle", "large"] });
  const draw = (rows: number, columns: number, value: (row: number, column: number) => number) =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, column) => value(row, column)),
    );
  const alone = draw(places, kinds, (at, kind) => (kind / 2) * (1.2 - at / places) + 0.3 * random.normal());
  const together = draw(places, kinds * kinds, () => 0.35 * random.normal());
  const price = draw(places, kinds, (at, kind) => 0.2 + kind * (0.5 + random.uniform()) * (1 + at / places));
  const codes = Array.from({ length: kinds ** places }, (_, number) =>
    Array.from({ length: places }, (_, at) => Math.floor(number / kinds ** at) % kinds),
  );
  const sum = (code: readonly number[], value: (at: number) => number | undefined) =>
    code.reduce((total, _, at) => total + (value(at) ?? 0), 0);
  const score = codes.map((code) => {
    const own = sum(code, (at) => alone[at]?.[code[at] ?? 0]);
    const pairs = sum(code, (at) => together[at]?.[(code[at] ?? 0) * kinds + (code[at + 1] ?? 0)]);
    return 96 - 40 * Math.exp(-(own + pairs) / 4);
  });
  const values = {
    score: Float64Array.from(score),
    reward: Float64Array.from(score, (value) => value - 4 + 0.3 * random.normal()),
    cost: Float64Array.from(codes, (code) => sum(code, (at) => price[at]?.[code[at] ?? 0])),
  };
  const rows = new Map(codes.map((code, row) => [code.join(), row]));
  const table = { codes, columns: values, rowOf: (code: readonly number[]) => rows.get(code.join()) };
  return {
    table,
    values,
    measure: lookedUp(table, values),
    regretOf: regretMeasure(values),
    problem: tableProblem(space),
  };
}

test("on blocks without a graph the default strategy is far ahead of NSGA-II after 100 evaluations", () => {
  const here = benchmark();
  const regret = (name: string) => {
    const strategy = strategies[name];
    if (strategy === undefined) throw new Error(`no strategy ${name}`);
    const runs = [1, 2, 3, 4].map((seed) => here.regretOf(runStrategy(strategy, here, 100, seed).rows));
    return runs.reduce((sum, value) => sum + value, 0) / runs.length;
  };
  expect(regret("default")).toBeLessThan(regret("nsga2") / 2);
});
