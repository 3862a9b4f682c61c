/** A slider for each objective, over the values that the front has; what is chosen is in the address. */

import { useEffect } from "preact/hooks";
import type { ObjectiveOf } from "../../app/objectives.ts";
import type { Constraint, Row } from "../../choice/recommend.ts";
import { Button } from "../../ui/controls.tsx";
import { RangeField } from "../../ui/fields.tsx";
import { measured, unitOf, whole } from "../../ui/format.ts";
import { announce } from "../../ui/toasts.tsx";

export type Change = (values: Record<string, string | null>) => void;

const kindOf = ({ goal }: ObjectiveOf): Constraint["kind"] => (goal === "minimize" ? "max" : "min");

/** Of the address: `max_parameters=200000&min_accuracy=90`, as the API takes them. */
export const constraintsOf = (query: URLSearchParams, objectives: readonly ObjectiveOf[]): Constraint[] =>
  objectives.flatMap((objective) => {
    const kind = kindOf(objective);
    const text = query.get(`${kind}_${objective.id}`);
    const value = Number(text);
    return text === null || text.trim() === "" || !Number.isFinite(value)
      ? []
      : [{ objective: objective.id, kind, value }];
  });

interface ConstraintsProps {
  rows: readonly Row[];
  /** How many of them. */
  remaining: number;
  objectives: readonly ObjectiveOf[];
  constraints: readonly Constraint[];
  onChange: Change;
}

export function Constraints({ rows, remaining, objectives, constraints, onChange }: ConstraintsProps) {
  const count = `${whole(remaining)} of ${whole(rows.length)}`;
  useEffect(() => announce(`${count} remain`), [count]);
  const reset = () =>
    onChange(
      Object.fromEntries(objectives.map((objective) => [`${kindOf(objective)}_${objective.id}`, null])),
    );
  return (
    <section class="card constraints" aria-labelledby="constraints-title">
      <h2 id="constraints-title">What it must keep within</h2>
      {objectives.map((objective) => (
        <Slider
          key={objective.id}
          objective={objective}
          rows={rows}
          constraint={constraints.find((constraint) => constraint.objective === objective.id)}
          onChange={onChange}
        />
      ))}
      <p class="remaining">
        <strong>{count}</strong> {rows.length === 1 ? "architecture remains" : "architectures remain"}
      </p>
      {constraints.length > 0 && (
        <div class="buttons">
          <Button onClick={reset}>Remove all constraints</Button>
        </div>
      )}
      <p class="hint">The address keeps them: share it, and others see the same choice.</p>
    </section>
  );
}

interface SliderProps {
  objective: ObjectiveOf;
  rows: readonly Row[];
  constraint: Constraint | undefined;
  onChange: Change;
}

/** Steps through the values that there are, so that each step changes what remains; at its loose end there is no constraint. */
function Slider({ objective, rows, constraint, onChange }: SliderProps) {
  const { id, goal, target } = objective;
  const kind = kindOf(objective);
  const { title } = unitOf(id);
  const given = rows.flatMap(({ values: { [id]: value } }) => value ?? []);
  const values = [...new Set(given)].sort((a, b) => a - b);
  const [lowest, highest] = [values[0], values.at(-1)];
  if (lowest === undefined || highest === undefined)
    return (
      <p class="hint">
        <strong>{title}</strong>: not measured of any yet.
      </p>
    );
  if (lowest === highest)
    return (
      <p class="hint">
        <strong>{title}</strong>: {measured(id, lowest)} of all.
      </p>
    );
  const loose = goal === "minimize" ? values.length - 1 : 0;
  const at = constraint === undefined ? loose : placeOf(values, constraint);
  const unknown = rows.length - given.length;
  const hints = [
    target === undefined ? "" : `The search aimed at ${measured(id, target)}.`,
    unknown === 0 ? "" : `${whole(unknown)} not measured: a constraint leaves them out.`,
  ].filter(Boolean);
  return (
    <RangeField
      label={`${title}, ${goal === "minimize" ? "at most" : "at least"}`}
      min={0}
      max={values.length - 1}
      step={1}
      value={at}
      text={constraint === undefined ? "any" : measured(id, constraint.value)}
      {...(hints.length > 0 && { hint: hints.join(" ") })}
      onValue={(place) =>
        onChange({ [`${kind}_${id}`]: place === loose ? null : String(values[place] ?? "") })
      }
    />
  );
}

/** The last place whose value keeps within, or the tight end. */
function placeOf(values: readonly number[], { kind, value }: Constraint): number {
  const place =
    kind === "max"
      ? values.findLastIndex((other) => other <= value)
      : values.findIndex((other) => other >= value);
  return place >= 0 ? place : kind === "max" ? 0 : values.length - 1;
}
