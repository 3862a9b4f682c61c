/** What was delivered to a trigger: what each started, or why it started nothing. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button, type Tone } from "../../ui/controls.tsx";
import { ago, time } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { useSearches } from "./searchField.tsx";
import type { TriggerDelivery } from "./types.ts";

const refreshMs = 4000;
const pageSize = 50;

export function TriggerDeliveries({ id }: { id: string }) {
  const [pages, setPages] = useState(1);
  const deliveries = useData(`trigger deliveries ${id}`, (signal) => load(id, pages, signal), {
    everyMs: refreshMs,
    when: pages,
  });
  const searches = useSearches(deliveries.value?.list[0]?.deliveryId);
  const names = new Map(searches.map(({ id: searchId, name }) => [searchId, name]));
  return (
    <section class="card" aria-label="Deliveries">
      <h2>Deliveries of the last 90 days</h2>
      <Loaded of={deliveries} what="deliveries">
        {({ list, hasMore }) =>
          list.length === 0 ? (
            <Empty title="Nothing was delivered yet">
              <p>
                Once the sender is set up, what it delivers shows here. A wrong signature is refused and not
                listed.
              </p>
            </Empty>
          ) : (
            <>
              <Table
                caption="Deliveries"
                columns={columnsOf(names)}
                rows={list}
                keyOf={({ deliveryId }) => deliveryId}
              />
              {hasMore && (
                <div class="buttons">
                  <Button onClick={() => setPages(pages + 1)}>Show older ones</Button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

async function load(
  id: string,
  pages: number,
  signal: AbortSignal,
): Promise<{ list: TriggerDelivery[]; hasMore: boolean }> {
  const list: TriggerDelivery[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const query: { limit: number; cursor?: string } = { limit: pageSize, ...(cursor !== null && { cursor }) };
    const { data, nextCursor } = await read(
      api.triggers[":id"].deliveries.$get({ param: { id }, query }, { init: { signal } }),
    );
    list.push(...data);
    cursor = nextCursor;
    if (cursor === null) break;
  }
  return { list, hasMore: cursor !== null };
}

const tones: Record<TriggerDelivery["state"], Tone> = {
  started: "good",
  ignored: "calm",
  refused: "warn",
  invalid: "bad",
};

const columnsOf = (names: ReadonlyMap<string, string>): readonly Column<TriggerDelivery>[] => [
  {
    id: "event",
    title: "Event",
    cell: ({ event, deliveryId }) => (
      <div class="setup-name">
        <strong>{event ?? "request"}</strong>
        <span class="hint">{deliveryId}</span>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    cell: ({ state }) => <Badge tone={tones[state]}>{state}</Badge>,
  },
  {
    id: "result",
    title: "What came of it",
    cell: ({ searchId, campaignId, reason }) => (
      <div class="setup-name">
        {searchId !== null && <a href={addresses.search(searchId)}>{names.get(searchId) ?? searchId}</a>}
        {campaignId !== null && <span>the campaign {campaignId}</span>}
        {reason !== null && <span>{reason}</span>}
      </div>
    ),
  },
  {
    id: "created",
    title: "Delivered",
    cell: ({ createdAt }) => (
      <time dateTime={createdAt} title={time(createdAt)}>
        {ago(createdAt)}
      </time>
    ),
  },
];
