import { expect, test } from "vitest";
import { rasterOf, withoutClouds } from "./cloud.ts";
import { palettes } from "./palette.ts";
import { paretoFront } from "./paretoFront.ts";
import type { Cloud } from "./spec.ts";

const axes = { x: { origin: 0, scale: 1 }, y: { origin: 10, scale: -1 } };
const area = { left: 0, top: 0, width: 10, height: 10 };
const cloud = (pairs: number[], color = "#102030"): Cloud => ({
  id: color,
  pairs: Float64Array.from(pairs),
  color,
  opacity: 0.5,
  size: 1,
});
const at = (pixels: Uint8ClampedArray, x: number, y: number) => [
  ...pixels.subarray(4 * (y * area.width + x), 4 * (y * area.width + x) + 4),
];

test("points are pixels of their colour, the more in a place the darker, the last cloud on top", () => {
  const pixels = rasterOf([cloud([2.5, 7.5, 4.5, 5.5, 4.5, 5.5])], axes, area, 1);
  expect(at(pixels, 2, 2)).toEqual([16, 32, 48, 128]);
  expect(at(pixels, 4, 4)).toEqual([16, 32, 48, 191]);
  expect(at(pixels, 0, 0)).toEqual([0, 0, 0, 0]);
  const both = rasterOf([cloud([2.5, 7.5], "#000000"), cloud([2.5, 7.5], "#ffffff")], axes, area, 1);
  expect(at(both, 2, 2)).toEqual([170, 170, 170, 192]);
});

test("what lies outside of the axes, or was not measured, is not drawn", () => {
  const pixels = rasterOf([cloud([-3, 5, 5, 12, Number.NaN, 5, 400, 5])], axes, area, 2);
  expect(pixels.every((value) => value === 0)).toBe(true);
});

test("the chart of the page keeps the corners of each cloud, so that its axes are those of the report", () => {
  const columns = { hash: ["a", "b", "c"], x: [3, 1, 2], y: [10, 30, 20], feasible: [true, true, true] };
  const spec = paretoFront(
    {
      x: { id: "parameters", goal: "minimize" },
      y: { id: "accuracy", goal: "maximize" },
      candidates: columns,
      archive: [],
    },
    palettes.light,
  );
  const [feasible] = withoutClouds(spec).series as { id: string; symbol: string; data: unknown }[];
  expect(feasible).toMatchObject({
    id: "feasible",
    symbol: "none",
    data: [
      [1, 10],
      [3, 30],
    ],
  });
});
