/** A line as small as a word. */

import { number } from "../ui/format.ts";

interface SparklineProps {
  values: readonly number[];
  /** What it is of, for who does not see it. */
  label: string;
  width?: number;
  height?: number;
}

export function Sparkline({ values, label, width = 96, height = 28 }: SparklineProps) {
  const known = values.filter(Number.isFinite);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const inset = 3;
  const x = (index: number) => inset + (index / Math.max(1, known.length - 1)) * (width - 2 * inset);
  const y = (value: number) =>
    high === low ? height / 2 : height - inset - ((value - low) / (high - low)) * (height - 2 * inset);
  const line = known.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const end = x(known.length - 1);
  return (
    <svg
      class="sparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={`${label}: from ${number(first)} to ${number(last)}`}
    >
      <polygon points={`${inset},${height} ${line} ${end.toFixed(1)},${height}`} />
      <polyline points={line} />
      <circle cx={end} cy={y(last)} r={2.5} />
    </svg>
  );
}
