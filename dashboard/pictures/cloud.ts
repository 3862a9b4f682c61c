/**
 * Many thousands of points as pixels: squares of one colour laid over each other, so that how many there are shows in how
 * dark it is. A chart takes a second for 50,000 of them, this a few milliseconds. Pure.
 */

import type { Linear } from "./nearest.ts";
import type { Cloud, PictureSpec } from "./spec.ts";

/** Pixels of the plot's area. */
export interface Raster {
  /** Of its upper left corner. */
  left: number;
  top: number;
  width: number;
  height: number;
}

/**
 * @param axes from their units to the same pixels as the raster's
 * @param ratio pixels of the raster to one of the page
 * @returns red, green, blue and opacity of each pixel, row by row
 */
export function rasterOf(
  clouds: readonly Cloud[],
  axes: { x: Linear; y: Linear },
  { left, top, width, height }: Raster,
  ratio: number,
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width * height);
  const counts = new Uint16Array(width * height);
  for (const cloud of clouds) {
    const side = Math.max(1, Math.round(cloud.size * ratio));
    for (let index = 0; index + 1 < cloud.pairs.length; index += 2) {
      const x = axes.x.origin + (cloud.pairs[index] ?? Number.NaN) * axes.x.scale - left;
      const y = axes.y.origin + (cloud.pairs[index + 1] ?? Number.NaN) * axes.y.scale - top;
      if (!(x >= 0 && x <= width && y >= 0 && y <= height)) continue;
      countSquare(counts, Math.round(x - side / 2), Math.round(y - side / 2), side, width, height);
    }
    lay(pixels, counts, cloud);
    counts.fill(0);
  }
  return pixels;
}

function countSquare(
  counts: Uint16Array,
  x: number,
  y: number,
  side: number,
  width: number,
  height: number,
): void {
  const [endX, endY] = [Math.min(width, x + side), Math.min(height, y + side)];
  for (let row = Math.max(0, y); row < endY; row++)
    for (let at = row * width + Math.max(0, x); at < row * width + endX; at++)
      counts[at] = Math.min(most, (counts[at] ?? 0) + 1);
}

/** More of them on one pixel look no darker. */
const most = 255;

/** Over what is there, as often as the pixel was counted. */
function lay(pixels: Uint8ClampedArray, counts: Uint16Array, { color, opacity }: Cloud): void {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  const opacities = Float64Array.from({ length: most + 1 }, (_, count) => 1 - (1 - opacity) ** count);
  for (let index = 0; index < counts.length; index++) {
    const over = opacities[counts[index] ?? 0] ?? 0;
    if (over === 0) continue;
    const at = 4 * index;
    const under = ((pixels[at + 3] ?? 0) / 255) * (1 - over);
    const share = over / (over + under);
    pixels[at] = red * share + (pixels[at] ?? 0) * (1 - share);
    pixels[at + 1] = green * share + (pixels[at + 1] ?? 0) * (1 - share);
    pixels[at + 2] = blue * share + (pixels[at + 2] ?? 0) * (1 - share);
    pixels[at + 3] = 255 * (over + under);
  }
}

/** What a chart draws where the page draws the clouds: of each only its corners, unseen, so that the axes are the same. */
export function withoutClouds({ option, clouds }: PictureSpec): PictureSpec["option"] {
  const ids = new Map(clouds?.map((cloud) => [cloud.id, cloud]));
  if (ids.size === 0 || !Array.isArray(option.series)) return option;
  const series = option.series.map((one) => {
    const cloud = ids.get(String(one.id));
    if (cloud === undefined) return one;
    return { id: cloud.id, type: "scatter" as const, silent: true, symbol: "none", data: cornersOf(cloud) };
  });
  return { ...option, series };
}

function cornersOf({ pairs }: Cloud): [number, number][] {
  if (pairs.length === 0) return [];
  const [low, high] = [
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ] as [[number, number], [number, number]];
  for (let index = 0; index < pairs.length; index++) {
    const axis = index % 2 === 0 ? 0 : 1;
    const value = pairs[index] ?? Number.NaN;
    low[axis] = Math.min(low[axis], value);
    high[axis] = Math.max(high[axis], value);
  }
  return [low, high];
}
