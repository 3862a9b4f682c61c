/** Rows as aligned columns of plain text; numbers to the right. */

const DECIMALS = 2;
const MOST_DECIMALS = 12;

export type Value = string | number | boolean | null | undefined;

/** @param columns key and heading of each column */
export function textTable(rows: readonly Record<string, Value>[], columns: Record<string, string>): string {
  const keys = Object.keys(columns);
  const decimals = keys.map((key) => decimalsOf(rows.map((row) => row[key])));
  const cells = rows.map((row) => keys.map((key, index) => text(row[key], decimals[index] ?? 0)));
  const widths = keys.map((key, index) =>
    Math.max((columns[key] ?? "").length, ...cells.map((row) => (row[index] ?? "").length)),
  );
  const numeric = keys.map((key) => rows.length > 0 && rows.every((row) => typeof row[key] === "number"));
  const line = (values: readonly string[]) =>
    values
      .map((value, index) =>
        numeric[index] ? value.padStart(widths[index] ?? 0) : value.padEnd(widths[index] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(keys.map((key) => columns[key] ?? "")), ...cells.map(line)].join("\n");
}

/** Of a column: none for whole numbers, else 2, and more where all are below 1 so that they can be told apart. */
function decimalsOf(values: readonly Value[]): number {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.every(Number.isInteger)) return 0;
  const largest = Math.max(...numbers.map(Math.abs));
  if (largest >= 1) return DECIMALS;
  return Math.min(MOST_DECIMALS, DECIMALS + 1 - Math.floor(Math.log10(largest)));
}

function text(value: Value, decimals: number): string {
  if (value === null || value === undefined) return "-";
  if (typeof value !== "number") return String(value);
  return decimals === 0 ? value.toLocaleString("en-US") : value.toFixed(decimals);
}
