/** The front with the constraints drawn in: what remains, and what is recommended. */

import { useMemo, useState } from "preact/hooks";
import type { FrontRow } from "../../app/api.ts";
import type { ObjectiveOf } from "../../app/objectives.ts";
import { type Constraint, intervalOf } from "../../choice/recommend.ts";
import { type FrontData, paretoFront } from "../../pictures/paretoFront.ts";
import { Picture } from "../../pictures/picture.tsx";
import { SelectField } from "../../ui/fields.tsx";
import { measured, unitOf } from "../../ui/format.ts";

interface FrontPictureProps {
  rows: readonly FrontRow[];
  remaining: readonly FrontRow[];
  objectives: readonly ObjectiveOf[];
  constraints: readonly Constraint[];
  recommended: string | null;
  onSelect(hash: string): void;
}

export function FrontPicture({
  rows,
  remaining,
  objectives,
  constraints,
  recommended,
  onSelect,
}: FrontPictureProps) {
  const others = objectives.filter(({ id }) => id !== "accuracy");
  const accuracy = objectives.find(({ id }) => id === "accuracy");
  const [across, setAcross] = useState(others[0]?.id ?? "");
  const x = others.find(({ id }) => id === across);
  const limits = JSON.stringify(constraints);
  const data = useMemo((): FrontData | null => {
    if (x === undefined || accuracy === undefined) return null;
    const asked = JSON.parse(limits) as Constraint[];
    const axis = ({ id, goal }: ObjectiveOf) => {
      const limit = asked.find(({ objective }) => objective === id)?.value;
      return { id, goal, ...(limit !== undefined && { limit }) };
    };
    const kept = new Set(remaining.map(({ hash }) => hash));
    const left = rows.filter(({ hash }) => !kept.has(hash));
    return {
      x: axis(x),
      y: axis(accuracy),
      candidates: {
        hash: left.map(({ hash }) => hash),
        x: left.map(({ values }) => values[x.id] ?? null),
        y: left.map(({ values }) => values.accuracy ?? null),
        feasible: left.map(() => true),
      },
      archive: remaining.map((row) => {
        const interval = intervalOf(row);
        return {
          hash: row.hash,
          x: row.values[x.id] ?? null,
          y: row.values.accuracy ?? null,
          isFeasible: true,
          ...(interval !== null && { yWidth: (interval[1] - interval[0]) / 2 }),
        };
      }),
      ...(recommended !== null && { selected: [recommended] }),
    };
  }, [rows, remaining, limits, recommended, x, accuracy]);
  if (data === null) return null;
  const card = (hash: string) => {
    const row = rows.find((other) => other.hash === hash);
    return (
      <div class="point-card">
        <code>{hash}</code>
        {objectives.map(({ id }) => (
          <span key={id}>
            {unitOf(id).title}: <strong>{measured(id, row?.values[id])}</strong>
          </span>
        ))}
      </div>
    );
  };
  return (
    <Picture title="What remains" draw={paretoFront} data={data} onSelect={onSelect} card={card}>
      {others.length > 1 && (
        <SelectField
          label="Across"
          value={across}
          options={others.map(({ id }) => ({ value: id, title: unitOf(id).title }))}
          onValue={setAcross}
        />
      )}
      <p class="hint">
        Click one to compare it with the recommended one. Small dots are ruled out by a constraint.
      </p>
    </Picture>
  );
}
