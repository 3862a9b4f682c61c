/** What happened in a search, each event a sentence, the newest first and live. */

import { useMemo, useState } from "preact/hooks";
import type { LiveEvent } from "../../../app/liveEvents.ts";
import { useQuery } from "../../../app/place.ts";
import { Button } from "../../../ui/controls.tsx";
import { download } from "../../../ui/download.ts";
import { SelectField } from "../../../ui/fields.tsx";
import { ago, time, whole } from "../../../ui/format.ts";
import { Empty, Loading, StatusCard } from "../../../ui/states.tsx";
import { useLive } from "../live.ts";
import { groupOf, sentenceOf, toneOf } from "../sentences.ts";
import type { ViewProps } from "../views.ts";
import "../events.css";

const pageSize = 100;

export default function EventsView({ search }: ViewProps) {
  const { events, state } = useLive().events;
  const [query, change] = useQuery();
  const [pages, setPages] = useState(1);
  const group = query.get("type") ?? "";
  const groups = useMemo(() => groupsOf(events), [events]);
  const shown = useMemo(
    () => events.filter((event) => group === "" || groupOf(event) === group).toReversed(),
    [events, group],
  );
  if (events.length === 0) return <NoneYet state={state} />;
  const save = () =>
    download(`${search.name} events.json`, JSON.stringify(events, null, 2), "application/json");
  return (
    <section class="card" aria-labelledby="events-title">
      <div class="events-head">
        <h2 id="events-title">Events</h2>
        <SelectField
          label="About"
          value={group}
          options={[
            { value: "", title: `everything (${whole(events.length)})` },
            ...groups.map(([name, count]) => ({ value: name, title: `${name} (${whole(count)})` })),
          ]}
          onValue={(value) => change({ type: value })}
        />
        <Button onClick={save}>Download as JSON</Button>
      </div>
      {state === "waiting" && (
        <p class="hint" role="status">
          Not live at the moment: what happens meanwhile comes once the connection is back.
        </p>
      )}
      {shown.length === 0 ? (
        <Empty title="Nothing of this kind happened">
          <Button onClick={() => change({ type: null })}>Show everything</Button>
        </Empty>
      ) : (
        <ol class="events" reversed start={shown.length} aria-label="Events, newest first">
          {shown.slice(0, pages * pageSize).map((event) => (
            <Line key={event.sequence} event={event} />
          ))}
        </ol>
      )}
      {shown.length > pages * pageSize && (
        <div class="buttons">
          <Button onClick={() => setPages(pages + 1)}>Show older ones</Button>
        </div>
      )}
    </section>
  );
}

function NoneYet({ state }: { state: string }) {
  if (state === "live")
    return (
      <Empty title="Nothing has happened yet">
        <p>Each step of the search shows here at once.</p>
      </Empty>
    );
  if (state === "connecting") return <Loading what="events" lines={5} />;
  return (
    <StatusCard tone="warn" title="The events cannot be followed now">
      <p>
        {state === "refused"
          ? "The edge does not give them to you. Reload the page, or use another token."
          : "The page tries again by itself, and none is lost meanwhile."}
      </p>
    </StatusCard>
  );
}

function groupsOf(events: readonly LiveEvent[]): [group: string, count: number][] {
  const counts = new Map<string, number>();
  for (const event of events) counts.set(groupOf(event), (counts.get(groupOf(event)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}

const Line = ({ event }: { event: LiveEvent }) => (
  <li>
    <span class={`event-dot ${toneOf(event)}`} aria-hidden="true" />
    <span class="event-text">{sentenceOf(event)}</span>
    <span class="event-facts hint">
      <code>{event.type}</code>
      <time dateTime={event.createdAt} title={ago(event.createdAt)}>
        {time(event.createdAt)}
      </time>
    </span>
  </li>
);
