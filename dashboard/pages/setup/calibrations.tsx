/** What a device was calibrated for: how well it is predicted, and over which range; and calibrating it for a search. */

import { useState } from "preact/hooks";
import { api, read, type Search, useCan } from "../../app/api.ts";
import { lineOf } from "../../app/problem.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button, type Tone } from "../../ui/controls.tsx";
import { CheckField, SelectField } from "../../ui/fields.tsx";
import { ago, duration, measured, number, unitOf, whole } from "../../ui/format.ts";
import { Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { useSearches } from "./searchField.tsx";
import { Copied } from "./secret.tsx";
import type { Calibration, Device } from "./types.ts";

const quickMs = 2000;
const slowMs = 10_000;

export function Calibrations({ device }: { device: Device }) {
  const { name, waiting } = device;
  const mayManage = useCan("searches:write");
  const calibrations = useData(
    `calibrations ${name}`,
    (signal) => read(api.devices[":name"].calibrations.$get({ param: { name } }, { init: { signal } })),
    { everyMs: waiting > 0 ? quickMs : slowMs, when: waiting },
  );
  return (
    <section class="card" aria-label="Calibrations">
      <h2>Calibrations</h2>
      <p class="hint">
        Before a search, a device measures the operations of its space. From those the latency of each
        candidate is predicted, so that the device need not measure them all.
      </p>
      {mayManage && device.kind === "pull" && (
        <CalibrateForm name={name} onBegun={() => calibrations.refresh()} />
      )}
      <Loaded of={calibrations} what="calibrations">
        {({ data }) =>
          data.length === 0 ? (
            <p>It is calibrated for nothing yet.</p>
          ) : (
            <div class="stack">
              {data.map((calibration) => (
                <One key={calibration.id} calibration={calibration} />
              ))}
            </div>
          )
        }
      </Loaded>
    </section>
  );
}

const names = (search: Search, device: string): boolean =>
  search.specification.objectives.some((objective) => objective.device === device);

function CalibrateForm({ name, onBegun }: { name: string; onBegun(): void }) {
  const searches = useSearches().filter((search) => names(search, name));
  const [chosen, setChosen] = useState("");
  const [isAgain, setAgain] = useState(false);
  const search = searches.find(({ id }) => id === chosen) ?? searches[0];
  if (search === undefined)
    return (
      <div class="stack">
        <p>No search names it yet. Name it in an objective of a specification:</p>
        <Copied text={`{ name: latency, device: ${name}, goal: minimize }`} what="objective" />
      </div>
    );
  const calibrate = async () => {
    try {
      const answer = await read(
        api.devices[":name"].calibrations.$post({
          param: { name },
          query: { again: isAgain ? "true" : "false" },
          json: search.specification,
        }),
      );
      toast(
        answer.state === "measuring"
          ? `${name} has ${answer.waiting} tasks to measure.`
          : "It was calibrated for this space before.",
      );
    } catch (error) {
      toast(lineOf(error), "bad");
    }
    onBegun();
  };
  return (
    <div class="setup-pair">
      <SelectField
        label="For the space of"
        options={searches.map(({ id, name: title }) => ({ value: id, title }))}
        value={search.id}
        onValue={setChosen}
      />
      <div class="stack">
        <CheckField label="Also where it was calibrated before" checked={isAgain} onValue={setAgain} />
        <div class="buttons">
          <Button onClick={calibrate}>Calibrate</Button>
        </div>
      </div>
    </div>
  );
}

const tones: Record<Calibration["state"], Tone> = {
  measuring: "info",
  ready: "good",
  refused: "warn",
  failed: "bad",
};

interface Row {
  objective: string;
  range: Calibration["ranges"][string] | undefined;
  quality: Calibration["quality"][string];
}

function One({ calibration }: { calibration: Calibration }) {
  const { id, state, failure, waiting, seconds, quality, ranges, createdAt } = calibration;
  const rows: Row[] = Object.entries(quality).map(([objective, value]) => ({
    objective,
    quality: value,
    range: ranges[objective],
  }));
  return (
    <div class="setup-calibration stack">
      <p>
        <Badge tone={tones[state]}>{state}</Badge> begun {ago(createdAt)}
        {state === "measuring" && `, ${whole(waiting)} tasks are left`}
        {seconds !== null && `, took ${duration(seconds)} of the device's time`}
      </p>
      {failure !== null && <p class="said">{failure}</p>}
      {rows.length > 0 && (
        <Table
          caption={`Calibration ${id}`}
          columns={columns}
          rows={rows}
          keyOf={({ objective }) => objective}
        />
      )}
    </div>
  );
}

const columns: readonly Column<Row>[] = [
  {
    id: "objective",
    title: "Objective",
    cell: ({ objective, quality }) => (
      <div class="setup-name">
        <strong>{unitOf(objective).title}</strong>
        <span class="hint">
          {quality.isUsed ? "candidates are predicted" : "predicted too badly: each candidate is measured"}
        </span>
      </div>
    ),
  },
  {
    id: "tau",
    title: "Order kept (Kendall's τ)",
    isNumber: true,
    cell: ({ quality }) => number(quality.kendallTau),
  },
  {
    id: "error",
    title: "Median error",
    isNumber: true,
    cell: ({ quality }) => `${number(quality.medianErrorPercent)} %`,
  },
  {
    id: "networks",
    title: "Checked on",
    isNumber: true,
    cell: ({ quality }) => `${whole(quality.networks)} networks`,
  },
  {
    id: "least",
    title: "Least",
    isNumber: true,
    cell: ({ objective, range }) => measured(objective, range?.minimum),
  },
  {
    id: "median",
    title: "Median",
    isNumber: true,
    cell: ({ objective, range }) => measured(objective, range?.median),
  },
  {
    id: "most",
    title: "Most",
    isNumber: true,
    cell: ({ objective, range }) => measured(objective, range?.maximum),
  },
];
