/** Everything that was pruned, as a table: when, where, what, and why. */

import type { Policy } from "../../../app/api.ts";
import { Badge } from "../../../ui/controls.tsx";
import { operationName, percent, whole } from "../../../ui/format.ts";
import { type Column, Table } from "../../../ui/table.tsx";
import type { Pruning } from "./policySteps.ts";

interface Row extends Pruning {
  key: string;
  edge: string;
}

const columns: readonly Column<Row>[] = [
  {
    id: "edge",
    title: "Edge",
    sortBy: ({ kind, position }) => `${kind} ${position}`,
    cell: ({ kind, edge }) => `${kind} ${edge}`,
  },
  {
    id: "dropped",
    title: "Pruned",
    cell: ({ dropped, reasons, probabilities }) => (
      <ul class="policy-dropped">
        {dropped.map((name) => (
          <li key={name}>
            <s>{operationName(name)}</s> <span class="hint">{percent(probabilities[name])}</span>{" "}
            <Badge tone={reasons[name] === "evidence" ? "bad" : "calm"}>{reasons[name] ?? "unknown"}</Badge>
          </li>
        ))}
        {dropped.length === 0 && <li class="hint">nothing</li>}
      </ul>
    ),
  },
  {
    id: "kept",
    title: "Kept",
    cell: ({ kept, protected: held }) => (
      <>
        {kept.map(operationName).join(", ")}
        {held.length > 0 && (
          <span class="hint"> — {held.map(operationName).join(", ")} because the front uses it</span>
        )}
      </>
    ),
  },
];

/** More are shown when asked for. */
const openRows = 6;

function titleOf(rows: readonly Row[]): string {
  const dropped = rows.reduce((sum, row) => sum + row.dropped.length, 0);
  const proved = rows
    .flatMap(({ reasons }) => Object.values(reasons))
    .filter((why) => why === "evidence").length;
  const [{ stage, round } = { stage: 0, round: 0 }] = rows;
  return `After stage ${stage + 1}, round ${whole(round)}: ${whole(dropped)} operations on ${whole(rows.length)} edges, ${whole(proved)} of them by evidence`;
}

export function Prunings({ policy: { prunings, cells } }: { policy: Policy }) {
  const rows = prunings.map((pruning): Row => {
    const edge = cells[pruning.kind]?.find(({ position }) => position === pruning.position);
    const name = edge === undefined ? `${pruning.position + 1}` : `${edge.from} → ${edge.to}`;
    return { ...pruning, key: `${pruning.round} ${pruning.kind} ${pruning.position}`, edge: name };
  });
  return (
    <section class="card" aria-labelledby="policy-prunings">
      <h2 id="policy-prunings">Prunings</h2>
      {rows.length === 0 ? (
        <p>
          Nothing was pruned so far. Where a stage of the schedule ends with a drop, the least promising
          operations of each edge go.
        </p>
      ) : (
        <>
          <p class="hint">
            Evidence: measured worse than the others of its edge in every direction. Schedule: the stage's end
            took so many, and these were the least promising.
          </p>
          {[...Map.groupBy(rows, ({ round }) => round)].reverse().map(([round, list]) => (
            <details key={round} open={list.length <= openRows}>
              <summary>{titleOf(list)}</summary>
              <Table
                caption={`Prunings after round ${round}`}
                columns={columns}
                rows={list}
                keyOf={({ key }) => key}
              />
            </details>
          ))}
        </>
      )}
    </section>
  );
}
