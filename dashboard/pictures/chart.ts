/** A picture's chart in its element, and below it the canvas of its clouds. Loaded and drawn as the picture comes near. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Chart } from "./canvas.ts";
import { rasterOf, withoutClouds } from "./cloud.ts";
import type { Linear } from "./nearest.ts";
import type { PictureSpec } from "./spec.ts";

export interface Range {
  x: [number, number];
  y: [number, number];
}

interface Box {
  x: number;
  y: number;
  toX: number;
  toY: number;
}

interface Places {
  holder: { current: HTMLDivElement | null };
  ground: { current: HTMLCanvasElement | null };
}

/** Loaded before it is on the screen, so that who scrolls finds it drawn. */
const nearPixels = 600;

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

/** The chart once ECharts is there; `show` zooms, null to all. */
export function useChart({ holder, ground }: Places, spec: PictureSpec) {
  const [chart, setChart] = useState<Chart | null>(null);
  const [hasFailed, setFailed] = useState(false);
  const latest = useRef(spec);
  latest.current = spec;
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    let made: Chart | null = null;
    let isGone = false;
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting !== true) return;
        seen.disconnect();
        import("./canvas.ts").then(
          async ({ onCanvas }) => {
            // The first time, each of these takes long: loading, the axes, and what is between them are a frame each.
            await nextFrame();
            if (isGone) return;
            made = onCanvas(element);
            made.setOption({ ...withoutClouds(latest.current), series: [] });
            await nextFrame();
            if (!isGone) setChart(made);
          },
          () => setFailed(true),
        );
      },
      { rootMargin: `${nearPixels}px 0px` },
    );
    seen.observe(element);
    return () => {
      isGone = true;
      seen.disconnect();
      made?.dispose();
    };
  }, [holder]);
  useEffect(() => {
    const element = holder.current;
    if (chart === null || element === null) return;
    chart.setOption(withoutClouds(spec), { notMerge: false, replaceMerge: ["series"] });
    const frame = requestAnimationFrame(() => drawClouds(ground.current, chart, spec));
    const resized = new ResizeObserver(() => {
      if (chart.getWidth() === element.clientWidth && chart.getHeight() === element.clientHeight) return;
      chart.resize();
      drawClouds(ground.current, chart, spec);
    });
    resized.observe(element);
    return () => {
      cancelAnimationFrame(frame);
      resized.disconnect();
    };
  }, [chart, spec, holder, ground]);
  const show = (range: Range | null) => {
    if (chart === null) return;
    for (const axis of ["x", "y"] as const)
      chart.dispatchAction({
        type: "dataZoom",
        dataZoomId: axis,
        ...(range === null
          ? { start: 0, end: 100 }
          : { startValue: range[axis][0], endValue: range[axis][1] }),
      });
    drawClouds(ground.current, chart, spec);
  };
  return { chart, hasFailed, show };
}

function drawClouds(canvas: HTMLCanvasElement | null, chart: Chart, { clouds }: PictureSpec): void {
  const context = canvas?.getContext("2d", { willReadFrequently: true });
  if (canvas === null || context == null) return;
  const ratio = window.devicePixelRatio;
  // Also clears it.
  canvas.width = Math.round(chart.getWidth() * ratio);
  canvas.height = Math.round(chart.getHeight() * ratio);
  const axes = axesOf(chart);
  const area = areaOf(chart);
  if (clouds === undefined || axes === null || area === null) return;
  const inPixels = ({ origin, scale }: Linear) => ({ origin: origin * ratio, scale: scale * ratio });
  const [left, top] = [Math.round(area.x * ratio), Math.round(area.y * ratio)];
  const [width, height] = [Math.round(area.toX * ratio) - left, Math.round(area.toY * ratio) - top];
  if (width < 1 || height < 1) return;
  const pixels = rasterOf(
    clouds,
    { x: inPixels(axes.x), y: inPixels(axes.y) },
    { left, top, width, height },
    ratio,
  );
  context.putImageData(new ImageData(pixels, width, height), left, top);
}

/** Between the axes, to a pixel: ECharts tells only whether a place is in it. */
function areaOf(chart: Chart): Box | null {
  const [x, y] = [Math.round(chart.getWidth() / 2), Math.round(chart.getHeight() / 2)];
  const isIn = (across: number, up: number) => chart.containPixel("grid", [across, up]);
  if (!isIn(x, y)) return null;
  const edge = (inside: number, outside: number, holds: (place: number) => boolean): number => {
    let [last, beyond] = [inside, outside];
    while (Math.abs(beyond - last) > 1) {
      const middle = Math.round((last + beyond) / 2);
      if (holds(middle)) last = middle;
      else beyond = middle;
    }
    return last;
  };
  return {
    x: edge(x, -1, (place) => isIn(place, y)),
    toX: edge(x, chart.getWidth() + 1, (place) => isIn(place, y)),
    y: edge(y, -1, (place) => isIn(x, place)),
    toY: edge(y, chart.getHeight() + 1, (place) => isIn(x, place)),
  };
}

/** Of linear axes; null where there are none. */
export function axesOf(chart: Chart): { x: Linear; y: Linear } | null {
  const [origin, unit] = [
    [0, 0],
    [1, 1],
  ].map((value) => chart.convertToPixel("grid", value));
  if (!Array.isArray(origin) || !Array.isArray(unit)) return null;
  const linear = (at: 0 | 1): Linear => ({
    origin: origin[at] ?? 0,
    scale: (unit[at] ?? 0) - (origin[at] ?? 0),
  });
  return { x: linear(0), y: linear(1) };
}

export function rangeOf(chart: Chart, { x, y, toX, toY }: Box): Range | null {
  const [from, to] = [
    [x, y],
    [toX, toY],
  ].map((pixel) => chart.convertFromPixel("grid", pixel));
  if (!Array.isArray(from) || !Array.isArray(to)) return null;
  const ordered = (at: 0 | 1): [number, number] => {
    const [a = 0, b = 0] = [from[at], to[at]];
    return a < b ? [a, b] : [b, a];
  };
  return { x: ordered(0), y: ordered(1) };
}

/** What is seen now, so many times as wide, around the same middle. */
export function scaled(chart: Chart, factor: number): Range | null {
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  const [x, y] = [width / 2, height / 2];
  const half = { x: (width / 2) * factor * 0.9, y: (height / 2) * factor * 0.9 };
  return rangeOf(chart, { x: x - half.x, y: y - half.y, toX: x + half.x, toY: y + half.y });
}
