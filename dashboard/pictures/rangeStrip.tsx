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

/** As a share of the width; what lies outside is at the end. */
export function shareOf({ minimum, maximum }: { minimum: number; maximum: number }, value: number): number {
  const isLogarithmic = minimum > 0 && value > 0;
  const at = (one: number): number => (isLogarithmic ? Math.log(one) : one);
  const span = at(maximum) - at(minimum);
  const share = span > 0 ? (at(value) - at(minimum)) / span : 0.5;
  return Math.min(1, Math.max(0, share));
}

export function RangeStrip({ range, marks, label }: RangeStripProps) {
  const at = (value: number): string => `${(1 + 98 * shareOf(range, value)).toFixed(2)}%`;
  const limit = marks.find(({ kind }) => kind === "limit");
  return (
    <svg class="range-strip" role="img" aria-label={label}>
      <line class="all" x1="1%" x2="99%" y1="50%" y2="50%" />
      <line class="allowed" x1="1%" x2={limit === undefined ? "99%" : at(limit.value)} y1="50%" y2="50%" />
      <circle class="median" cx={at(range.median)} cy="50%" r={5} />
      {marks.map(({ kind, value }) =>
        kind === "limit" ? (
          <line key={kind} class="limit" x1={at(value)} x2={at(value)} y1="10%" y2="90%" />
        ) : (
          <svg key={kind} class="target" x={at(value)} overflow="visible" aria-hidden="true">
            <polygon points="-6,0 6,0 0,9" />
          </svg>
        ),
      )}
    </svg>
  );
}
