/** The figures of a picture as a table, made when it is opened. */

import { useState } from "preact/hooks";
import { Button } from "../ui/controls.tsx";
import { csv, download } from "../ui/download.ts";
import { Scrolled } from "../ui/scrolled.tsx";
import type { PictureSpec } from "./spec.ts";

const shownRows = 100;

interface FiguresProps {
  title: string;
  spec: PictureSpec;
  onSelect: ((key: string) => void) | undefined;
}

export function Figures({ title, spec: { table }, onSelect }: FiguresProps) {
  const [isOpen, setOpen] = useState(false);
  const { columns, keys } = table;
  // Of many rows it takes long to make them: only where they are wanted.
  const rows = isOpen ? table.rows : [];
  const save = () => download(`${title.toLowerCase()}.csv`, csv(columns, rows), "text/csv");
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The figures as a table</summary>
      {isOpen && (
        <div class="stack">
          <Scrolled class="figures" label={`Figures: ${title}`}>
            <table>
              <thead>
                <tr>
                  {columns.map((column) => (
                    <th key={column} scope="col">
                      {column}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, shownRows).map((row, index) => (
                  <tr key={keys?.[index] ?? index}>
                    {row.map((cell, column) => (
                      <td key={columns[column]}>
                        {column === 0 && keys?.[index] !== undefined && onSelect !== undefined ? (
                          <Button tone="quiet" onClick={() => onSelect(keys[index] ?? "")}>
                            {cell}
                          </Button>
                        ) : (
                          cell
                        )}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </Scrolled>
          <div class="buttons small">
            <Button tone="quiet" onClick={save}>
              {rows.length > shownRows ? `All ${rows.length} rows as CSV` : "CSV"}
            </Button>
          </div>
        </div>
      )}
    </details>
  );
}
