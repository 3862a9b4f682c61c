/** Which point a pointer means: the nearest within a few pixels. 50,000 are looked at in well under a millisecond. Pure. */

import type { Areas, Bands } from "./spec.ts";

/** From the units of an axis to pixels: `origin + value * scale`. */
export interface Linear {
  origin: number;
  scale: number;
}

export function nearestPoint(
  points: { x: ArrayLike<number>; y: ArrayLike<number>; prominent?: number },
  axes: { x: Linear; y: Linear },
  at: { x: number; y: number },
  withinPixels: number,
): number | null {
  const { prominent = 0 } = points;
  const among = (first: number, end: number): number | null => {
    let best: number | null = null;
    let least = withinPixels ** 2;
    for (let index = first; index < end; index++) {
      const across = axes.x.origin + (points.x[index] ?? Number.NaN) * axes.x.scale - at.x;
      const up = axes.y.origin + (points.y[index] ?? Number.NaN) * axes.y.scale - at.y;
      const distance = across * across + up * up;
      if (distance < least) {
        best = index;
        least = distance;
      }
    }
    return best;
  };
  return among(0, prominent) ?? among(prominent, points.x.length);
}

/** Key of the last area that holds the place: later ones lie on top. A few pixels are added to what is thinner. */
export function areaAt(
  { x, toX, y, toY, keys }: Areas,
  axes: { x: Linear; y: Linear },
  at: { x: number; y: number },
  leastPixels = 8,
): string | null {
  const holds = (axis: Linear, from: number, to: number, place: number): boolean => {
    const [a, b] = [axis.origin + from * axis.scale, axis.origin + to * axis.scale];
    const spare = Math.max(0, (leastPixels - Math.abs(b - a)) / 2);
    return place >= Math.min(a, b) - spare && place <= Math.max(a, b) + spare;
  };
  for (let index = keys.length - 1; index >= 0; index--) {
    const isIn =
      holds(axes.x, x[index] ?? Number.NaN, toX[index] ?? Number.NaN, at.x) &&
      holds(axes.y, y[index] ?? Number.NaN, toY[index] ?? Number.NaN, at.y);
    if (isIn) return keys[index] ?? null;
  }
  return null;
}

export interface Band {
  axis: number;
  /** Shares of the axis from its lower end. */
  from: number;
  to: number;
}

/** The axis nearest to a drag, and the part of it. */
export function bandOf(
  { count, left, right, top, bottom }: Bands,
  size: { width: number; height: number },
  drag: { x: number; y: number; toX: number; toY: number },
): Band {
  const step = (size.width - left - right) / Math.max(1, count - 1);
  const nearest = Math.round(((drag.x + drag.toX) / 2 - left) / step);
  const share = (y: number) =>
    Math.min(1, Math.max(0, (size.height - bottom - y) / (size.height - top - bottom)));
  const [a, b] = [share(drag.y), share(drag.toY)];
  return { axis: Math.min(count - 1, Math.max(0, nearest)), from: Math.min(a, b), to: Math.max(a, b) };
}
