/** What was measured of it: values with their intervals, what each device took, and how both came about. */

import { evidenceText } from "../../../shared/evidence.ts";
import type { Architecture, Search } from "../../app/api.ts";
import { objectivesOf } from "../../app/objectives.ts";
import { intervalOf } from "../../choice/recommend.ts";
import { intervalText } from "../../choice/words.ts";
import { Badge } from "../../ui/controls.tsx";
import { evidenceSentence } from "../../ui/evidence.ts";
import { ago, measured, missing, time, unitOf, whole } from "../../ui/format.ts";
import { type Column, Table } from "../../ui/table.tsx";

interface MeasurementsProps {
  search: Search;
  architecture: Architecture;
}

export function Measurements({ search, architecture }: MeasurementsProps) {
  const { measurements, devices, hash } = architecture;
  const [newest] = measurements;
  if (newest === undefined) return null;
  const { values, evidence, images, predicted, testAccuracy, sharedWeightsAccuracy } = newest;
  const interval = intervalOf({ hash, ...newest });
  return (
    <section class="card" aria-labelledby="measured-title">
      <h2 id="measured-title">What was measured</h2>
      <ul class="values">
        {objectivesOf(search).map(({ id }) => (
          <li key={id}>
            <span class="hint">{unitOf(id).title}</span>
            <strong>{measured(id, values[id])}</strong>
            <span class="hint">
              {noteOf(id, values[id], { interval, isPredicted: predicted.includes(id) })}
            </span>
          </li>
        ))}
        {testAccuracy !== null && (
          <li>
            <span class="hint">Test accuracy</span>
            <strong>{measured("accuracy", testAccuracy)}</strong>
            <span class="hint">fully trained</span>
          </li>
        )}
        {sharedWeightsAccuracy !== null && (
          <li>
            <span class="hint">By shared weights</span>
            <strong>{measured("accuracy", sharedWeightsAccuracy)}</strong>
            <span class="hint">before its short training</span>
          </li>
        )}
      </ul>
      <p class="hint">
        {evidenceSentence(evidence)} {images > 0 && `Measured on ${whole(images)} images.`}
      </p>
      {devices.length > 0 && (
        <>
          <h3>On devices</h3>
          <Table
            caption="Measurements on devices"
            columns={deviceColumns}
            rows={devices}
            keyOf={(row) => devices.indexOf(row)}
            sorting={{ column: "when", isDescending: true }}
          />
        </>
      )}
      <details>
        <summary>History</summary>
        <Table
          caption="Measurements by stage"
          columns={historyColumns(search)}
          rows={measurements}
          keyOf={({ stage }) => stage}
        />
      </details>
    </section>
  );
}

interface Note {
  interval: readonly [number, number] | null;
  isPredicted: boolean;
}

function noteOf(id: string, value: number | null | undefined, { interval, isPredicted }: Note): string {
  if (value == null) return "not measured";
  if (isPredicted) return "predicted";
  return id === "accuracy" ? intervalText(id, interval) : "";
}

type OnDevice = Architecture["devices"][number];

const deviceColumns: readonly Column<OnDevice>[] = [
  { id: "device", title: "Device", sortBy: ({ device }) => device, cell: ({ device }) => device },
  {
    id: "objective",
    title: "Objective",
    sortBy: ({ objective }) => objective,
    cell: ({ objective }) => unitOf(objective).title,
  },
  {
    id: "median",
    title: "Median",
    isNumber: true,
    sortBy: ({ median }) => median,
    cell: ({ objective, median }) => measured(objective, median),
  },
  {
    id: "interval",
    title: "95 % interval",
    isNumber: true,
    cell: ({ objective, low, high }) => intervalText(objective, [low, high]),
  },
  {
    id: "samples",
    title: "Samples",
    isNumber: true,
    sortBy: ({ samples }) => samples,
    cell: ({ samples }) => whole(samples),
  },
  {
    id: "when",
    title: "Measured",
    isNumber: true,
    sortBy: ({ measuredAt }) => measuredAt,
    cell: ({ measuredAt, round }) => (
      <span title={time(measuredAt)}>
        {measuredAt === null ? missing : ago(measuredAt)}
        {round !== null && <span class="hint"> round {whole(round)}</span>}
      </span>
    ),
  },
];

type Measurement = Architecture["measurements"][number];

const historyColumns = (search: Search): Column<Measurement>[] => [
  { id: "stage", title: "Stage", cell: ({ stage }) => `Stage ${stage + 1}` },
  { id: "round", title: "Round", isNumber: true, cell: ({ round }) => whole(round) },
  {
    id: "images",
    title: "Images",
    isNumber: true,
    cell: ({ images }) => (images > 0 ? whole(images) : missing),
  },
  ...objectivesOf(search).map(
    ({ id }): Column<Measurement> => ({
      id,
      title: unitOf(id).title,
      isNumber: true,
      cell: ({ values }) => measured(id, values[id]),
    }),
  ),
  { id: "evidence", title: "Rests on", cell: (row) => evidenceText(row) },
  {
    id: "front",
    title: "Front",
    cell: ({ onFront }) => (onFront ? <Badge tone="good">on it</Badge> : missing),
  },
];
