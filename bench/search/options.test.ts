import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { searchOptions, UsageError } from "./options.ts";
import { problems } from "./problems.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const table = path.join(folder, "table.csv");
writeFileSync(table, "");

const options = (...argv: string[]) => searchOptions("strategy", ["random", "nsga2"], argv);
const columns = ["--reward", "valid", "--score", "test", "--cost", "ms"];

test("a table is searched by its columns, with every strategy, at three checkpoints from ten seeds", () => {
  expect(options("--table", table, ...columns)).toMatchObject({
    searches: [
      { table, space: "nas-bench-201", architecture: "arch", reward: "valid", score: "test", cost: "ms" },
    ],
    contestants: ["random", "nsga2"],
    checkpoints: [100, 300, 1000],
    seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    isJson: false,
  });
});

test("strategies are named in a list or one by one, and checkpoints are put in order", () => {
  const described = ["--table", table, ...columns, "--evaluations", "50,10"];
  expect(options(...described, "--strategy", "nsga2,random").contestants).toEqual(["nsga2", "random"]);
  const twice = options(...described, "--strategy", "nsga2", "--strategy", "random");
  expect(twice.contestants).toEqual(["nsga2", "random"]);
  expect(twice.checkpoints).toEqual([10, 50]);
});

test("a problem with a name stands for a table and its columns, all for every one", () => {
  const [search] = options("--problem", "P2", "--table", table).searches;
  expect(search).toMatchObject({ table, reward: "c100_valid_12", score: "c100_test_200", cost: "pixel3_ms" });
  const every = options("--problem", "all", "--table", table).searches;
  expect(every.map(({ name }) => name)).toEqual(problems.map(({ name }) => name));
});

test.each([
  [
    "a problem that there is not",
    ["--problem", "P3", "--table", table],
    'no problem "P3". Did you mean "P1"?',
  ],
  [
    "a strategy that there is not",
    ["--problem", "P1", "--table", table, "--strategy", "nsga"],
    'Did you mean "nsga2"?',
  ],
  ["a missing table", ["--problem", "P1", "--table", path.join(folder, "none.csv")], "There is no table"],
  ["missing columns", ["--table", table], "Give --reward"],
  ["no seeds", ["--table", table, ...columns, "--seeds", "0"], "--seeds takes positive whole numbers, not 0"],
  ["half an evaluation", ["--table", table, ...columns, "--evaluations", "10,1.5"], "--evaluations"],
  ["an option that there is not", ["--tabel", table], "--tabel"],
])("%s is refused with what to do", (_what, argv, message) => {
  expect(() => options(...argv)).toThrow(UsageError);
  expect(() => options(...argv)).toThrow(message);
});
