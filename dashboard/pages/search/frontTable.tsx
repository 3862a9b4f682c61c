/** The architectures on the front of all objectives, as a table that sorts and chooses. */

import { useMemo, useState } from "preact/hooks";
import { ParetoFront } from "../../../shared/pareto.ts";
import type { FrontRow } from "../../app/api.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { measured, number, unitOf, whole } from "../../ui/format.ts";
import { type Column, Table } from "../../ui/table.tsx";
import { halfWidth, idOf, type Objective } from "./frontData.ts";

interface FrontTableProps {
  rows: readonly FrontRow[];
  objectives: readonly Objective[];
  /** The two that are drawn. */
  axes: { x: Objective; y: Objective } | null;
  chosen: string | null;
  onChoose(hash: string): void;
}

const firstRows = 50;

export function FrontTable({ rows, objectives, axes, chosen, onChoose }: FrontTableProps) {
  const [isWhole, setWhole] = useState(false);
  const best = useMemo(() => bestOfTwo(rows, axes), [rows, axes && idOf(axes.x), axes && idOf(axes.y)]);
  const columns = columnsOf(rows, objectives, best, onChoose);
  const [first] = objectives;
  const most = isWhole ? rows.length : firstRows;
  return (
    <section class="card" aria-labelledby="front-table">
      <h2 id="front-table">
        {whole(rows.length)} {rows.length === 1 ? "architecture" : "architectures"} on the front
      </h2>
      <Table
        caption="Architectures on the front"
        columns={columns}
        rows={rows}
        most={most}
        keyOf={({ hash }) => hash}
        sorting={
          first === undefined ? undefined : { column: idOf(first), isDescending: first.goal === "maximize" }
        }
        selectedKey={chosen}
      />
      {most < rows.length && (
        <div class="buttons">
          <Button onClick={() => setWhole(true)}>Show all {whole(rows.length)}</Button>
        </div>
      )}
    </section>
  );
}

/** Hashes of those that none beats in the two that are drawn. */
function bestOfTwo(rows: readonly FrontRow[], axes: FrontTableProps["axes"]): ReadonlySet<string> {
  const front = new ParetoFront<string>(2);
  if (axes === null) return new Set();
  for (const { hash, values } of rows) {
    const minimised = [axes.x, axes.y].map((objective) => {
      const value = values[idOf(objective)] ?? Number.NaN;
      return objective.goal === "minimize" ? value : -value;
    });
    front.insert(minimised, hash);
  }
  return new Set(front.entries().map(({ item }) => item));
}

const columnsOf = (
  rows: readonly FrontRow[],
  objectives: readonly Objective[],
  best: ReadonlySet<string>,
  onChoose: (hash: string) => void,
): Column<FrontRow>[] => [
  {
    id: "hash",
    title: "Architecture",
    sortBy: ({ hash }) => hash,
    cell: ({ hash }) => (
      <Button tone="quiet" onClick={() => onChoose(hash)}>
        <code>{hash}</code>
      </Button>
    ),
  },
  ...objectives.map(
    (objective): Column<FrontRow> => ({
      id: idOf(objective),
      title: unitOf(idOf(objective)).title,
      isNumber: true,
      sortBy: ({ values }) => values[idOf(objective)],
      cell: (row) => <Value row={row} id={idOf(objective)} />,
    }),
  ),
  ...(rows.some(({ testAccuracy }) => testAccuracy !== null)
    ? [
        {
          id: "test",
          title: "Test accuracy",
          isNumber: true,
          sortBy: ({ testAccuracy }: FrontRow) => testAccuracy,
          cell: ({ testAccuracy }: FrontRow) => measured("accuracy", testAccuracy),
        },
      ]
    : []),
  {
    id: "standing",
    title: "Of the two drawn",
    sortBy: ({ hash }) => (best.has(hash) ? "best" : "not"),
    cell: ({ hash }) =>
      best.has(hash) ? <Badge tone="good">on the front</Badge> : <span class="hint">beaten</span>,
  },
];

function Value({ row, id }: { row: FrontRow; id: string }) {
  const value = row.values[id];
  const width = halfWidth(row, id);
  if (value == null) return <span class="hint">not measured</span>;
  return (
    <span class="nowrap">
      {measured(id, value)}
      {width !== undefined && <span class="hint"> ± {number(width, 2)}</span>}
      {row.predicted.includes(id) && <span class="hint"> predicted</span>}
    </span>
  );
}
