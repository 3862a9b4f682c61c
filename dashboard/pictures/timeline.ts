/** What went on in a search, when: a lane for each kind of work, bars for what lasted, marks for what happened. */

import type { CustomSeriesRenderItem, CustomSeriesRenderItemReturn } from "echarts";
import { duration, number, time, whole } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec, valueAxis } from "./spec.ts";

export type BarKind = "wait" | "work" | "train" | "machine" | "pause" | "bad";
export type MarkKind = "fault" | "warning" | "checkpoint";

export interface TimelineBar {
  key: string;
  lane: number;
  kind: BarKind;
  fromMs: number;
  /** Of what goes on, now. */
  toMs: number;
  /** On it, where there is room. */
  title: string;
  /** What it was, in a sentence. */
  words: string;
}

export interface TimelineMark {
  key: string;
  lane: number;
  kind: MarkKind;
  atMs: number;
  title: string;
  words: string;
}

export interface TimelineData {
  beginMs: number;
  endMs: number;
  lanes: readonly string[];
  bars: readonly TimelineBar[];
  marks: readonly TimelineMark[];
}

const units = [
  { name: "Seconds", ms: 1000, least: 0 },
  { name: "Minutes", ms: 60_000, least: 5 * 60_000 },
  { name: "Hours", ms: 3_600_000, least: 5 * 3_600_000 },
  { name: "Days", ms: 86_400_000, least: 4 * 86_400_000 },
] as const;

export function timeline(data: TimelineData, palette: Palette): PictureSpec {
  const { beginMs, endMs, lanes, bars, marks } = data;
  const lasts = Math.max(1000, endMs - beginMs);
  const unit = units.findLast(({ least }) => lasts >= least) ?? units[0];
  const at = (ms: number) => (ms - beginMs) / unit.ms;
  const end = at(beginMs + lasts);
  /** So that signs at the ends are whole. */
  const spare = end * 0.02;
  const faults = marks.filter(({ kind }) => kind === "fault" || kind === "warning");
  return {
    option: {
      ...base(palette),
      grid: { left: 4, right: 18, top: 8, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "all" },
      xAxis: {
        ...valueAxis({ name: `${unit.name} since ${time(beginMs)}`, palette, format: number }, "x"),
        scale: false,
        // Its ends are where the data ends, no round figures.
        axisLabel: {
          color: palette.soft,
          hideOverlap: true,
          showMinLabel: false,
          showMaxLabel: false,
          formatter: (value: number) => number(value),
        },
        min: -spare,
        max: end + spare,
      },
      yAxis: {
        type: "category",
        inverse: true,
        data: [...lanes],
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: { color: palette.soft, interval: 0 },
        splitLine: { show: true, lineStyle: { color: palette.line } },
      },
      dataZoom: [
        {
          id: "x",
          type: "inside",
          xAxisIndex: 0,
          filterMode: "none",
          zoomOnMouseWheel: false,
          disabled: true,
        },
      ],
      series: [
        {
          id: "bars",
          type: "custom",
          silent: true,
          clip: true,
          z: 2,
          data: bars.map(({ fromMs, toMs, lane }) => [at(fromMs), at(toMs), lane]),
          encode: { x: [0, 1], y: 2 },
          renderItem: barItem(bars, palette),
        },
        {
          id: "marks",
          type: "custom",
          silent: true,
          clip: false,
          z: 3,
          data: marks.map(({ atMs, lane }) => [at(atMs), lane]),
          encode: { x: 0, y: 1 },
          renderItem: markItem(marks, palette),
        },
      ],
    },
    summary: [
      `Over ${duration(lasts / 1000)} from ${time(beginMs)}:`,
      `${lanes.map((lane) => lane.toLowerCase()).join(", ")};`,
      faults.length === 0
        ? "no fault."
        : faults.length === 1
          ? "1 fault."
          : `${whole(faults.length)} faults.`,
    ].join(" "),
    table: {
      columns: ["From", "Until", "What", "Details"],
      rows: [
        ...bars.map(({ fromMs, toMs, lane, words }) => ({
          fromMs,
          cells: [time(fromMs), time(toMs), lanes[lane] ?? "", words],
        })),
        ...marks.map(({ atMs, lane, words }) => ({
          fromMs: atMs,
          cells: [time(atMs), null, lanes[lane] ?? "", words],
        })),
      ]
        .toSorted((a, b) => a.fromMs - b.fromMs)
        .map(({ cells }) => cells),
    },
    areas: {
      x: [...bars.map(({ fromMs }) => at(fromMs)), ...marks.map(({ atMs }) => at(atMs))],
      toX: [...bars.map(({ toMs }) => at(toMs)), ...marks.map(({ atMs }) => at(atMs))],
      y: [...bars, ...marks].map(({ lane }) => lane - 0.4),
      toY: [...bars, ...marks].map(({ lane }) => lane + 0.4),
      keys: [...bars, ...marks].map(({ key }) => key),
    },
    zooms: true,
  };
}

