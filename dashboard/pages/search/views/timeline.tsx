/** Who worked on a search and when: rounds, runners, trainings, machines, checkpoints and what went wrong. */

import { useMemo } from "preact/hooks";
import { api, isFinished, read, readAll, type Search, useCan } from "../../../app/api.ts";
import type { LiveEvent } from "../../../app/liveEvents.ts";
import { useData } from "../../../app/useData.ts";
import { Legend } from "../../../pictures/legend.tsx";
import { timelineMarks } from "../../../pictures/marks.ts";
import { Picture } from "../../../pictures/picture.tsx";
import { timeline as drawTimeline, type TimelineData } from "../../../pictures/timeline.ts";
import { Badge } from "../../../ui/controls.tsx";
import { ago, time } from "../../../ui/format.ts";
import { Empty, Loaded } from "../../../ui/states.tsx";
import { type Column, Table } from "../../../ui/table.tsx";
import { refreshOf, useLive } from "../live.ts";
import type { ViewProps } from "../views.ts";
import { type Fault, faultOf } from "./faults.ts";
import { timelineData } from "./timelineData.ts";
import "./timeline.css";

const shownFaults = 200;

export default function TimelineView({ id, search }: ViewProps) {
  const {
    events: { events, sequence },
    rounds,
  } = useLive();
  const mayRead = useCan("searches:read");
  const when = { when: `${sequence} ${search.progress.round}` };
  const everyMs = refreshOf(search);
  const trainings = useData(
    `trainings of ${id}`,
    (signal) =>
      readAll((query) => api.searches[":id"].trainings.$get({ param: { id }, query }, { init: { signal } })),
    { ...when, everyMs },
  );
  const people = useData(
    mayRead ? `runners of ${id}` : null,
    (signal) => read(api.searches[":id"].timeline.$get({ param: { id } }, { init: { signal } })),
    { ...when, everyMs },
  );
  const data = useMemo<TimelineData | null>(() => {
    if (rounds.value === undefined || trainings.value === undefined) return null;
    return timelineData({
      search,
      events,
      series: rounds.value,
      trainings: trainings.value,
      timeline: people.value ?? null,
      nowMs: Date.now(),
    });
  }, [rounds.value, trainings.value, people.value, events, search]);
  return (
    <Loaded<unknown> of={rounds.value === undefined ? rounds : trainings} what="timeline" lines={6}>
      {() =>
        data !== null && (
          <>
            <div class="timeline-picture" style={{ "--lanes": String(data.lanes.length) }}>
              <Timeline data={data} />
            </div>
            {!mayRead && (
              <p class="hint">
                Runners by name, rented machines and checkpoints show with a token of the scope searches:read.
              </p>
            )}
            {data.lanes.length <= 2 && <NobodyYet search={search} />}
            <Faults events={events} />
          </>
        )
      }
    </Loaded>
  );
}

function Timeline({ data }: { data: TimelineData }) {
  const wordsOf = useMemo(() => new Map([...data.bars, ...data.marks].map((one) => [one.key, one])), [data]);
  const card = (key: string) => {
    const one = wordsOf.get(key);
    if (one === undefined) return null;
    return (
      <>
        <strong>{data.lanes[one.lane]}</strong>
        <p class="timeline-words">{one.words}</p>
        <p class="hint">{"atMs" in one ? time(one.atMs) : `${time(one.fromMs)} to ${time(one.toMs)}`}</p>
      </>
    );
  };
  return (
    <Picture title="Timeline" draw={drawTimeline} data={data} card={card}>
      <Legend marks={timelineMarks} />
    </Picture>
  );
}

const NobodyYet = ({ search }: { search: Search }) => (
  <Empty title={isFinished(search) ? "Nobody worked on it" : "Nobody works on it yet"}>
    <p>
      {isFinished(search)
        ? "It ended before a runner took it."
        : "It begins as soon as a runner takes it. Start one on any machine, with a token of the scope runner:"}
    </p>
    {!isFinished(search) && <pre>nasturtium runner</pre>}
  </Empty>
);

interface FaultRow extends Fault {
  sequence: number;
  createdAt: string;
}

const columns: readonly Column<FaultRow>[] = [
  {
    id: "what",
    title: "What",
    sortBy: ({ title }) => title,
    cell: ({ title, isBad }) => (
      <div class="timeline-what">
        <Badge tone={isBad ? "bad" : "warn"}>{isBad ? "fault" : "warning"}</Badge>
        <span>{title}</span>
      </div>
    ),
  },
  {
    id: "when",
    title: "When",
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => (
      <time dateTime={createdAt} title={ago(createdAt)}>
        {time(createdAt)}
      </time>
    ),
  },
  {
    id: "why",
    title: "Why",
    cell: ({ reason }) => (
      <span class="timeline-words">{reason === "" ? "Nothing more was told." : reason}</span>
    ),
  },
  { id: "next", title: "What next", cell: ({ next }) => <span class="timeline-words">{next}</span> },
];

function Faults({ events }: { events: readonly LiveEvent[] }) {
  const rows = useMemo(
    () =>
      events
        .flatMap((event): FaultRow[] => {
          const fault = faultOf(event);
          return fault === null ? [] : [{ ...fault, sequence: event.sequence, createdAt: event.createdAt }];
        })
        .reverse(),
    [events],
  );
  return (
    <section class="card" aria-labelledby="timeline-faults">
      <h2 id="timeline-faults">Faults</h2>
      {rows.length === 0 ? (
        <p>Nothing went wrong so far.</p>
      ) : (
        <Table
          caption="Faults"
          columns={columns}
          rows={rows.slice(0, shownFaults)}
          keyOf={({ sequence }) => sequence}
          sorting={{ column: "when", isDescending: true }}
        />
      )}
    </section>
  );
}
