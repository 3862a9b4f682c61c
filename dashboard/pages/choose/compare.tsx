/** Two architectures side by side: cells, values with their intervals, what devices measured, and the differences. */

import type { ComponentChildren } from "preact";
import { evidenceText } from "../../../shared/evidence.ts";
import { resolveSpace } from "../../../shared/space.ts";
import { type Architecture, api, type FrontRow, read, type Search } from "../../app/api.ts";
import type { ObjectiveOf } from "../../app/objectives.ts";
import { addresses } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { intervalOf, isWithinNoise } from "../../choice/recommend.ts";
import { intervalText } from "../../choice/words.ts";
import { GenotypeDrawing } from "../../drawing/cell.ts";
import { SelectField } from "../../ui/fields.tsx";
import { measured, missing, number, percent, unitOf } from "../../ui/format.ts";
import type { Change } from "./constraints.tsx";

interface CompareProps {
  search: Search;
  rows: readonly FrontRow[];
  objectives: readonly ObjectiveOf[];
  first: string | null;
  second: string | null;
  onChange: Change;
}

export function Compare({ search, rows, objectives, first, second, onChange }: CompareProps) {
  const rowOf = (hash: string | null) => rows.find((row) => row.hash === hash);
  const [a, b] = [rowOf(first), rowOf(second)];
  const options = [
    { value: "", title: "choose one" },
    ...rows.map((row) => ({ value: row.hash, title: titleOf(row, objectives) })),
  ];
  return (
    <section class="card" aria-labelledby="compare-title">
      <h2 id="compare-title">Compare two</h2>
      <div class="pair">
        <SelectField
          label="First"
          value={a?.hash ?? ""}
          options={options}
          onValue={(value) => onChange({ a: value })}
        />
        <SelectField
          label="Second"
          value={b?.hash ?? ""}
          options={options}
          onValue={(value) => onChange({ b: value })}
        />
      </div>
      {a === undefined || b === undefined ? (
        <p class="hint">Choose two, here or in the picture.</p>
      ) : a.hash === b.hash ? (
        <p class="hint">Both are the same one. Choose another.</p>
      ) : (
        <Sides search={search} a={a} b={b} objectives={objectives} />
      )}
    </section>
  );
}

function titleOf({ hash, values }: FrontRow, objectives: readonly ObjectiveOf[]): string {
  const told = objectives.slice(0, 2).map(({ id }) => measured(id, values[id]));
  return `${hash} (${told.join(", ")})`;
}

interface SidesProps {
  search: Search;
  a: FrontRow;
  b: FrontRow;
  objectives: readonly ObjectiveOf[];
}

function Sides({ search, a, b, objectives }: SidesProps) {
  const space = resolveSpace(search.specification.space);
  const [ofA, ofB] = [useArchitecture(search.id, a.hash), useArchitecture(search.id, b.hash)];
  return (
    <>
      <div class="table">
        <table class="comparison">
          <caption class="visually-hidden">
            {a.hash} and {b.hash}
          </caption>
          <thead>
            <tr>
              <td />
              {[a, b].map(({ hash }) => (
                <th key={hash} scope="col">
                  <a href={addresses.architecture(search.id, hash)}>
                    <code>{hash}</code>
                  </a>
                </th>
              ))}
              <th scope="col">Second against first</th>
            </tr>
          </thead>
          <tbody>
            {objectives.map((objective) => (
              <ObjectiveRow key={objective.id} objective={objective} a={a} b={b} measuredOf={[ofA, ofB]} />
            ))}
            <Line title="Rests on" of={[a, b].map(evidenceText)} />
            <Line
              title="Test accuracy"
              of={[a, b].map(({ testAccuracy }) => measured("accuracy", testAccuracy))}
            />
          </tbody>
        </table>
      </div>
      <div class="pair">
        {[a, b].map(({ hash, genotype }) => (
          <figure key={hash} class="side">
            <figcaption>
              <code>{hash}</code>
            </figcaption>
            <GenotypeDrawing genotype={genotype} space={space} />
          </figure>
        ))}
      </div>
    </>
  );
}

const useArchitecture = (id: string, hash: string): Architecture | undefined =>
  useData(`architecture ${id} ${hash}`, (signal) =>
    read(api.searches[":id"].architectures[":hash"].$get({ param: { id, hash } }, { init: { signal } })),
  ).value;

interface ObjectiveRowProps {
  objective: ObjectiveOf;
  a: FrontRow;
  b: FrontRow;
  measuredOf: readonly (Architecture | undefined)[];
}

function ObjectiveRow({ objective: { id, goal }, a, b, measuredOf }: ObjectiveRowProps) {
  const value = (row: FrontRow, architecture: Architecture | undefined) => (
    <>
      {measured(id, row.values[id])}
      <span class="hint"> {widthText(id, row, architecture)}</span>
    </>
  );
  const [before, after] = [a.values[id], b.values[id]];
  const isKnown = typeof before === "number" && typeof after === "number";
  const difference = isKnown ? after - before : 0;
  const isBetter = goal === "minimize" ? difference < 0 : difference > 0;
  const isNoise = id === "accuracy" && isWithinNoise(a, b) === true;
  const tone = difference === 0 || isNoise ? "" : isBetter ? "better" : "worse";
  return (
    <Line title={unitOf(id).title} of={[value(a, measuredOf[0]), value(b, measuredOf[1])]}>
      {isKnown ? (
        <span class={tone}>
          {differenceText(id, difference, before)}
          {isNoise && <span class="hint"> cannot be told apart</span>}
        </span>
      ) : (
        missing
      )}
    </Line>
  );
}

function differenceText(id: string, difference: number, before: number): string {
  if (difference === 0) return "the same";
  const sign = difference > 0 ? "+" : "−";
  if (id === "accuracy") return `${sign}${number(Math.abs(difference), 2)} points`;
  return before === 0
    ? `${sign}${measured(id, Math.abs(difference))}`
    : `${sign}${percent(Math.abs(difference / before))}`;
}

/** The interval of a value, from its images or from the device's samples. */
function widthText(id: string, row: FrontRow, architecture: Architecture | undefined): string {
  if (row.predicted.includes(id)) return "predicted";
  if (id === "accuracy") return intervalText(id, intervalOf(row));
  const found = architecture?.devices.find(({ device, objective }) => `${objective}.${device}` === id);
  return found === undefined ? "" : intervalText(id, [found.low, found.high]);
}

interface LineProps {
  title: string;
  of: readonly ComponentChildren[];
  children?: ComponentChildren;
}

const Line = ({ title, of: [first, second], children }: LineProps) => (
  <tr>
    <th scope="row">{title}</th>
    <td data-title="First">{first}</td>
    <td data-title="Second">{second}</td>
    <td data-title="Second against first">{children}</td>
  </tr>
);
