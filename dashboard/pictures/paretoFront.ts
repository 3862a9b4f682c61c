/**
 * The Pareto front of two objectives: every measured candidate, the archive with the widths of its measurements, the
 * front as a staircase, targets, and beyond the limits what is infeasible. Made for 50,000 candidates.
 */

import type { CustomSeriesRenderItem, EChartsOption } from "echarts";
import { ParetoFront } from "../../shared/pareto.ts";
import { measured, number, unitOf, whole } from "../ui/format.ts";
import { goalLines } from "./goalLines.ts";
import type { Palette } from "./palette.ts";
import { base, type Cloud, type PictureSpec, valueAxis } from "./spec.ts";

export interface FrontAxis {
  /** An objective's id. */
  id: string;
  goal: "maximize" | "minimize";
  /** Soft; a dashed line. */
  target?: number | undefined;
  /** Hard; beyond it is infeasible. */
  limit?: number | undefined;
}

export interface FrontPoint {
  hash: string;
  /** Null where it was not measured: then it is not shown. */
  x: number | null;
  y: number | null;
  /** Half the width of an interval around it. */
  xWidth?: number | undefined;
  yWidth?: number | undefined;
  isFeasible: boolean;
}

export interface FrontData {
  x: FrontAxis;
  y: FrontAxis;
  /** Columns as /points answers them, or typed arrays; null and NaN are what was not measured. */
  candidates: {
    hash: readonly string[];
    x: ArrayLike<number | null>;
    y: ArrayLike<number | null>;
    feasible: ArrayLike<boolean | number>;
  };
  archive: readonly FrontPoint[];
  /** Hashes that are marked: of the archive, or else the newest candidate of that name. */
  selected?: readonly string[];
}

type Pair = [x: number, y: number];

export function paretoFront(data: FrontData, palette: Palette): PictureSpec {
  const { x, y, candidates } = data;
  const archive = data.archive.filter(isMeasured);
  const columns = columnsOf(candidates);
  const clouds = [
    cloudOf("feasible", columns.feasible, columns.measured, palette.soft),
    cloudOf("infeasible", columns.infeasible, columns.measured, palette.bad),
  ];
  const front = frontOf(archive, x, y);
  const best = new Set(front);
  const listed = archive.toSorted((a, b) => Number(best.has(b)) - Number(best.has(a)) || a.x - b.x);
  const marked = (data.selected ?? []).flatMap((hash): Pair[] => {
    const point = archive.find((entry) => entry.hash === hash);
    if (point !== undefined) return [[point.x, point.y]];
    const place = candidates.hash.lastIndexOf(hash);
    return place < 0 ? [] : [[columns.x[place] ?? Number.NaN, columns.y[place] ?? Number.NaN]];
  });
  const hidden = candidates.hash.length - columns.measured;
  const option: EChartsOption = {
    ...base(palette),
    xAxis: axisOf(x, palette, "x"),
    yAxis: axisOf(y, palette, "y"),
    dataZoom: [
      { id: "x", type: "inside", xAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: false, disabled: true },
      { id: "y", type: "inside", yAxisIndex: 0, filterMode: "none", zoomOnMouseWheel: false, disabled: true },
    ],
    series: [
      ...clouds.map(cloudSeries),
      {
        id: "front-line",
        type: "line",
        data: staircase(front, x, y),
        showSymbol: false,
        silent: true,
        z: 3,
        zlevel: 1,
        lineStyle: { color: palette.accent, width: 2 },
        markArea: {
          silent: true,
          itemStyle: { color: palette.bad, opacity: 0.07 },
          data: beyondLimits(x, y),
        },
        markLine: {
          silent: true,
          symbol: "none",
          data: [...goalLines(x, "xAxis", palette), ...goalLines(y, "yAxis", palette)],
        },
      },
      {
        id: "widths",
        type: "custom",
        clip: true,
        silent: true,
        z: 4,
        zlevel: 1,
        data: archive
          .filter(({ xWidth, yWidth }) => xWidth || yWidth)
          .map(({ x: across, y: up, xWidth = 0, yWidth = 0 }) => [
            ...[across, up],
            ...[across - xWidth, across + xWidth],
            ...[up - yWidth, up + yWidth],
          ]),
        // The ends count for the axes: no interval is cut off.
        encode: { x: [0, 2, 3], y: [1, 4, 5] },
        renderItem: whiskers(palette.text),
      },
      {
        id: "archive",
        type: "scatter",
        z: 5,
        zlevel: 1,
        silent: true,
        symbolSize: 9,
        data: archive.map((point): Pair => [point.x, point.y]),
        itemStyle: { color: palette.card, borderColor: palette.text, borderWidth: 1.5, opacity: 1 },
      },
      {
        id: "front",
        type: "scatter",
        z: 6,
        zlevel: 1,
        silent: true,
        symbolSize: 11,
        data: front.map((point): Pair => [point.x, point.y]),
        itemStyle: { color: palette.accent, borderColor: palette.card, borderWidth: 1.5, opacity: 1 },
      },
      {
        id: "selected",
        type: "scatter",
        z: 7,
        zlevel: 1,
        silent: true,
        symbolSize: 20,
        data: marked,
        itemStyle: { color: "transparent", borderColor: palette.text, borderWidth: 2.5 },
      },
    ],
  };
  const titles = [unitOf(x.id).title, unitOf(y.id).title];
  const missing = hidden > 0 ? ` ${whole(hidden)} without both measurements are not shown.` : "";
  return {
    option,
    summary: `${titles[1]} against ${titles[0]}: ${whole(columns.measured)} candidates, ${whole(archive.length)} in the archive, ${whole(front.length)} on the front.${missing}`,
    table: {
      columns: ["Architecture", titles[0] ?? "", titles[1] ?? "", "Of these two"],
      rows: listed.map((point) => [
        point.hash,
        widthText(x.id, point.x, point.xWidth),
        widthText(y.id, point.y, point.yWidth),
        standing(point, best),
      ]),
      keys: listed.map(({ hash }) => hash),
    },
    points: {
      x: joined(
        archive.map((point) => point.x),
        columns.x,
      ),
      y: joined(
        archive.map((point) => point.y),
        columns.y,
      ),
      keys: archive.map(({ hash }) => hash).concat(candidates.hash),
      prominent: archive.length,
    },
    clouds,
    zooms: true,
  };
}

