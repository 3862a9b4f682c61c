/** Where the values of a space lie, with what is asked of them: a line from the least to the most, on a logarithmic scale. */

export interface Mark {
  kind: "target" | "limit";
  value: number;
}

interface RangeStripProps {
  range: { minimum: number; median: number; maximum: number };
  marks: readonly Mark[];
  /** All of it in words. */
  label: string;
}

const [width, height] = [300, 30];
const [edge, middle] = [10, 15];

/** Horizontal place of a value; what lies outside is drawn at the end. */
export function placeOn({ minimum, maximum }: { minimum: number; maximum: number }, value: number): number {
  const isLogarithmic = minimum > 0 && value > 0;
  const at = (one: number): number => (isLogarithmic ? Math.log(one) : one);
  const span = at(maximum) - at(minimum);
  const share = span > 0 ? (at(value) - at(minimum)) / span : 0.5;
  return edge + Math.min(1, Math.max(0, share)) * (width - 2 * edge);
}

export function RangeStrip({ range, marks, label }: RangeStripProps) {
  const limit = marks.find(({ kind }) => kind === "limit");
  const allowed = limit === undefined ? width - edge : placeOn(range, limit.value);
  return (
    <svg class="range-strip" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <line class="all" x1={edge} x2={width - edge} y1={middle} y2={middle} />
      <line class="allowed" x1={edge} x2={allowed} y1={middle} y2={middle} />
      <circle class="median" cx={placeOn(range, range.median)} cy={middle} r={5} />
      {marks.map(({ kind, value }) => {
        const x = placeOn(range, value);
        return kind === "limit" ? (
          <line key={kind} class="limit" x1={x} x2={x} y1={3} y2={height - 3} />
        ) : (
          <polygon key={kind} class="target" points={`${x - 6},2 ${x + 6},2 ${x},11`} />
        );
      })}
    </svg>
  );
}
