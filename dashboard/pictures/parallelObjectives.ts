/**
 * Architectures across all objectives at once: an upright axis for each, the better end on top, a line for each
 * architecture. The front lies over the archive; a value that was not measured has a place of its own below the axis.
 */

import type { CustomSeriesRenderItem, CustomSeriesRenderItemReturn } from "echarts";
import { measured, number, unitOf, whole } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import {
  heightOf,
  isKnown,
  nullShare,
  type ObjectiveAxis,
  type Scale,
  scaleOf,
  valueAt,
} from "./parallelScale.ts";
import { type Bands, base, type PictureSpec } from "./spec.ts";

export interface ObjectivesRow {
  hash: string;
  /** By axis; null where it was not measured. */
  values: readonly (number | null)[];
  isFeasible: boolean;
  isOnFront: boolean;
}

export interface ObjectivesData {
  axes: readonly ObjectiveAxis[];
  rows: readonly ObjectivesRow[];
  /** Hash of the one that is marked. */
  marked?: string | null;
}

/** So many lines behind the front: more is a blot. */
const mostLines = 1500;
const ticks = 4;

/** Whether a row is within what each axis shows; an open axis lets what was not measured through. */
export function isWithin(axes: readonly ObjectiveAxis[], { values }: Pick<ObjectivesRow, "values">): boolean {
  return axes.every(({ atLeast, atMost }, index) => {
    if (atLeast === undefined && atMost === undefined) return true;
    const value = values[index];
    return isKnown(value) && value >= (atLeast ?? value) && value <= (atMost ?? value);
  });
}

export const scalesOf = ({ axes, rows }: ObjectivesData): Scale[] =>
  axes.map((axis, index) =>
    scaleOf(
      axis,
      rows.map(({ values }) => values[index]),
    ),
  );

export function parallelObjectives(data: ObjectivesData, palette: Palette): PictureSpec {
  const { axes, rows, marked } = data;
  const scales = scalesOf(data);
  const shown = rows.filter((row) => isWithin(axes, row));
  const bands: Bands = { count: axes.length, left: 64, right: 44, top: 46, bottom: 22 };
  const front = shown.filter(({ isOnFront }) => isOnFront);
  const behind = shown.filter(({ isOnFront }) => !isOnFront);
  const lines = (list: readonly ObjectivesRow[]) =>
    list.map(({ values }) => values.map((value, index) => heightOf(scales[index] as Scale, value)));
  const hasGap = ({ values }: ObjectivesRow) => values.some((value) => !isKnown(value));
  const series = (id: string, list: readonly ObjectivesRow[], look: LineLook, z: number) => ({
    id,
    type: "custom" as const,
    coordinateSystem: "none",
    silent: true,
    z,
    data: lines(list).map((heights) => [heights]),
    renderItem: polyline(lines(list), bands, look),
  });
  const many = behind.length > 300;
  const option = {
    ...base(palette),
    series: [
      series(
        "infeasible",
        thinned(behind.filter((row) => !row.isFeasible && !hasGap(row))),
        { color: palette.bad, width: 1, opacity: many ? 0.1 : 0.22 },
        1,
      ),
      series(
        "archive",
        thinned(behind.filter((row) => row.isFeasible && !hasGap(row))),
        { color: palette.soft, width: 1, opacity: many ? 0.14 : 0.32 },
        2,
      ),
      series(
        "incomplete",
        thinned(behind.filter(hasGap)),
        { color: palette.warn, width: 1, opacity: 0.6, dash: [3, 4] },
        3,
      ),
      series(
        "front",
        front.filter((row) => !hasGap(row)),
        { color: palette.accent, width: 2, opacity: 0.85 },
        4,
      ),
      series(
        "front-incomplete",
        front.filter(hasGap),
        { color: palette.accent, width: 2, opacity: 0.85, dash: [5, 4] },
        5,
      ),
      series(
        "marked",
        rows.filter(({ hash }) => hash === marked),
        { color: palette.text, width: 3, opacity: 1 },
        6,
      ),
      {
        id: "axes",
        type: "custom" as const,
        coordinateSystem: "none",
        silent: true,
        z: 7,
        data: axes.map((_, index) => [index]),
        renderItem: axisItem(axes, scales, bands, palette),
      },
    ],
  };
  const gaps = shown.filter(hasGap).length;
  return {
    option: option as PictureSpec["option"],
    summary: [
      `${axes.map(({ id }) => unitOf(id).title).join(", ")}: ${whole(front.length)} on the front over ${whole(behind.length)} others, the better end of each axis on top.`,
      ...(shown.length < rows.length ? [`${whole(rows.length - shown.length)} are filtered out.`] : []),
      ...(behind.length > mostLines
        ? [`Of each kind of the others ${whole(mostLines)} at most are drawn, evenly taken.`]
        : []),
      ...(gaps > 0 ? [`${whole(gaps)} lack a measurement and are dashed.`] : []),
    ].join(" "),
    table: {
      columns: ["Architecture", ...axes.map(({ id }) => unitOf(id).title), "Standing"],
      get rows() {
        return [...front, ...behind].map(({ hash, values, isFeasible, isOnFront }) => [
          hash,
          ...values.map((value, index) => (isKnown(value) ? measured(axes[index]?.id ?? "", value) : null)),
          isOnFront ? "on the front" : isFeasible ? "beaten" : "infeasible",
        ]);
      },
      keys: [...front, ...behind].map(({ hash }) => hash),
    },
    bands,
  };
}

