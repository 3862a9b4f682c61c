/** A device: what it is, how it is, and for which spaces it was calibrated. */

import { useState } from "preact/hooks";
import { api, read, useCan } from "../../app/api.ts";
import { addresses, go } from "../../app/place.ts";
import { lineOf } from "../../app/problem.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { Button } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { ago, time, whole } from "../../ui/format.ts";
import { Loaded, StatusCard } from "../../ui/states.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Calibrations } from "./calibrations.tsx";
import { DeviceState } from "./deviceState.tsx";
import { Frame } from "./frame.tsx";
import type { Device } from "./types.ts";

const refreshMs = 4000;

export default function DevicePage({ params: { name = "" } }: PageProps) {
  const device = useData(
    `device ${name}`,
    (signal) => read(api.devices[":name"].$get({ param: { name } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  return (
    <Frame part="Devices" title={name} facts={device.value && <DeviceState {...device.value} />}>
      <Loaded of={device} what="device">
        {(value) => <Details device={value} onChange={device.refresh} />}
      </Loaded>
    </Frame>
  );
}

function Details({ device, onChange }: { device: Device; onChange(): void }) {
  const { name, state, problem } = device;
  const mayManage = useCan("searches:write");
  const [isRemoving, setRemoving] = useState(false);
  const release = async () => {
    try {
      await read(api.devices[":name"].release.$post({ param: { name } }));
      toast(`${name} is believed again.`);
    } catch (error) {
      toast(lineOf(error), "bad");
    }
    onChange();
  };
  return (
    <>
      {state === "quarantined" && (
        <StatusCard tone="bad" title="It is not believed any more">
          <p>{problem}</p>
          <p>See to the device; then release it. Searches go on without it meanwhile.</p>
          {mayManage && (
            <div class="buttons">
              <Button tone="main" onClick={release}>
                Release it
              </Button>
            </div>
          )}
        </StatusCard>
      )}
      {state === "active" && problem !== null && (
        <StatusCard tone="warn" title="Something is odd about it">
          <p>{problem}</p>
        </StatusCard>
      )}
      <Facts device={device} />
      <Calibrations device={device} />
      {mayManage && (
        <div class="buttons">
          <Button tone="danger" onClick={() => setRemoving(true)}>
            Remove the device
          </Button>
        </div>
      )}
      <ConfirmDialog
        title={`Remove ${name}?`}
        verb="Remove it"
        isOpen={isRemoving}
        onClose={() => setRemoving(false)}
        onConfirm={async () => {
          await api.devices[":name"].$delete({ param: { name } });
          toast(`${name} is removed.`);
          go(addresses.devices.slice(1));
        }}
      >
        <p>What it was calibrated for goes with it. Searches that name it go on without it.</p>
      </ConfirmDialog>
    </>
  );
}

function Facts({ device }: { device: Device }) {
  const { backend, fingerprint, objectives, url, waiting, createdAt, seenAt, kind } = device;
  const versions = Object.entries(backend.versions).map(([name, version]) => `${name} ${version}`);
  const rows: (readonly [string, string | null])[] = [
    ["Kind", kind === "endpoint" ? "endpoint that is asked" : "device that asks for work"],
    ["Address", url],
    ["Runs", [backend.name, ...versions].join(", ")],
    ["Threads", kind === "endpoint" ? null : whole(backend.threads)],
    ["Platform", fingerprint?.platform ?? null],
    [
      "Processor",
      fingerprint === null ? null : `${fingerprint.processor}, ${whole(fingerprint.cores)} cores`,
    ],
    ["Graphics", fingerprint?.gpu ?? null],
    ["Runtime", fingerprint?.runtime ?? null],
    ["Measures", objectives.map(({ name, unit }) => `${name} in ${unit}`).join(", ")],
    ["Waiting", `${whole(waiting)} ${waiting === 1 ? "task" : "tasks"}`],
    ["Last seen", seenAt === null ? "never" : `${ago(seenAt)}, ${time(seenAt)}`],
    ["Added", time(createdAt)],
  ];
  return (
    <section class="card" aria-label="What it is">
      <dl>
        {rows.flatMap(([name, text]) =>
          text === null ? [] : [<dt key={name}>{name}</dt>, <dd key={`${name} text`}>{text}</dd>],
        )}
      </dl>
    </section>
  );
}
