/** One search: what it is doing, what it found, what it costs, and views of how it went. */

import type { ComponentType } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, isFinished, read, type Search } from "../../app/api.ts";
import { addresses, useQuery } from "../../app/place.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { type Events, useEvents } from "../../app/useEvents.ts";
import { Badge, Button, StateBadge, Tabs, type Tone } from "../../ui/controls.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Loaded, Loading, StatusCard } from "../../ui/states.tsx";
import { announce } from "../../ui/toasts.tsx";
import { Actions } from "./actions.tsx";
import { LiveContext, refreshOf, useRounds } from "./live.ts";
import { Overview } from "./overview.tsx";
import { type View, type ViewProps, views } from "./views.ts";
import "./search.css";

export default function SearchPage({ params: { id = "" } }: PageProps) {
  const events = useEvents(id);
  const [everyMs, setEveryMs] = useState<number | undefined>(refreshOf(undefined));
  const search = useData(
    `search ${id}`,
    (signal) => read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })),
    { when: events.sequence, everyMs },
  );
  const { value } = search;
  useEffect(() => setEveryMs(refreshOf(value)), [value?.state]);
  useEffect(() => {
    if (value !== undefined) announce(`The search is ${value.state}`);
  }, [value?.state]);
  const rounds = useRounds(id, value, events.sequence);
  const live = useMemo(() => ({ events, rounds }), [events, rounds.value, rounds.error]);
  return (
    <LiveContext.Provider value={live}>
      <Loaded of={search} what="search" lines={6}>
        {(loaded) => (
          <>
            <PageHead
              title={loaded.name}
              within={[["Searches", addresses.searches]]}
              facts={<Facts search={loaded} state={events.state} />}
            >
              <Actions search={loaded} onChange={search.refresh} />
            </PageHead>
            {loaded.failure !== null && (
              <StatusCard tone="bad" title="The search has failed">
                <p class="said">{loaded.failure}</p>
                <p>What it found until then is below. The events tell what happened before.</p>
              </StatusCard>
            )}
            <Overview search={loaded} />
            <Views id={id} search={loaded} />
          </>
        )}
      </Loaded>
    </LiveContext.Provider>
  );
}

const liveTexts: Record<Events["state"], [tone: Tone, text: string]> = {
  connecting: ["good", "live"],
  live: ["good", "live"],
  waiting: ["warn", "reconnecting"],
  refused: ["bad", "not live"],
};

function Facts({ search, state }: { search: Search; state: Events["state"] }) {
  const [tone, text] = liveTexts[state];
  // Nothing more is waited for once it has ended.
  return (
    <>
      <StateBadge state={search.state} />
      {search.visibility === "public" && <Badge>public</Badge>}
      {!isFinished(search) && <Badge tone={tone}>{text}</Badge>}
    </>
  );
}

function Views({ id, search }: ViewProps) {
  const [query, change] = useQuery();
  const tabs = views.map((view) => ({
    id: view.name,
    title: view.title,
    content: () => <LoadedView key={view.name} view={view} id={id} search={search} />,
  }));
  return (
    <Tabs
      label="Views of the search"
      tabs={tabs}
      selected={query.get("view") ?? views[0]?.name}
      onSelect={(name) => change({ view: name === views[0]?.name ? null : name })}
    />
  );
}

function LoadedView({ view, id, search }: ViewProps & { view: View }) {
  const [loaded, setLoaded] = useState<{ Content?: ComponentType<ViewProps>; hasFailed?: boolean }>({});
  useEffect(() => {
    let isHere = true;
    view.load().then(
      ({ default: Content }) => isHere && setLoaded({ Content }),
      () => isHere && setLoaded({ hasFailed: true }),
    );
    return () => {
      isHere = false;
    };
  }, [view]);
  const { Content, hasFailed } = loaded;
  if (Content !== undefined) return <Content id={id} search={search} />;
  if (hasFailed !== true) return <Loading what={view.title.toLowerCase()} lines={6} />;
  return (
    <StatusCard tone="bad" title="This view could not be loaded">
      <p>The connection is lost, or the edge was updated meanwhile.</p>
      <div class="buttons">
        <Button onClick={() => location.reload()}>Reload</Button>
      </div>
    </StatusCard>
  );
}
