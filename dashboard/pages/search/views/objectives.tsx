/** All objectives of a search at once: parallel coordinates, filtered along each axis, and the rows that are left. */

import { useEffect, useMemo } from "preact/hooks";
import { api, isFinished, read, type Search } from "../../../app/api.ts";
import { addresses, useQuery } from "../../../app/place.ts";
import { useData } from "../../../app/useData.ts";
import { Legend } from "../../../pictures/legend.tsx";
import { objectivesMarks } from "../../../pictures/marks.ts";
import type { Band } from "../../../pictures/nearest.ts";
import {
  isWithin,
  type ObjectivesData,
  type ObjectivesRow,
  parallelObjectives,
  scalesOf,
} from "../../../pictures/parallelObjectives.ts";
import { type ObjectiveAxis, valueAt } from "../../../pictures/parallelScale.ts";
import { Picture } from "../../../pictures/picture.tsx";
import { Badge, Button } from "../../../ui/controls.tsx";
import { NumberField } from "../../../ui/fields.tsx";
import { measured, missing, unitOf, whole } from "../../../ui/format.ts";
import { Empty, Loaded } from "../../../ui/states.tsx";
import { type Column, Table } from "../../../ui/table.tsx";
import { announce } from "../../../ui/toasts.tsx";
import { idOf } from "../frontData.ts";
import { useCandidates, useLive } from "../live.ts";
import type { ViewProps } from "../views.ts";
import { axesOf, filterNames, rowsOf } from "./objectiveRows.ts";
import "./objectives.css";

const shownRows = 50;
const digits = 4;

export default function ObjectivesView({ id, search }: ViewProps) {
  const { objectives } = search.specification;
  const { sequence } = useLive().events;
  const { all, data: candidates } = useCandidates(id, search);
  const front = useData(
    `whole front ${id}`,
    async (signal) => {
      const query = { limit: 1000 };
      return (await read(api.searches[":id"].front.$get({ param: { id }, query }, { init: { signal } })))
        .data;
    },
    { when: `${sequence} ${search.progress.round} ${search.state}` },
  );
  const ids = useMemo(() => objectives.map(idOf), [JSON.stringify(objectives)]);
  // Worked out once all are there, not with every page of them.
  const rows = useMemo(
    () => (candidates.value === undefined ? [] : rowsOf(all, front.value ?? [], ids)),
    [all, candidates.value, front.value, ids],
  );
  return (
    <Loaded of={candidates} what="objectives" lines={6}>
      {() => (
        <Loaded of={front} what="front" lines={6}>
          {() =>
            rows.length === 0 ? (
              <Nothing search={search} />
            ) : (
              <Objectives id={id} search={search} rows={rows} />
            )
          }
        </Loaded>
      )}
    </Loaded>
  );
}

const Nothing = ({ search }: { search: Search }) => (
  <Empty title="Nothing was measured yet">
    <p>
      {isFinished(search)
        ? "The search ended before its first candidate was measured."
        : "As soon as candidates are measured, each is a line across all objectives here."}
    </p>
  </Empty>
);

interface ObjectivesProps {
  id: string;
  search: Search;
  rows: readonly ObjectivesRow[];
}

function Objectives({ id, search, rows }: ObjectivesProps) {
  const [query, change] = useQuery();
  const { objectives } = search.specification;
  const asked = query.toString();
  const data = useMemo<ObjectivesData>(() => {
    const within = new URLSearchParams(asked);
    return { axes: axesOf(objectives, within), rows, marked: within.get("mark") };
  }, [asked, objectives, rows]);
  const shown = useMemo(() => rows.filter((row) => isWithin(data.axes, row)), [data, rows]);
  useEffect(() => announce(`${shown.length} of ${rows.length} architectures`), [shown.length, rows.length]);
  const onBand = ({ axis: index, from, to }: Band) => {
    const [axis, scale] = [data.axes[index], scalesOf(data)[index]];
    if (axis === undefined || scale === undefined) return;
    const ends = [valueAt(scale, from), valueAt(scale, to)].sort((a, b) => a - b);
    const names = filterNames(axis.id);
    change({ [names.atLeast]: rounded(ends[0]), [names.atMost]: rounded(ends[1]) });
  };
  const isFiltered = data.axes.some(({ atLeast, atMost }) => atLeast !== undefined || atMost !== undefined);
  const showAll = () =>
    change(
      Object.fromEntries(
        data.axes.flatMap(({ id: axis }) => Object.values(filterNames(axis)).map((name) => [name, null])),
      ),
    );
  return (
    <>
      <div class="objectives-picture">
        <Picture
          title="Objectives"
          draw={parallelObjectives}
          data={data}
          onBand={onBand}
          onSelect={(hash) => change({ mark: hash })}
        >
          <Legend marks={objectivesMarks} />
        </Picture>
      </div>
      <section class="card" aria-labelledby="objectives-filter">
        <h2 id="objectives-filter">Filter</h2>
        <p class="hint">Drag along an axis of the picture, or enter the ends here.</p>
        <div class="objectives-filters">
          {data.axes.map((axis) => (
            <Filter key={axis.id} axis={axis} onChange={change} />
          ))}
        </div>
        <div class="buttons">
          <Button disabled={!isFiltered} onClick={showAll}>
            Show all
          </Button>
          <p class="hint">
            {whole(shown.length)} of {whole(rows.length)} architectures
          </p>
        </div>
      </section>
      <Rows id={id} data={data} shown={shown} onMark={(hash) => change({ mark: hash })} />
    </>
  );
}