/** An even part of what is too much to be told apart. */
function thinned<T>(list: readonly T[]): readonly T[] {
  if (list.length <= mostLines) return list;
  const every = list.length / mostLines;
  return Array.from({ length: mostLines }, (_, index) => list[Math.floor(index * every)] as T);
}

interface LineLook {
  color: string;
  width: number;
  opacity: number;
  dash?: number[];
}

interface Size {
  getWidth(): number;
  getHeight(): number;
}

const placesOf = (api: Size, { count, left, right, top, bottom }: Bands) => ({
  x: (index: number) => left + (index * (api.getWidth() - left - right)) / Math.max(1, count - 1),
  y: (height: number) => api.getHeight() - bottom - height * (api.getHeight() - top - bottom),
});

const polyline =
  (
    lines: readonly (readonly number[])[],
    bands: Bands,
    { color, width, opacity, dash }: LineLook,
  ): CustomSeriesRenderItem =>
  ({ dataIndex }, api) => {
    const at = placesOf(api, bands);
    return {
      type: "polyline",
      shape: { points: (lines[dataIndex] ?? []).map((height, index) => [at.x(index), at.y(height)]) },
      style: { stroke: color, fill: "none", lineWidth: width, opacity, ...(dash && { lineDash: dash }) },
    };
  };

