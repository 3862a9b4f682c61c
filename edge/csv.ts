/** Tables as CSV. */

export type CsvCell = string | number | boolean | null | undefined;

/** A line for the header and one for each row; nothing where there is no value. */
export const csvText = (header: readonly string[], rows: readonly (readonly CsvCell[])[]): string =>
  [header, ...rows].map((cells) => `${cells.map(cellText).join(",")}\n`).join("");

function cellText(cell: CsvCell): string {
  const text = String(cell ?? "");
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
