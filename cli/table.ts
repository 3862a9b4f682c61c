/** Rows as aligned columns of plain text; numbers to the right. */

export type Value = string | number | boolean | null | undefined;

/** @param columns key and heading of each column */
export function textTable(rows: readonly Record<string, Value>[], columns: Record<string, string>): string {
  const keys = Object.keys(columns);
  const wholes = keys.map((key) =>
    rows.every((row) => typeof row[key] !== "number" || Number.isInteger(row[key])),
  );
  const cells = rows.map((row) => keys.map((key, index) => text(row[key], wholes[index] === true)));
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

function text(value: Value, isWhole: boolean): string {
  if (value === null || value === undefined) return "-";
  if (typeof value !== "number") return String(value);
  return isWhole ? value.toLocaleString("en-US") : value.toFixed(2);
}
