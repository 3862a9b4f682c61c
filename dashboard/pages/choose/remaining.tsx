/** Everything that keeps within the constraints, as a table. */

import { useState } from "preact/hooks";
import { evidenceText } from "../../../shared/evidence.ts";
import type { FrontRow, Search } from "../../app/api.ts";
import type { ObjectiveOf } from "../../app/objectives.ts";
import { addresses } from "../../app/place.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { measured, unitOf, whole } from "../../ui/format.ts";
import { type Column, Table } from "../../ui/table.tsx";

interface RemainingProps {
  search: Search;
  rows: readonly FrontRow[];
  objectives: readonly ObjectiveOf[];
  recommended: string | null;
  onCompare(hash: string): void;
}

const shownAtFirst = 12;

export function Remaining({ search, rows, objectives, recommended, onCompare }: RemainingProps) {
  const [isWhole, setWhole] = useState(false);
  if (rows.length === 0) return null;
  const columns: Column<FrontRow>[] = [
    {
      id: "hash",
      title: "Architecture",
      sortBy: ({ hash }) => hash,
      cell: ({ hash }) => (
        <span class="remaining-name">
          <a href={addresses.architecture(search.id, hash)}>
            <code>{hash}</code>
          </a>
          {hash === recommended && <Badge tone="good">recommended</Badge>}
        </span>
      ),
    },
    ...objectives.map(
      ({ id }): Column<FrontRow> => ({
        id,
        title: unitOf(id).title,
        isNumber: true,
        sortBy: ({ values }) => values[id],
        cell: ({ values }) => measured(id, values[id]),
      }),
    ),
    {
      id: "evidence",
      title: "Rests on",
      sortBy: ({ evidence }) => evidence,
      cell: (row) => evidenceText(row),
    },
    {
      id: "compare",
      title: "Compare",
      cell: ({ hash }) => (
        <Button tone="quiet" aria-label={`Compare with ${hash}`} onClick={() => onCompare(hash)}>
          Compare
        </Button>
      ),
    },
  ];
  return (
    <section class="card" aria-labelledby="remaining-title">
      <h2 id="remaining-title">All that remain</h2>
      <Table
        caption="Architectures within the constraints"
        columns={columns}
        rows={rows}
        most={isWhole ? rows.length : shownAtFirst}
        keyOf={({ hash }) => hash}
        sorting={{ column: "accuracy", isDescending: true }}
        selectedKey={recommended}
      />
      {!isWhole && rows.length > shownAtFirst && (
        <div class="buttons">
          <Button onClick={() => setWhole(true)}>Show all {whole(rows.length)}</Button>
        </div>
      )}
    </section>
  );
}
