/** Of ECharts, what the pictures are made of, and a picture as SVG. Loaded only where one is drawn; works in Node, too. */

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
import { init, use } from "echarts/core";
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

/** With every part that a picture needs. */
export { init };

export interface Size {
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