const rounded = (value: number | undefined): string =>
  value === undefined ? "" : String(Number(value.toPrecision(digits)));

interface FilterProps {
  axis: ObjectiveAxis;
  onChange(values: Record<string, string | null>): void;
}

function Filter({ axis: { id, goal, atLeast, atMost }, onChange }: FilterProps) {
  const { title, unit } = unitOf(id);
  const names = filterNames(id);
  const isEmpty = atLeast !== undefined && atMost !== undefined && atLeast > atMost;
  const set = (name: string) => (value: number | null) =>
    onChange({ [name]: value === null ? null : String(value) });
  return (
    <fieldset class="objectives-filter">
      <legend>
        {title}
        {unit !== "" && ` (${unit})`}{" "}
        <span class="hint">{goal === "maximize" ? "more is better" : "less is better"}</span>
      </legend>
      <NumberField
        label="at least"
        value={atLeast ?? null}
        onValue={set(names.atLeast)}
        problem={isEmpty ? "More than at most: nothing fits." : undefined}
      />
      <NumberField label="at most" value={atMost ?? null} onValue={set(names.atMost)} />
    </fieldset>
  );
}

interface RowsProps {
  id: string;
  data: ObjectivesData;
  shown: readonly ObjectivesRow[];
  onMark(hash: string | null): void;
}

function Rows({ id, data: { axes, marked = null }, shown, onMark }: RowsProps) {
  const columns = useMemo<Column<ObjectivesRow>[]>(
    () => [
      {
        id: "hash",
        title: "Architecture",
        sortBy: ({ hash }) => hash,
        cell: ({ hash, isOnFront }) => (
          <a
            class="objectives-link"
            href={isOnFront ? addresses.architecture(id, hash) : addresses.chosen(id, hash)}
          >
            {hash}
          </a>
        ),
      },
      ...axes.map((axis, index) => ({
        id: axis.id,
        title: unitOf(axis.id).title,
        isNumber: true,
        sortBy: ({ values }: ObjectivesRow) => values[index] ?? null,
        cell: ({ values }: ObjectivesRow) =>
          values[index] == null ? (
            <span class="hint">
              <span aria-hidden="true">{missing}</span>
              <span class="visually-hidden">not measured</span>
            </span>
          ) : (
            measured(axis.id, values[index])
          ),
      })),
      {
        id: "standing",
        title: "Standing",
        sortBy: ({ isOnFront, isFeasible }) => (isOnFront ? 0 : isFeasible ? 1 : 2),
        cell: ({ isOnFront, isFeasible }) => (
          <Badge tone={isOnFront ? "good" : isFeasible ? "calm" : "bad"}>
            {isOnFront ? "on the front" : isFeasible ? "beaten" : "infeasible"}
          </Badge>
        ),
      },
      {
        id: "mark",
        title: "In the picture",
        cell: ({ hash }) => (
          <Button
            tone="quiet"
            aria-pressed={hash === marked}
            aria-label={`Mark ${hash}`}
            onClick={() => onMark(hash === marked ? null : hash)}
          >
            {hash === marked ? "Marked" : "Mark"}
          </Button>
        ),
      },
    ],
    [axes, id, marked, onMark],
  );
  if (shown.length === 0)
    return (
      <Empty title="No architecture is within all ends">
        <p>Widen an end, or show all.</p>
      </Empty>
    );
  return (
    <section class="card" aria-labelledby="objectives-rows">
      <h2 id="objectives-rows">Architectures</h2>
      <Table
        caption="Architectures"
        columns={columns}
        rows={shown}
        most={shownRows}
        keyOf={({ hash }) => hash}
        selectedKey={marked}
      />
      {shown.length > shownRows && (
        <p class="hint">
          The first {shownRows} of {whole(shown.length)}. Sort or filter to see others, or save all as CSV
          below the picture.
        </p>
      )}
    </section>
  );
}
