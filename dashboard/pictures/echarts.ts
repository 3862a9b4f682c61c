/** Of ECharts, what the pictures are made of. Loaded only where one is drawn; works in Node, too. */

import { BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import {
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  ParallelComponent,
  VisualMapComponent,
} from "echarts/components";
import { type ECharts, init, use } from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";
import type { PictureSpec } from "./spec.ts";

use([
  BarChart,
  CustomChart,
  HeatmapChart,
  LineChart,
  ParallelChart,
  ScatterChart,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  ParallelComponent,
  VisualMapComponent,
  CanvasRenderer,
  SVGRenderer,
]);

export type Chart = ECharts;

export const onCanvas = (element: HTMLElement): Chart => init(element, null, { renderer: "canvas" });

interface Size {
  width: number;
  height: number;
  /** Behind it; nothing without it. */
  ground?: string;
}

/** The picture as the text of an SVG. */
export function asSvg({ option }: PictureSpec, { width, height, ground }: Size): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ ...option, ...(ground && { backgroundColor: ground }) });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** The picture as a PNG of twice the size, in a browser. A chart of its own: drawn elsewhere, one on the page loses points. */
export async function asPng(
  { option }: PictureSpec,
  { width, height, ground = "transparent" }: Size,
): Promise<Blob | null> {
  const size = { width, height, devicePixelRatio: 2 };
  const chart = init(document.createElement("div"), null, { renderer: "canvas", ...size });
  try {
    chart.setOption(option);
    const canvas = chart.renderToCanvas({ pixelRatio: 2, backgroundColor: ground });
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    chart.dispose();
  }
}
