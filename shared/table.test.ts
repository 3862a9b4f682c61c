import { expect, test } from "vitest";
import { printGenotype } from "./genotype.ts";
import { Random } from "./random.ts";
import { fullChoices, genotypeFromSelection, randomSelection, resolveSpace } from "./space.ts";
import { readTable, type TableDescription, TableError, type TableProblem } from "./table.ts";

const blocks = ["none", "conv_3x3", "mb-conv.5"];
const description: TableDescription = {
  architecture: "arch",
  columns: { accuracy: "valid", latency: "phone_ms" },
  reward: "accuracy",
  positions: [{ operations: blocks }, { operations: blocks }, { operations: blocks }],
};

function refusal(text: string, change: Partial<TableDescription> = {}): TableError {
  try {
    readTable(text, { ...description, ...change });
  } catch (error) {
    if (error instanceof TableError) return error;
    throw error;
  }
  throw new Error("the table was read");
}

const csv = (...rows: string[]) => ["arch,valid,phone_ms", ...rows].join("\n");

test("a row is found by its architecture, with the values of its columns", () => {
  const table = readTable(csv("012,90.5,1e1", "111,.5,-2", "220,80,3"), description);
  expect(table.codes).toEqual([
    [0, 1, 2],
    [1, 1, 1],
    [2, 2, 0],
  ]);
  expect(table.columns).toEqual({
    accuracy: Float64Array.of(90.5, 0.5, 80),
    latency: Float64Array.of(10, -2, 3),
  });
  expect(table.rowOf([1, 1, 1])).toBe(1);
  expect(table.rowOf([0, 0, 0])).toBeUndefined();
});

test.each([
  ["digits", "120"],
  ["names between commas", '"conv_3x3, mb-conv.5,none"'],
  ["names between bars", "|conv_3x3|mb-conv.5|none|"],
  ["names between brackets, slashes and blanks", "[conv_3x3 / mb-conv.5 / none]"],
])("an architecture is understood as %s", (_form, cell) => {
  expect(readTable(csv(`${cell},1,2`, "000,2,1"), description).codes[0]).toEqual([1, 2, 0]);
});

test("an index beyond 9 is a letter", () => {
  const operations = Array.from({ length: 36 }, (_, index) => `op${index}`);
  const positions = [{ operations }, { operations }];
  expect(readTable(csv("az,1,2", "A0,2,1"), { ...description, positions }).codes).toEqual([
    [10, 35],
    [10, 0],
  ]);
});

test.each(["nas-bench-201", "darts", "tnd-nas"])("genotypes of %s are understood", (name) => {
  const space = resolveSpace(name);
  const positions = Object.values(fullChoices(space)).flatMap((edges) =>
    edges.map((operations) => ({ operations })),
  );
  const random = new Random(3);
  const selections = Array.from({ length: 20 }, () => randomSelection(space, random));
  const rows = selections.map(
    (selection, index) => `"${printGenotype(genotypeFromSelection(space, selection))}",${index},1`,
  );
  const { codes } = readTable(csv(...rows), { ...description, positions, space });
  const names = codes.map((code) => code.map((index, position) => positions[position]?.operations[index]));
  expect(names).toEqual(selections.map((selection) => Object.values(selection).flat()));
});

test("a file with byte order mark, carriage returns, empty lines and quotes is read", () => {
  const text = `\uFEFF"arch","valid","phone_ms"\r\n\r\n"012","1","2"\r\n "000" , 2 , 3 \r\n`;
  expect(readTable(text, description).columns.latency).toEqual(Float64Array.of(2, 3));
});

test("lines may end in carriage returns alone", () => {
  const { codes } = readTable("arch,valid,phone_ms\r012,1,2\r000,2,3\r", description);
  expect(codes).toEqual([
    [0, 1, 2],
    [0, 0, 0],
  ]);
  expect(refusal("arch,valid,phone_ms\r012,1,2\r000,x,3\r").problems[0]).toMatchObject({ row: 3 });
});

test("columns that are not asked for may hold anything", () => {
  expect(readTable("note,valid,arch,phone_ms\nnonsense,1,012,2\n,2,000,3", description).codes.length).toBe(2);
});

