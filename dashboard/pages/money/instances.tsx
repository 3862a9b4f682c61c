/** Machines that cost money now: what each is, what it has cost so far, and how it is ended. */

import { useEffect, useState } from "preact/hooks";
import { api, read, useCan } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button, StateBadge } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { ago, duration, money, time } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { announce } from "../../ui/toasts.tsx";
import { type Instance, instancesOf, liveInstances } from "./data.ts";

const refreshMs = 10_000;
/** While one ends, somebody waits for it. */
const endingRefreshMs = 2000;
const tickMs = 1000;

interface InstancesProps {
  names: ReadonlyMap<string, string>;
  /** What the machines cost has changed. */
  onChange(): void;
}

export function Instances({ names, onChange }: InstancesProps) {
  const mayStop = useCan("searches:write");
  const [stopped, setStopped] = useState<readonly string[]>([]);
  const [asked, setAsked] = useState<Instance | null>(null);
  const [isEnding, setEnding] = useState(false);
  const instances = useData(
    "instances",
    async (signal) => {
      const live = await liveInstances(signal);
      const gone = stopped.filter((id) => live.every((one) => one.id !== id));
      const all = [...live, ...(await instancesOf(gone, signal))];
      setEnding(all.some(({ state }) => state === "terminating"));
      return all;
    },
    { everyMs: isEnding ? endingRefreshMs : refreshMs, when: stopped },
  );
  const states = instances.value?.map(({ id, state }) => `${id} ${state}`).join();
  useEffect(() => {
    if (states === undefined) return;
    const gone = instances.value?.filter(({ id, state }) => stopped.includes(id) && state === "ended") ?? [];
    if (gone.length > 0) announce("The machine is gone.");
    onChange();
  }, [states]);
  const stop = async ({ id }: Instance) => {
    await read(api.instances[":id"].terminate.$post({ param: { id } }));
    setStopped((before) => [...new Set([...before, id])]);
    announce("The machine is being ended.");
  };
  return (
    <section class="stack" aria-label="Machines">
      <h2>Machines</h2>
      <Loaded of={instances} what="machines">
        {(list) =>
          list.length === 0 ? (
            <Empty title="No machine runs">
              <p>Nothing is rented now, so nothing costs money.</p>
            </Empty>
          ) : (
            <Running
              list={list}
              names={names}
              loadedAt={instances.loadedAt ?? Date.now()}
              onStop={mayStop ? setAsked : null}
            />
          )
        }
      </Loaded>
      <ConfirmDialog
        title="End this machine?"
        verb="End it"
        isOpen={asked !== null}
        onClose={() => setAsked(null)}
        onConfirm={async () => asked !== null && (await stop(asked))}
      >
        <p>
          {`${asked?.gpu} of ${asked?.provider} is given back to the provider now. What it does is begun again elsewhere from the last checkpoint.`}
        </p>
        <p class="hint">
          A search that still runs rents another one. To end that too, pause or cancel the search first.
        </p>
      </ConfirmDialog>
    </section>
  );
}

/** Now, every second while the page is seen. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Until the edge tells again it costs on as it did. */
const spentAt = (
  { state, spentUsd, priceUsdPerHour }: Pick<Instance, "state" | "spentUsd" | "priceUsdPerHour">,
  loadedAt: number,
  now: number,
): number =>
  state === "ended" ? spentUsd : spentUsd + (priceUsdPerHour * Math.max(0, now - loadedAt)) / 3_600_000;

interface RunningProps {
  list: readonly Instance[];
  names: ReadonlyMap<string, string>;
  loadedAt: number;
  onStop: ((instance: Instance) => void) | null;
}

function Running({ list, names, loadedAt, onStop }: RunningProps) {
  const now = useNow();
  const live = list.filter(({ state }) => state !== "ended");
  const perHour = live.reduce((sum, { priceUsdPerHour }) => sum + priceUsdPerHour, 0);
  const sum = list.reduce((total, instance) => total + spentAt(instance, loadedAt, now), 0);
  return (
    <div class="card">
      <p class="money-sum">
        <span>
          <b>{live.length}</b> {live.length === 1 ? "runs" : "run"}
        </span>
        <span>
          <b>{money(perHour)}</b> an hour
        </span>
        <span>
          <b class="ticking">{cents(sum)}</b> so far
        </span>
      </p>
      <Table
        caption="Machines"
        columns={columnsOf({ names, now, loadedAt, onStop })}
        rows={list}
        keyOf={({ id }) => id}
        sorting={{ column: "age", isDescending: false }}
      />
    </div>
  );
}

