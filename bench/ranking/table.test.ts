/** Draws of cells, on a table of the whole space whose accuracies are made up. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type BenchmarkCell, drawCells, groupsOf, isConnected, liveEdges, readCells } from "./table.ts";

const folder = mkdtempSync(path.join(tmpdir(), "nasturtium-ranking-"));
afterAll(() => rmSync(folder, { recursive: true }));

const OPERATIONS = 5;
const EDGES = 6;

/** Every selection of operations; two that differ in the last edge only count as the same cell. */
const cells: BenchmarkCell[] = Array.from({ length: OPERATIONS ** EDGES }, (_, index) => {
  const selection = Array.from(index.toString(OPERATIONS).padStart(EDGES, "0"), Number);
  const parameters = selection.reduce((sum, operation) => sum + ([0, 0, 1, 9, 0][operation] ?? 0), 0);
  const canonicalIndex = index - (index % OPERATIONS);
  return { index, selection, parameters, canonicalIndex, accuracy: 50, twelveEpochs: 40 };
});

const draw = (name: "choose" | "report", count = 1000, seed = 1) => drawCells(cells, { name, count, seed });

describe("draws", () => {
  test("have the number of different connected cells that was asked for", () => {
    const drawn = draw("report");
    expect(new Set(drawn.map(({ index }) => index)).size).toBe(1000);
    expect(drawn.every(({ selection }) => isConnected(selection))).toBe(true);
  });

  test("give each number of parameters its share", () => {
    const share = (of: readonly BenchmarkCell[], parameters: number) =>
      of.filter((cell) => cell.parameters === parameters).length / of.length;
    const connected = cells.filter(({ selection }) => isConnected(selection));
    const drawn = draw("report");
    for (const parameters of groupsOf(connected.map((cell) => cell.parameters)).keys())
      expect(Math.abs(share(drawn, parameters) - share(connected, parameters))).toBeLessThan(0.01);
  });

  test("to choose by and to report share no cell, nor two forms of one", () => {
    const chosen = new Set(draw("choose").map(({ canonicalIndex }) => canonicalIndex));
    expect(draw("report").some(({ canonicalIndex }) => chosen.has(canonicalIndex))).toBe(false);
  });

  test("follow from the seed", () => {
    expect(draw("report")).toEqual(draw("report"));
    expect(draw("report", 1000, 2)).not.toEqual(draw("report"));
  });

  test("of more cells than there are are refused", () => {
    expect(() => draw("report", 15_000)).toThrow(/connected cells to draw from, not 15000/);
  });
});

describe("connection", () => {
  // Edges 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2; 0 is none.
  test("an edge counts only on a way from input to output", () => {
    expect(liveEdges([3, 0, 3, 1, 0, 0])).toEqual([false, false, false, true, false, false]);
    expect(liveEdges([3, 0, 3, 0, 0, 1])).toEqual([true, false, true, false, false, true]);
  });

  test("a cell without such a way is not connected", () => {
    expect(isConnected([3, 3, 3, 0, 0, 0])).toBe(false);
    expect(isConnected([0, 0, 0, 1, 0, 0])).toBe(true);
  });
});

describe("the table", () => {
  const header = "index,ops,arch,canonical_index,c10_test_200,c10_valid_12,params_c10";
  const row = "0,421211,|a|,0,85.5,63.25,129306";
  const write = (text: string, name = "table.csv") => {
    const file = path.join(folder, name);
    writeFileSync(file, name.endsWith(".gz") ? gzipSync(text) : text);
    return file;
  };

  test.each(["table.csv", "table.csv.gz"])("%s is read", (name) => {
    expect(readCells(write(`${header}\n${row}\n`, name))).toEqual([
      {
        index: 0,
        selection: [4, 2, 1, 2, 1, 1],
        canonicalIndex: 0,
        accuracy: 85.5,
        twelveEpochs: 63.25,
        parameters: 129306,
      },
    ]);
  });

  test("without a column is refused by its name", () => {
    expect(() => readCells(write(header.replace("c10_test_200", "x")))).toThrow(/no column c10_test_200/);
  });

  test.each([
    ["an operation that there is not", row.replace("421211", "921211")],
    ["too few edges", row.replace("421211", "42121")],
    ["no number", row.replace("85.5", "high")],
    ["nothing where a number belongs", row.replace("85.5", "")],
  ])("with %s is refused by its line", (_what, bad) => {
    expect(() => readCells(write(`${header}\n${row}\n${bad}\n`))).toThrow(/line 3 is no cell/);
  });
});
