/** Pictures on a canvas, in a browser. */

import type { ECharts } from "echarts/core";
import { init, type Size } from "./echarts.ts";
import type { PictureSpec } from "./spec.ts";

export type Chart = ECharts;

export const onCanvas = (element: HTMLElement): Chart => init(element, null, { renderer: "canvas" });

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
