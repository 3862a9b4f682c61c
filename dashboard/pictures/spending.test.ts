import { expect, test } from "vitest";
import { asSvg } from "./echarts.ts";
import { palettes } from "./palette.ts";
import { spending } from "./spending.ts";

const row = (searchId: string, day: string, spentUsd: number, name: string | null = "same") => ({
  searchId,
  day,
  spentUsd,
  name,
});

test("sums searches by day, tells those of one name apart, and draws the days between", () => {
  const rows = [
    row("aaaaaaaa", "2026-03-01", 2),
    row("bbbbbbbb", "2026-03-03", 5),
    row("cccccccc", "2026-03-03", 1, null),
  ];
  const spec = spending({ rows, until: "2026-03-03", days: 7 }, palettes.light);
  expect(spec.table.columns).toEqual(["Day", "same (bbbbbb)", "same", "deleted search"]);
  expect(spec.table.rows).toEqual([
    ["2026-03-01", "$0.00", "$2.00", "$0.00"],
    ["2026-03-03", "$5.00", "$0.00", "$1.00"],
  ]);
  expect(spec.summary).toBe("$8.00 in 7 days, most of it on same (bbbbbb).");
  expect(asSvg(spec, { width: 600, height: 300 })).toContain("Mar 2");
});

test("beyond so many searches the rest is one, and nothing is lost", () => {
  const rows = Array.from({ length: 20 }, (_, index) =>
    row(`search-${index}`, "2026-03-03", index + 1, `s${index}`),
  );
  const { table, summary } = spending({ rows, until: "2026-03-03", days: 7 }, palettes.dark);
  expect(table.columns).toHaveLength(8);
  expect(table.columns.at(-1)).toBe("all others");
  expect(summary).toContain("$210.00");
});

test("without spending it says so", () => {
  const spec = spending({ rows: [], until: "2026-03-03", days: 30 }, palettes.light);
  expect(spec.summary).toBe("Nothing was spent in 30 days.");
  expect(asSvg(spec, { width: 600, height: 300 })).toContain("<svg");
});