/** Colours of bars by what they are of; the lane tells it, too. */
const barColours: Record<BarKind, (palette: Palette) => string> = {
  wait: ({ soft }) => soft,
  pause: ({ warn }) => warn,
  work: ({ series }) => series[1] ?? "",
  train: ({ series }) => series[2] ?? "",
  machine: ({ series }) => series[3] ?? "",
  bad: ({ bad }) => bad,
};

const barItem =
  (bars: readonly TimelineBar[], palette: Palette): CustomSeriesRenderItem =>
  ({ dataIndex, coordSys }, api) => {
    const bar = bars[dataIndex];
    if (bar === undefined) return null;
    const { x: left, width: wide } = coordSys as unknown as { x: number; width: number };
    const [from = 0, y = 0] = api.coord([api.value(0), api.value(2)]);
    const [to = 0] = api.coord([api.value(1), api.value(2)]);
    const [begin, end] = [Math.max(left, from), Math.min(left + wide, Math.max(to, from + 2))];
    if (end <= begin) return null;
    const size = api.size?.([0, 1]) as number[] | undefined;
    const height = Math.min(24, (size?.[1] ?? 24) * 0.62);
    const color = barColours[bar.kind](palette);
    const width = end - begin;
    const children = [
      {
        type: "rect",
        shape: { x: begin, y: y - height / 2, width, height, r: Math.min(3, width / 2) },
        style: { fill: color, opacity: 0.24, stroke: color, lineWidth: 0 },
      },
      {
        type: "rect",
        shape: { x: begin, y: y - height / 2, width: Math.min(3, width), height },
        style: { fill: color },
      },
      ...(width > 46
        ? [
            {
              type: "text",
              x: begin + 8,
              y,
              style: {
                text: bar.title,
                fill: palette.text,
                font: "12px system-ui, sans-serif",
                textVerticalAlign: "middle",
                width: width - 12,
                overflow: "truncate",
              },
            },
          ]
        : []),
    ];
    return { type: "group", children } as CustomSeriesRenderItemReturn;
  };

const markItem =
  (marks: readonly TimelineMark[], palette: Palette): CustomSeriesRenderItem =>
  ({ dataIndex, coordSys }, api) => {
    const mark = marks[dataIndex];
    if (mark === undefined) return null;
    const { x: left, width: wide } = coordSys as unknown as { x: number; width: number };
    const [x = 0, y = 0] = api.coord([api.value(0), api.value(1)]);
    if (x < left - 1 || x > left + wide + 1) return null;
    return { type: "group", children: [markShape(mark.kind, x, y, palette)] } as CustomSeriesRenderItemReturn;
  };

/** Told apart by shape as well as by colour. */
function markShape(kind: MarkKind, x: number, y: number, palette: Palette) {
  const polygon = (points: [number, number][], fill: string) => ({
    type: "polygon",
    shape: { points: points.map(([dx, dy]) => [x + dx, y + dy]) },
    style: { fill, stroke: palette.card, lineWidth: 1 },
  });
  if (kind === "checkpoint")
    return {
      type: "rect",
      shape: { x: x - 5, y: y - 5, width: 10, height: 10, r: 2 },
      style: { fill: palette.good, stroke: palette.card, lineWidth: 1 },
    };
  const triangle: [number, number][] = [
    [0, -8],
    [8, 6],
    [-8, 6],
  ];
  const rhomb: [number, number][] = [
    [0, -8],
    [8, 0],
    [0, 8],
    [-8, 0],
  ];
  return kind === "fault" ? polygon(triangle, palette.bad) : polygon(rhomb, palette.warn);
}