test.each<[string, string[], Partial<TableProblem>[]]>([
  ["a missing cell", ["012,,2", "000,1,1"], [{ row: 2, column: "valid", detail: "the value is missing" }]],
  ["a word", ["012,1,2", "000,1.5,fast"], [{ row: 3, column: "phone_ms", detail: '"fast" is not a number' }]],
  ["a decimal comma", ["012,1,2", '000,"1,5",3'], [{ row: 3, column: "valid" }]],
  ["NaN", ["012,NaN,2", "000,1,1"], [{ row: 2, column: "valid", detail: "the value is not a number (NaN)" }]],
  [
    "an infinite cell",
    ["012,1,-inf", "000,2,1e999"],
    [{ row: 2 }, { row: 3, detail: "the value is infinite (1e999)" }],
  ],
  [
    "an architecture twice",
    ["012,1,2", "000,2,2", "|none|conv_3x3|mb-conv.5|,1,2"],
    [{ row: 4, column: "arch", detail: "this is the architecture of row 2 again" }],
  ],
  [
    "a missing architecture",
    [",1,2", "000,2,2"],
    [{ row: 2, column: "arch", detail: "the architecture is missing" }],
  ],
  [
    "an index outside of the space",
    ["013,1,2", "000,2,2"],
    [
      {
        row: 2,
        column: "arch",
        detail: '"013" is outside of the space: position 2 has operations 0 to 2, not 3',
      },
    ],
  ],
  [
    "digits that lost their zeros",
    ["120,1,2", "12,2,2", "0,3,2"],
    [
      {
        row: 3,
        column: "arch",
        detail:
          '"12" has 2 of 3 digits, as where a spreadsheet took leading zeros away ("012"); write the table again with that column as text',
      },
      { row: 4, column: "arch", detail: expect.stringContaining('("000")') },
    ],
  ],
  [
    "digits that were rounded",
    ["4.21E+11,1,2", "000,2,2"],
    [{ row: 2, column: "arch", detail: expect.stringMatching(/^"4\.21E\+11" was rounded.*as text$/) }],
  ],
  [
    "an operation outside of the space",
    ["none|conv_3x4|none,1,2", "000,2,2"],
    [
      {
        row: 2,
        column: "arch",
        detail:
          '"none|conv_3x4|none" is outside of the space: position 1 has no operation "conv_3x4"; did you mean conv_3x3?',
      },
    ],
  ],
  [
    "too few operations",
    ["none|conv_3x3,1,2", "000,2,2"],
    [{ row: 2, column: "arch", detail: '"none|conv_3x3" names 2 operations; an architecture has 3' }],
  ],
  [
    "a constant reward",
    ["012,7,2", "000,7.0,1"],
    [{ row: 2, column: "valid", detail: "every row has the reward 7, so there is nothing to search for" }],
  ],
  ["no rows", [], [{ row: 1, column: "arch", detail: "the table has no rows below it" }]],
  [
    "a row that is too long",
    ["012,1,2,x", "000,2,2"],
    [{ row: 2, detail: "the row has 4 cells, the header 3" }],
  ],
])("%s is named with row and column", (_what, rows, problems) => {
  expect(refusal(csv(...rows)).problems).toEqual(problems.map((problem) => expect.objectContaining(problem)));
});

test("a column that is missing is named with the closest that there is", () => {
  const error = refusal("architecture,valid1,phone_ms,phone_ms\n000,1,2,3");
  expect(error.problems).toEqual([
    {
      row: 1,
      column: "arch",
      detail: "there is no such column. Known: architecture, valid1, phone_ms, phone_ms.",
    },
    { row: 1, column: "valid", detail: 'there is no such column. Did you mean "valid1"?' },
    { row: 1, column: "phone_ms", detail: "two columns have this name" },
  ]);
  expect(refusal("").problems[0]).toEqual({ row: 1, column: "arch", detail: "the table is empty" });
});

test("text that is no CSV is refused with its line", () => {
  expect(refusal(csv("000,1,2", 'a"b,1,2"')).problems).toEqual([
    expect.objectContaining({ row: 3, detail: expect.stringContaining("not CSV") }),
  ]);
});

test("of many problems the first 20 are named, in the order of the file, and the rest counted", () => {
  const rows = Array.from({ length: 15 }, (_, index) => `bad,${index},x`);
  const error = refusal(csv(...rows));
  expect(error.problems.length).toBe(20);
  expect(error.problems.map(({ row }) => row)).toEqual(
    Array.from({ length: 20 }, (_, index) => 2 + (index >> 1)),
  );
  expect(error.count).toBe(30);
  expect(error.message).toMatch(/row 2, column "arch": .*\n(.*\n){19}and 10 more$/);
});
