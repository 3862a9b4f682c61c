import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { asSvg } from "./echarts.ts";
import { hypervolume } from "./hypervolume.ts";
import { nearestPoint } from "./nearest.ts";
import { type Palette, palettes } from "./palette.ts";
import { type FrontData, paretoFront } from "./paretoFront.ts";

const size = { width: 640, height: 360 };

const data: FrontData = {
  x: { id: "parameters", goal: "minimize", limit: 3_000_000 },
  y: { id: "accuracy", goal: "maximize", target: 90 },
  candidates: {
    hash: ["a", "b", "c", "d"],
    x: [1e6, 2e6, 4e6, null],
    y: [80, 90, 95, 70],
    feasible: [true, true, false, true],
  },
  archive: [
    { hash: "a", x: 1e6, y: 80, yWidth: 1.2, isFeasible: true },
    { hash: "b", x: 2e6, y: 90, isFeasible: true },
    { hash: "beaten", x: 2.5e6, y: 85, isFeasible: true },
    { hash: "c", x: 4e6, y: 95, isFeasible: false },
    { hash: "unmeasured", x: null, y: 99, isFeasible: true },
  ],
};

test("the colours of pictures are those of the page", () => {
  const css = readFileSync(new URL("../theme.css", import.meta.url), "utf8");
  const names = ["ground", "card", "line", "text", "soft", "accent", "good", "warn", "bad"] as const;
  for (const name of names satisfies readonly (keyof Palette)[]) {
    const [, light, dark] = new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(css) ?? [];
    expect([name, light, dark]).toEqual([name, palettes.light[name], palettes.dark[name]]);
  }
});

test("the front is of what is feasible and not beaten; what was not measured is told, not drawn", () => {
  const { table, summary, points } = paretoFront(data, palettes.light);
  expect(table.rows.map(([hash, , , standing]) => [hash, standing])).toEqual([
    ["a", "on the front"],
    ["b", "on the front"],
    ["beaten", "beaten"],
    ["c", "infeasible"],
  ]);
  expect(table.rows[0]?.[2]).toBe("80 % ± 1.2");
  expect(summary).toContain("1 without both measurements are not shown");
  expect(points?.keys).not.toContain("unmeasured");
});

test("an axis reaches its limit, and one without takes the ends of the one before back", () => {
  type Ends = Record<"min" | "max", (extent: { min: number; max: number }) => number | null>;
  const endsOf = (x: FrontData["x"]) => {
    const { min, max } = paretoFront({ ...data, x }, palettes.light).option.xAxis as unknown as Ends;
    const extent = { min: 1e6, max: 2e6 };
    return [min(extent), max(extent)];
  };
  expect(endsOf(data.x)).toEqual([null, 3_050_000]);
  expect(endsOf({ id: "macs", goal: "minimize" })).toEqual([null, null]);
});

test("the staircase goes through the corners that both neighbours beat, for any two goals", () => {
  const line = (x: FrontData["x"], y: FrontData["y"], pairs: [number, number][]) => {
    const archive = pairs.map(([a, b], index) => ({ hash: String(index), x: a, y: b, isFeasible: true }));
    const { option } = paretoFront({ ...data, x, y, archive }, palettes.light);
    const series = option.series as { id: string; data: unknown }[];
    return series.find(({ id }) => id === "front-line")?.data;
  };
  const [less, more] = [
    { id: "parameters", goal: "minimize" },
    { id: "accuracy", goal: "maximize" },
  ] as const;
  expect(
    line(less, more, [
      [1, 80],
      [2, 90],
    ]),
  ).toEqual([
    [1, 80],
    [2, 80],
    [2, 90],
  ]);
  expect(
    line(less, less, [
      [1, 9],
      [2, 5],
    ]),
  ).toEqual([
    [1, 9],
    [2, 9],
    [2, 5],
  ]);
  expect(
    line(more, more, [
      [9, 1],
      [5, 2],
    ]),
  ).toEqual([
    [9, 1],
    [5, 1],
    [5, 2],
  ]);
});

test("pictures are drawn without a browser, of nothing as well as of everything", () => {
  const none = { hash: [], x: [], y: [], feasible: [] };
  for (const palette of Object.values(palettes)) {
    expect(asSvg(paretoFront(data, palette), size)).toMatch(/^<svg[\s\S]*limit 3 M[\s\S]*<\/svg>$/);
    expect(asSvg(paretoFront({ ...data, candidates: none, archive: [] }, palette), size)).toContain("<svg");
    const series = { round: [0, 1, 2], stage: [0, 0, 1], hypervolume: [null, 0.3, 0.4] };
    const picture = hypervolume(series, palette);
    expect(asSvg(picture, size)).toContain("stage 2");
    expect(picture.summary).toContain("0.4 after round 2");
    expect(hypervolume({ round: [], stage: [], hypervolume: [] }, palette).summary).toContain(
      "nothing was measured",
    );
  }
});

test("a pointer finds the nearest point, what matters more first, and none where none is near", () => {
  const axes = { x: { origin: 0, scale: 10 }, y: { origin: 0, scale: 10 } };
  const points = { x: [1, 1.5, 9], y: [1, 1, 9], prominent: 1 };
  expect(nearestPoint(points, axes, { x: 15, y: 10 }, 14)).toBe(0);
  expect(nearestPoint({ ...points, prominent: 0 }, axes, { x: 15, y: 10 }, 14)).toBe(1);
  expect(nearestPoint(points, axes, { x: 50, y: 50 }, 14)).toBeNull();
});