/** So fine that a second is seen. */
const cents = (usd: number): string => (usd < 100 ? `$${usd.toFixed(4)}` : money(usd));

function columnsOf({
  names,
  now,
  loadedAt,
  onStop,
}: Omit<RunningProps, "list"> & { now: number }): Column<Instance>[] {
  return [
    {
      id: "search",
      title: "Search",
      sortBy: ({ searchId }) => names.get(searchId) ?? searchId,
      cell: ({ searchId, name }) => (
        <div class="money-cell">
          <a href={addresses.search(searchId)}>{names.get(searchId) ?? searchId}</a>
          <span class="hint">{name}</span>
        </div>
      ),
    },
    {
      id: "state",
      title: "State",
      sortBy: ({ state }) => state,
      cell: (instance) => <State instance={instance} />,
    },
    {
      id: "gpu",
      title: "GPU",
      sortBy: ({ gpu }) => gpu,
      cell: ({ gpu, provider, location, interruptible }) => (
        <div class="money-cell">
          <span>{gpu}</span>
          <span class="hint">
            {provider}, {location}
            {interruptible && ", interruptible"}
          </span>
        </div>
      ),
    },
    {
      id: "price",
      title: "An hour",
      isNumber: true,
      sortBy: ({ priceUsdPerHour }) => priceUsdPerHour,
      cell: ({ priceUsdPerHour }) => money(priceUsdPerHour),
    },
    {
      id: "age",
      title: "Age",
      isNumber: true,
      sortBy: ({ launchedAt }) => now - Date.parse(launchedAt),
      cell: ({ launchedAt, endedAt }) => (
        <time dateTime={launchedAt} title={time(launchedAt)}>
          {duration(
            Math.max(0, (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(launchedAt)) / 1000,
          )}
        </time>
      ),
    },
    {
      id: "spent",
      title: "Spent",
      isNumber: true,
      sortBy: ({ spentUsd }) => spentUsd,
      cell: (instance) => (
        <div class="money-cell">
          <span class="ticking">{cents(spentAt(instance, loadedAt, now))}</span>
          <span class="hint">{money(instance.reservedUsd)} set aside</span>
        </div>
      ),
    },
    {
      id: "stop",
      title: "End",
      cell: (instance) => <Stop instance={instance} onStop={onStop} />,
    },
  ];
}

function State({ instance: { state, reason, failure, registeredAt, lastSeenAt } }: { instance: Instance }) {
  const seen =
    state !== "launched"
      ? null
      : registeredAt === null
        ? "its runner has not reported yet"
        : `heard of ${ago(lastSeenAt)}`;
  return (
    <div class="money-cell">
      {state === "terminating" ? (
        <Badge tone="warn">ending</Badge>
      ) : state === "ended" ? (
        <Badge tone="good">gone</Badge>
      ) : (
        <StateBadge state={state} />
      )}
      {(reason ?? seen) !== null && <span class="hint">{reason ?? seen}</span>}
      {failure !== null && (
        <details>
          <summary>What its runner said</summary>
          <pre>{failure}</pre>
        </details>
      )}
    </div>
  );
}

function Stop({ instance, onStop }: { instance: Instance; onStop: RunningProps["onStop"] }) {
  const { state, endedAt, gpu, name } = instance;
  if (state === "ended") return <span class="hint">gone {ago(endedAt)}</span>;
  if (state === "terminating") return <span class="hint">waits for the provider's word</span>;
  if (onStop === null) return <span class="hint">needs searches:write</span>;
  if (state === "launching") return <span class="hint">once it is there</span>;
  return (
    <div class="buttons small">
      <Button tone="danger" onClick={() => onStop(instance)} aria-label={`End ${gpu} ${name}`}>
        End
      </Button>
    </div>
  );
}
