/**
 * The policy of one kind of cell at one round: a row for each edge, a column for each operation, the darker the more
 * probable. What was pruned is struck through: crossed where the evidence spoke against it, once where the schedule took it.
 */

import type { CustomSeriesRenderItem, CustomSeriesRenderItemReturn } from "echarts";
import { operationLabel, operationName, percent } from "../ui/format.ts";
import type { Palette } from "./palette.ts";
import { base, type PictureSpec } from "./spec.ts";

export interface HeatCell {
  /** Null where the operation is no candidate any more. */
  probability: number | null;
  /** Why it went, where it is known. */
  reason?: "evidence" | "schedule" | undefined;
  /** When: the number of the stage that it fell at the end of, from 0. */
  stage?: number | undefined;
  /** Weight steps that trained it, by stage; null where nobody counted. */
  trainedSteps?: number | null | undefined;
}

export interface HeatData {
  /** Of cell. */
  kind: string;
  /** Names of the rows. */
  edges: readonly string[];
  operations: readonly string[];
  /** By edge and operation. */
  cells: readonly (readonly HeatCell[])[];
  /** The probability that is darkest: the same for all rounds. */
  most: number;
  /** What round it is of, in words. */
  when: string;
  /** Key of the one that is marked, as `edge-operation`. */
  marked?: string | null;
}

export const heatKey = (edge: number, operation: number): string => `${edge}-${operation}`;

export function policyHeat(data: HeatData, palette: Palette): PictureSpec {
  const { kind, edges, operations, cells, when } = data;
  const places = edges.flatMap((_, edge) => operations.map((__, operation) => ({ edge, operation })));
  const cellOf = ({ edge, operation }: Place) => cells[edge]?.[operation] ?? { probability: null };
  const leaders = edges.filter((_, edge) => best(cells[edge] ?? []) !== null).length;
  const rows = kind === "positions" ? "places" : "edges";
  const gone = places.filter((place) => cellOf(place).probability === null);
  const axis = { axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false } };
  const label = { color: palette.soft, interval: 0, fontSize: 12 };
  return {
    option: {
      ...base(palette),
      grid: { left: 4, right: 8, top: 8, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "all" },
      xAxis: {
        type: "category",
        position: "top",
        data: operations.map(operationLabel),
        axisLabel: { ...label, rotate: operations.length > 3 ? 40 : 0 },
        ...axis,
      },
      yAxis: { type: "category", inverse: true, data: [...edges], axisLabel: label, ...axis },
      series: [
        {
          id: "cells",
          type: "custom",
          silent: true,
          data: places.map(({ edge, operation }) => [operation, edge]),
          renderItem: heatItem(data, palette),
        },
      ],
    },
    summary: [
      `Probabilities ${kind === "positions" ? "" : `in ${kind} cells `}${when}: ${edges.length} ${rows}, ${operations.length} operations.`,
      ...(leaders > 0
        ? [`On ${leaders} of the ${rows} one operation is more probable than the others together.`]
        : []),
      ...(gone.length > 0 ? [`${gone.length} were pruned.`] : []),
    ].join(" "),
    table: {
      columns: ["Edge", "Operation", "Probability", "Pruned", "Weight steps"],
      rows: places.map((place) => {
        const { probability, reason, stage, trainedSteps } = cellOf(place);
        return [
          edges[place.edge] ?? "",
          operationName(operations[place.operation] ?? ""),
          probability === null ? null : percent(probability),
          probability === null ? prunedText(reason, stage) : null,
          trainedSteps ?? null,
        ];
      }),
      keys: places.map(({ edge, operation }) => heatKey(edge, operation)),
    },
    areas: {
      x: places.map(({ operation }) => operation - 0.5),
      toX: places.map(({ operation }) => operation + 0.5),
      y: places.map(({ edge }) => edge - 0.5),
      toY: places.map(({ edge }) => edge + 0.5),
      keys: places.map(({ edge, operation }) => heatKey(edge, operation)),
    },
  };
}

interface Place {
  edge: number;
  operation: number;
}