/** An axis with its name, figures, target and limit, the part that is shown, and the place of what was not measured. */
const axisItem =
  (
    axes: readonly ObjectiveAxis[],
    scales: readonly Scale[],
    bands: Bands,
    palette: Palette,
  ): CustomSeriesRenderItem =>
  ({ dataIndex }, api) => {
    const [axis, scale] = [axes[dataIndex], scales[dataIndex]];
    if (axis === undefined || scale === undefined) return null;
    const at = placesOf(api, bands);
    const x = at.x(dataIndex);
    const isLast = axes.length > 1 && dataIndex === axes.length - 1;
    const step = axes.length > 1 ? at.x(1) - at.x(0) : 200;
    const floor = scale.hasNulls ? nullShare : 0;
    const y = (value: number) => at.y(Math.min(1, Math.max(floor, heightOf(scale, value))));
    const { title, unit, format } = unitOf(axis.id);
    const words = {
      fill: palette.soft,
      font: "12px system-ui, sans-serif",
      textVerticalAlign: "middle" as const,
    };
    const children = [
      line(x, at.y(floor), x, at.y(1), palette.soft, 1.5),
      text(x, at.y(1) - 34, `${title}${unit && ` (${unit})`}`, {
        ...words,
        fill: palette.text,
        font: "600 12px system-ui, sans-serif",
        textAlign: "center",
        width: Math.max(48, step - 10),
        overflow: "truncate",
      }),
      text(x, at.y(1) - 17, axis.goal === "maximize" ? "↑ more is better" : "↑ less is better", {
        ...words,
        font: "11px system-ui, sans-serif",
        textAlign: "center",
        width: Math.max(48, step - 6),
        overflow: "truncate",
      }),
      ...rangeParts(axis, x, y, at, floor, palette),
      ...Array.from({ length: ticks + 1 }, (_, index) => {
        const height = floor + ((1 - floor) * (index + 0.15)) / (ticks + 0.3);
        const value = valueAt(scale, height);
        return text(x - 6, at.y(height), format(Number(value.toPrecision(3))), {
          ...words,
          textAlign: "right",
          backgroundColor: palette.card,
          padding: [1, 3],
        });
      }),
      ...markOf({ value: axis.target, name: "target", x, y, scale, color: palette.good, isLast }, palette),
      ...markOf({ value: axis.limit, name: "limit", x, y, scale, color: palette.bad, isLast }, palette),
      ...(scale.hasNulls
        ? [
            line(x - 5, at.y(0), x + 5, at.y(0), palette.warn, 2),
            text(x, at.y(0) + 12, "not measured", {
              ...words,
              fill: palette.warn,
              font: "11px system-ui, sans-serif",
              textAlign: "center",
            }),
          ]
        : []),
    ];
    return { type: "group", children } as CustomSeriesRenderItemReturn;
  };

/** What the axis shows, as a bar along it. */
function rangeParts(
  { atLeast, atMost, goal }: ObjectiveAxis,
  x: number,
  y: (value: number) => number,
  at: ReturnType<typeof placesOf>,
  floor: number,
  palette: Palette,
) {
  if (atLeast === undefined && atMost === undefined) return [];
  const [bottom, top] = goal === "maximize" ? [atLeast, atMost] : [atMost, atLeast];
  const from = bottom === undefined ? at.y(floor) : y(bottom);
  const to = top === undefined ? at.y(1) : y(top);
  return [
    {
      type: "rect" as const,
      shape: { x: x - 7, y: Math.min(from, to), width: 14, height: Math.max(2, Math.abs(from - to)), r: 3 },
      style: { fill: palette.accent, opacity: 0.3, stroke: palette.accent, lineWidth: 1.5 },
    },
  ];
}

interface Mark {
  value: number | undefined;
  name: string;
  x: number;
  y: (value: number) => number;
  scale: Scale;
  color: string;
  /** There is no room to the right of the last axis; to its left are the figures. */
  isLast: boolean;
}

function markOf({ value, name, x, y, scale: { low, high }, color, isLast }: Mark, palette: Palette) {
  if (value === undefined || value < low || value > high) return [];
  return [
    line(x - 8, y(value), x + 8, y(value), color, 2.5),
    text(isLast ? x - 52 : x + 10, y(value), `${name} ${number(value)}`, {
      fill: color,
      font: "11px system-ui, sans-serif",
      textAlign: isLast ? "right" : "left",
      textVerticalAlign: "middle",
      backgroundColor: palette.card,
      padding: [1, 2],
    }),
  ];
}

const line = (x1: number, y1: number, x2: number, y2: number, stroke: string, lineWidth: number) => ({
  type: "line" as const,
  shape: { x1, y1, x2, y2 },
  style: { stroke, lineWidth },
});

const text = (x: number, y: number, content: string, style: Record<string, unknown>) => ({
  type: "text" as const,
  x,
  y,
  style: { text: content, ...style },
});
