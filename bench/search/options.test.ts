import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadBenchmark } from "./benchmark.ts";
import { searchOptions, UsageError } from "./options.ts";
import { problems } from "./problems.ts";
import { runStrategy } from "./run.ts";
import { strategies } from "./strategies.ts";

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

const inline = { positions: 8, operations: ["thin", "wide", "deep"] };

test.each([
  ["written out", JSON.stringify(inline), {}],
  ["a JSON file", "space.json", { "space.json": JSON.stringify(inline) }],
  ["a YAML file", "space.yaml", { "space.yaml": "positions: 8\noperations: [thin, wide, deep]\n" }],
  [
    "the specification of a search",
    "blocks.yaml",
    { "blocks.yaml": "name: blocks\nspace: { positions: 8, operations: [thin, wide, deep] }\n" },
  ],
])("the space of a table is %s", (_what, space, files) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  const argument = space.startsWith("{") ? space : path.join(folder, space);
  const [search] = options("--table", table, ...columns, "--space", argument, "--architecture", "b").searches;
  expect(search).toMatchObject({ space: inline, architecture: "b" });
});

test("a table of an inline space is read and searched", () => {
  const cells = Array.from({ length: 8 }, (_, index) => index.toString(2).padStart(3, "0"));
  const rows = cells.map((cell, index) => `${cell},${index},${2 * index},${8 - index}`);
  writeFileSync(path.join(folder, "own.csv"), ["blocks,valid,test,ms", ...rows].join("\n"));
  const space = '{"positions": 3, "operations": ["thin", "wide"]}';
  const own = ["--table", path.join(folder, "own.csv"), "--architecture", "blocks", "--space", space];
  const [search] = options(...own, ...columns).searches;
  const strategy = strategies.random;
  if (!search || !strategy) throw new Error("There is nothing to run.");
  const benchmark = loadBenchmark(search);
  expect(benchmark.table.codes).toHaveLength(8);
  expect(new Set(runStrategy(strategy, benchmark, 8, 1).rows)).toHaveLength(8);
});

test.each(["search", "peers"])("bench:%s says how it is called", (bench) => {
  const file = path.join(import.meta.dirname, `../${bench}.ts`);
  const { status, stdout } = spawnSync(process.execPath, [file, "--help"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect([status, stdout]).toEqual([0, expect.stringContaining(`npm run -s bench:${bench} -- `)]);
  for (const option of ["--table FILE", "--architecture", "--space", "--seeds"])
    expect(stdout).toContain(option);
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
  [
    "a space that there is not",
    ["--table", table, ...columns, "--space", "nas-bench-20"],
    'Did you mean "nas-bench-201"?',
  ],
  ["a space without operations", ["--table", table, ...columns, "--space", '{"positions": 8}'], "--space: "],
  [
    "a file of a space that there is not",
    ["--table", table, ...columns, "--space", path.join(folder, "none.json")],
    "none.json",
  ],
  ["no seeds", ["--table", table, ...columns, "--seeds", "0"], "--seeds takes positive whole numbers, not 0"],
  ["half an evaluation", ["--table", table, ...columns, "--evaluations", "10,1.5"], "--evaluations"],
  ["an option that there is not", ["--tabel", table], "--tabel"],
])("%s is refused with what to do", (_what, argv, message) => {
  expect(() => options(...argv)).toThrow(UsageError);
  expect(() => options(...argv)).toThrow(message);
});