/** Why an operation is gone, in a few words. */
export function prunedText(reason: HeatCell["reason"], stage: number | undefined): string {
  const when = stage === undefined ? "" : ` after stage ${stage + 1}`;
  if (reason === "evidence") return `pruned${when}: measured worse than the others of its edge`;
  return reason === "schedule"
    ? `pruned${when}: least promising when the schedule took one`
    : `pruned${when}`;
}

/** The operation that is more probable than all others of its edge together. */
const best = (row: readonly HeatCell[]): HeatCell | null =>
  row.find(({ probability }) => (probability ?? 0) > 0.5) ?? null;

const heatItem =
  ({ operations, cells, most, marked }: HeatData, palette: Palette): CustomSeriesRenderItem =>
  ({ dataIndex }, api) => {
    const [edge, operation] = [
      Math.floor(dataIndex / operations.length),
      dataIndex % Math.max(1, operations.length),
    ];
    const [x = 0, y = 0] = api.coord([operation, edge]);
    const size = api.size?.([1, 1]) as number[] | undefined;
    const [width = 0, height = 0] = size ?? [];
    const gap = Math.min(2, height / 10);
    const box = {
      x: x - width / 2 + gap / 2,
      y: y - height / 2 + gap / 2,
      width: Math.max(0, width - gap),
      height: Math.max(0, height - gap),
    };
    const { probability = null, reason } = cells[edge]?.[operation] ?? {};
    const isMarked = marked === heatKey(edge, operation);
    const frame = isMarked ? { stroke: palette.text, lineWidth: 2.5 } : {};
    const children =
      probability === null
        ? struckOut(box, reason, frame, palette)
        : filled(box, probability, most, frame, palette);
    return { type: "group", children } as CustomSeriesRenderItemReturn;
  };

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

function filled(box: Box, probability: number, most: number, frame: object, palette: Palette) {
  const fill = rampColour(palette.ramp, probability / (most || 1));
  const hasRoom = box.width > 24 && box.height > 13;
  return [
    {
      type: "rect",
      shape: { ...box, r: 3 },
      style: { fill, stroke: palette.line, lineWidth: 0.5, ...frame },
    },
    ...(hasRoom
      ? [
          {
            type: "text",
            x: box.x + box.width / 2,
            y: box.y + box.height / 2,
            style: {
              text: String(Math.round(probability * 100)),
              fill: inkOn(fill),
              font: "11px system-ui, sans-serif",
              textAlign: "center",
              textVerticalAlign: "middle",
            },
          },
        ]
      : []),
  ];
}

function struckOut(
  { x, y, width, height }: Box,
  reason: HeatCell["reason"],
  frame: object,
  palette: Palette,
) {
  const stroke = reason === "evidence" ? palette.bad : palette.soft;
  const style = { stroke, lineWidth: 1.2, opacity: 0.75 };
  const [inX, inY] = [width * 0.2, height * 0.2];
  const rising = { x1: x + inX, y1: y + height - inY, x2: x + width - inX, y2: y + inY };
  const falling = { x1: x + inX, y1: y + inY, x2: x + width - inX, y2: y + height - inY };
  return [
    {
      type: "rect",
      shape: { x, y, width, height, r: 3 },
      style: { fill: palette.ground, stroke: palette.line, lineWidth: 1, lineDash: [2, 2], ...frame },
    },
    { type: "line", shape: rising, style },
    ...(reason === "evidence" ? [{ type: "line", shape: falling, style }] : []),
  ];
}

/** Between the colours of a ramp, from 0 to 1. */
export function rampColour(ramp: readonly string[], share: number): string {
  const at = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const [low, high] = [channels(ramp[Math.floor(at)]), channels(ramp[Math.ceil(at)])];
  const mixed = low.map((value, index) => Math.round(value + ((high[index] ?? 0) - value) * (at % 1)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

const channels = (colour = "#000000"): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

/** Black or white, whichever contrasts more (WCAG 2.2, relative luminance). */
export function inkOn(colour: string): string {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#161a12" : "#ffffff";
}
