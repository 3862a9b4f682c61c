/** Devices: what measures networks, how it is, and how another is connected. */

import { useState } from "preact/hooks";
import { api, readAll, useCan } from "../../app/api.ts";
import { addresses, useQuery } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ago, time, whole } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { ConnectDevice } from "./connectDevice.tsx";
import { DeviceState } from "./deviceState.tsx";
import { EndpointForm } from "./endpointForm.tsx";
import { Frame } from "./frame.tsx";
import { Secret } from "./secret.tsx";
import type { Device } from "./types.ts";

const refreshMs = 4000;

export default function DevicesPage() {
  const mayConnect = useCan("admin");
  const mayManage = useCan("searches:write");
  const [query, change] = useQuery();
  const [made, setMade] = useState<{ name: string; secret: string } | null>(null);
  const devices = useData(
    "devices",
    (signal) => readAll((page) => api.devices.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  const adding = query.get("new");
  const close = () => change({ new: null });
  return (
    <Frame
      part="Devices"
      actions={
        adding === null && (
          <>
            {mayConnect && (
              <Button tone="main" onClick={() => change({ new: "device" })}>
                Connect a device
              </Button>
            )}
            {mayManage && <Button onClick={() => change({ new: "endpoint" })}>Add an endpoint</Button>}
          </>
        )
      }
    >
      {made !== null && (
        <Secret
          title={`The secret of ${made.name}`}
          secret={made.secret}
          hint="The endpoint checks with it that requests come from here."
          onDone={() => setMade(null)}
        />
      )}
      {adding === "device" && <ConnectDevice devices={devices.value ?? []} onClose={close} />}
      {adding === "endpoint" && (
        <EndpointForm
          onMade={(endpoint) => {
            setMade(endpoint);
            close();
            devices.refresh();
          }}
          onCancel={close}
        />
      )}
      <Loaded of={devices} what="devices">
        {(list) => <Devices list={list} isAdding={adding !== null} mayConnect={mayConnect} />}
      </Loaded>
    </Frame>
  );
}

interface DevicesProps {
  list: readonly Device[];
  isAdding: boolean;
  mayConnect: boolean;
}

function Devices({ list, isAdding, mayConnect }: DevicesProps) {
  if (list.length > 0)
    return (
      <div class="card">
        <Table caption="Devices" columns={columns} rows={list} keyOf={({ id }) => id} />
      </div>
    );
  if (isAdding) return null;
  return (
    <Empty title="No device measures yet">
      <p>
        A phone, a board or a computer that measures how fast networks really run on it. A search that names
        it finds networks that are quick there.
      </p>
      {!mayConnect && (
        <p class="hint">
          A token with the scope admin connects one; on the device itself `nasturtium device` does, too.
        </p>
      )}
    </Empty>
  );
}

const columns: readonly Column<Device>[] = [
  {
    id: "name",
    title: "Name",
    sortBy: ({ name }) => name,
    cell: ({ name, fingerprint, url }) => (
      <div class="setup-name">
        <a href={addresses.device(name)}>{name}</a>
        <span class="hint">{fingerprint === null ? url : (fingerprint.gpu ?? fingerprint.processor)}</span>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    sortBy: ({ state, problem }) => (state === "quarantined" ? 2 : problem === null ? 0 : 1),
    cell: (device) => (
      <div class="setup-name">
        <DeviceState {...device} />
        {device.problem !== null && <span class="hint">{device.problem}</span>}
      </div>
    ),
  },
  {
    id: "backend",
    title: "Runs",
    sortBy: ({ backend }) => backend.name,
    cell: ({ backend }) => backend.name,
  },
  {
    id: "objectives",
    title: "Measures",
    cell: ({ objectives }) => (
      <div class="setup-badges">
        {objectives.map(({ name, unit }) => (
          <Badge key={name}>
            {name}, {unit}
          </Badge>
        ))}
      </div>
    ),
  },
  {
    id: "waiting",
    title: "Waiting",
    isNumber: true,
    sortBy: ({ waiting }) => waiting,
    cell: ({ waiting }) => whole(waiting),
  },
  {
    id: "seen",
    title: "Last seen",
    sortBy: ({ seenAt }) => seenAt,
    cell: ({ seenAt, kind }) =>
      seenAt === null ? (
        <span class="hint">{kind === "endpoint" ? "not asked yet" : "never"}</span>
      ) : (
        <time dateTime={seenAt} title={time(seenAt)}>
          {ago(seenAt)}
        </time>
      ),
  },
];