type Measured = FrontPoint & { x: number; y: number };

const isMeasured = (point: FrontPoint): point is Measured =>
  Number.isFinite(point.x) && Number.isFinite(point.y);

function standing(point: Measured, best: ReadonlySet<Measured>): string {
  if (best.has(point)) return "on the front";
  return point.isFeasible ? "beaten" : "infeasible";
}

const widthText = (id: string, value: number, width: number | undefined): string =>
  width ? `${measured(id, value)} ± ${number(width, 2)}` : measured(id, value);

interface Columns {
  /** A place for each candidate; NaN where one of the two was not measured. */
  x: Float64Array;
  y: Float64Array;
  measured: number;
  /** Pairs in a row. */
  feasible: Float64Array;
  infeasible: Float64Array;
}

/** Of the columns that were drawn: a choice among the points leaves them as they are. */
const known = new WeakMap<FrontData["candidates"], Columns>();

function columnsOf(candidates: FrontData["candidates"]): Columns {
  const before = known.get(candidates);
  if (before !== undefined) return before;
  const { length } = candidates.hash;
  const [x, y] = [new Float64Array(length), new Float64Array(length)];
  const pairs = [new Float64Array(2 * length), new Float64Array(2 * length)] as const;
  const filled = [0, 0] as [number, number];
  for (let index = 0; index < length; index++) {
    const [across, up] = [candidates.x[index] ?? Number.NaN, candidates.y[index] ?? Number.NaN];
    const isMeasured = Number.isFinite(across) && Number.isFinite(up);
    x[index] = isMeasured ? across : Number.NaN;
    y[index] = isMeasured ? up : Number.NaN;
    if (!isMeasured) continue;
    const side = candidates.feasible[index] ? 0 : 1;
    pairs[side][filled[side]++] = across;
    pairs[side][filled[side]++] = up;
  }
  const [feasible, infeasible] = [pairs[0].subarray(0, filled[0]), pairs[1].subarray(0, filled[1])];
  const columns = { x, y, measured: (filled[0] + filled[1]) / 2, feasible, infeasible };
  known.set(candidates, columns);
  return columns;
}

function joined(first: readonly number[], rest: Float64Array): Float64Array {
  const all = new Float64Array(first.length + rest.length);
  all.set(first);
  all.set(rest, first.length);
  return all;
}

