/**
 * What a picture is: data in, this out, without a page. The app draws it on a canvas and the report as SVG. Pure; ECharts is
 * here as types only.
 */

import type { EChartsOption } from "echarts";
import { number } from "../ui/format.ts";
import type { Palette } from "./palette.ts";

export type Cell = string | number | null;

export interface Areas {
  x: ArrayLike<number>;
  toX: ArrayLike<number>;
  y: ArrayLike<number>;
  toY: ArrayLike<number>;
  keys: readonly string[];
}

/** Many points that look alike: squares, of which more in a place are darker. */
export interface Cloud {
  id: string;
  /** In the units of linear axes: x and y of one after the other. */
  pairs: Float64Array;
  /** As `#rrggbb`. */
  color: string;
  opacity: number;
  /** In pixels. */
  size: number;
}

/** Upright axes evenly apart, in pixels from the edges of the picture. */
export interface Bands {
  count: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface PictureSpec {
  /** For `echarts.setOption`: no tooltip (the page shows its own), no animation. */
  option: EChartsOption;
  /** What it shows, in a sentence: its accessible name. */
  summary: string;
  /** The same as figures, for who does not see it. */
  table: {
    columns: readonly string[];
    /** May be a getter, which is asked when the table is opened. */
    rows: readonly (readonly Cell[])[];
    /** Key of each row, where a row is something that can be chosen. */
    keys?: readonly string[];
  };
  /** Points that a pointer finds: the nearest wins. In the units of the axes; keys are what is chosen. */
  points?: {
    x: ArrayLike<number>;
    y: ArrayLike<number>;
    keys: readonly string[];
    /** So many of the first win over those behind them. */
    prominent?: number;
  };
  /** Series of the option, by id, that the page draws by itself below the chart: the last lies on top. */
  clouds?: readonly Cloud[];
  /** Boxes that a pointer is in or not, in the units of linear axes or at places of categories; they win over points. */
  areas?: Areas;
  /** Parallel axes: a drag along one tells which part of it is meant. */
  bands?: Bands;
  /** Axes that a brush zooms. */
  zooms?: boolean;
}

/** How every picture looks: parts of an option. */
export const base = (palette: Palette): EChartsOption => ({
  animation: false,
  backgroundColor: "transparent",
  color: [...palette.series],
  textStyle: { color: palette.text, fontFamily: "system-ui, sans-serif" },
  grid: { left: 8, right: 16, top: 14, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "all" },
});

interface AxisOptions {
  name: string;
  palette: Palette;
  format?: (value: number) => string;
}

/** Of numbers; it need not begin at 0. */
export const valueAxis = ({ name, palette, format }: AxisOptions, at: "x" | "y") => ({
  type: "value" as const,
  name,
  nameLocation: at === "x" ? ("middle" as const) : ("end" as const),
  nameGap: at === "x" ? 26 : 12,
  nameTextStyle: { color: palette.soft, align: at === "x" ? ("center" as const) : ("left" as const) },
  scale: true,
  axisLine: { lineStyle: { color: palette.soft } },
  axisLabel: { color: palette.soft, hideOverlap: true, ...(format && { formatter: format }) },
  splitLine: { lineStyle: { color: palette.line } },
});

/** Rounds, across: whole numbers. */
export const roundAxis = (palette: Palette) => ({
  ...valueAxis({ name: "Round", palette, format: (value) => number(value) }, "x"),
  minInterval: 1,
});
