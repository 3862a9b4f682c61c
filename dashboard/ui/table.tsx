/** A table that sorts by its headings. On a narrow screen each row becomes a card. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Column<T> {
  id: string;
  title: string;
  cell(row: T): ComponentChildren;
  /** What it is sorted by; without it the column cannot be. Missing values come last either way. */
  sortBy?: (row: T) => string | number | null | undefined;
  /** For figures: aligned to the right. */
  isNumber?: boolean;
}

export interface Sorting {
  column: string;
  isDescending: boolean;
}

interface TableProps<T> {
  /** Names the table; shown only to screen readers. */
  caption: string;
  columns: readonly Column<T>[];
  rows: readonly T[];
  keyOf(row: T): string | number;
  /** As it is at first, or always where `onSort` is given. */
  sorting?: Sorting | undefined;
  onSort?: (sorting: Sorting) => void;
  selectedKey?: string | number | null;
  /** Of the sorted rows, so many of the first are shown. */
  most?: number;
}

export function Table<T>(props: TableProps<T>) {
  const { caption, columns, rows, keyOf, sorting, onSort, selectedKey, most = rows.length } = props;
  const [own, setOwn] = useState(sorting);
  const current = onSort === undefined ? own : sorting;
  const press = (column: Column<T>) => {
    const isSame = current?.column === column.id;
    const next = {
      column: column.id,
      isDescending: isSame ? !current.isDescending : column.isNumber === true,
    };
    (onSort ?? setOwn)(next);
  };
  const ariaOf = (id: string) => {
    if (current?.column !== id) return "none";
    return current.isDescending ? "descending" : "ascending";
  };
  return (
    <div class="table">
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.id}
                scope="col"
                class={column.isNumber ? "number" : ""}
                {...(column.sortBy && { "aria-sort": ariaOf(column.id) })}
              >
                {column.sortBy ? (
                  <button type="button" class="sort" onClick={() => press(column)}>
                    {column.title}
                    <span aria-hidden="true" class="arrow">
                      {current?.column === column.id ? (current.isDescending ? "↓" : "↑") : ""}
                    </span>
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(rows, columns, current)
            .slice(0, most)
            .map((row) => (
              <tr key={keyOf(row)} class={selectedKey === keyOf(row) ? "selected" : ""}>
                {columns.map((column) => (
                  <td key={column.id} class={column.isNumber ? "number" : ""} data-title={column.title}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

function sorted<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  sorting: Sorting | undefined,
): readonly T[] {
  const sortBy = columns.find(({ id }) => id === sorting?.column)?.sortBy;
  if (sortBy === undefined || sorting === undefined) return rows;
  const sign = sorting.isDescending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: sortBy(row) ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
      if (typeof a.value === "number" && typeof b.value === "number") return sign * (a.value - b.value);
      return sign * String(a.value).localeCompare(String(b.value), "en", { numeric: true });
    })
    .map(({ row }) => row);
}