const cloudOf = (id: string, pairs: Float64Array, count: number, color: string): Cloud => ({
  id,
  pairs,
  color,
  // Where there are many, how many shows in how dark it is.
  opacity: count > 5000 ? 0.22 : 0.4,
  size: count > 5000 ? 3 : 5,
});

/** For who draws all by the chart: flat numbers and one path for all. */
const cloudSeries = ({ id, pairs, color, opacity, size }: Cloud) => ({
  id,
  type: "scatter" as const,
  data: pairs as unknown as number[],
  dimensions: ["x", "y"],
  large: true,
  largeThreshold: 500,
  progressive: 0,
  silent: true,
  symbolSize: size,
  itemStyle: { color, opacity },
});

/** Of feasible points, what no other beats in these two objectives, by the first. */
function frontOf(archive: readonly Measured[], x: FrontAxis, y: FrontAxis): Measured[] {
  const front = new ParetoFront<Measured>(2);
  for (const point of archive)
    if (point.isFeasible) front.insert([point.x * signOf(x), point.y * signOf(y)], point);
  return front.entries().map(({ item }) => item);
}

const signOf = ({ goal }: FrontAxis): 1 | -1 => (goal === "minimize" ? 1 : -1);

/** The edge of what is beaten: from one point to the next through the corner that both beat. */
function staircase(front: readonly Measured[], x: FrontAxis, y: FrontAxis): Pair[] {
  const worse = (axis: FrontAxis, a: number, b: number) =>
    axis.goal === "minimize" ? Math.max(a, b) : Math.min(a, b);
  return front.flatMap((point, index): Pair[] => {
    const next = front[index + 1];
    const own: Pair = [point.x, point.y];
    return next === undefined ? [own] : [own, [worse(x, point.x, next.x), worse(y, point.y, next.y)]];
  });
}

function axisOf({ id, limit, target }: FrontAxis, palette: Palette, at: "x" | "y") {
  const { title, unit, axis: format } = unitOf(id);
  const lines = [limit, target].filter((value): value is number => value !== undefined);
  return {
    ...valueAxis({ name: unit === "" ? title : `${title} (${unit})`, palette, format }, at),
    // Lines that are asked for are seen even where no candidate comes near.
    // Also without lines: a chart that is given none keeps those of the objective before.
    min: ({ min, max }: Extent) => beyond(Math.min(...lines), min, max - min, -1),
    max: ({ min, max }: Extent) => beyond(Math.max(...lines), max, max - min, 1),
  };
}

interface Extent {
  min: number;
  max: number;
}

/** An end of the axis for a line that lies outside of the data; null: the axis finds a round one by itself. */
const beyond = (line: number, end: number, width: number, sign: 1 | -1): number | null =>
  sign * (line - end) > 0 ? line + sign * 0.05 * (width || Math.abs(line)) : null;

type Corner = { xAxis?: number; yAxis?: number };

/** What no feasible architecture is in, per limit. */
function beyondLimits(x: FrontAxis, y: FrontAxis): [Corner, Corner][] {
  const cut = (axis: FrontAxis, key: "xAxis" | "yAxis"): [Corner, Corner][] => {
    if (axis.limit === undefined) return [];
    const end = axis.goal === "minimize" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return [[{ [key]: axis.limit }, { [key]: end }]];
  };
  return [...cut(x, "xAxis"), ...cut(y, "yAxis")];
}

const whiskers =
  (color: string): CustomSeriesRenderItem =>
  (_, api) => {
    const [x = 0, y = 0, fromX = x, toX = x, fromY = y, toY = y] = [0, 1, 2, 3, 4, 5].map((dimension) =>
      Number(api.value(dimension)),
    );
    const line = (from: Pair, to: Pair) => {
      const [[x1 = 0, y1 = 0], [x2 = 0, y2 = 0]] = [api.coord(from), api.coord(to)];
      return {
        type: "line" as const,
        shape: { x1, y1, x2, y2 },
        style: { stroke: color, lineWidth: 1.2, opacity: 0.6 },
      };
    };
    return {
      type: "group",
      children: [
        ...(toX > fromX ? [line([fromX, y], [toX, y])] : []),
        ...(toY > fromY ? [line([x, fromY], [x, toY])] : []),
      ],
    };
  };
