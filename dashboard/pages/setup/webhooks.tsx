/** Webhooks: the addresses that are told of events. */

import { useState } from "preact/hooks";
import { api, read, readAll } from "../../app/api.ts";
import { addresses, go, useQuery } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ago } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Frame } from "./frame.tsx";
import { useSearches } from "./searchField.tsx";
import { Secret } from "./secret.tsx";
import type { Webhook } from "./types.ts";
import { blankWebhook, WebhookForm } from "./webhookForm.tsx";
import { formatTitles, hostOf } from "./webhookWords.ts";

const refreshMs = 10_000;

export default function WebhooksPage() {
  const [query, change] = useQuery();
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  const webhooks = useData(
    "webhooks",
    (signal) =>
      readAll((page) => api.webhooks.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  const isAdding = query.get("new") !== null;
  const add = () => change({ new: "1" });
  return (
    <Frame
      part="Webhooks"
      actions={
        !isAdding &&
        webhooks.value !== undefined && (
          <Button tone="main" onClick={add}>
            New webhook
          </Button>
        )
      }
    >
      {made !== null && (
        <Secret
          title="The webhook's secret"
          secret={made.secret}
          hint="Whoever receives the events checks their signature with it."
          onDone={() => go(addresses.webhook(made.id).slice(1))}
        />
      )}
      {isAdding && (
        <WebhookForm
          title="New webhook"
          verb="Create the webhook"
          initial={blankWebhook}
          onSubmit={async (json) => {
            const { id, secret } = await read(api.webhooks.$post({ json }));
            setMade({ id, secret });
            change({ new: null });
            webhooks.refresh();
          }}
          onCancel={() => change({ new: null })}
        />
      )}
      <Loaded of={webhooks} what="webhooks">
        {(list) =>
          list.length > 0 ? (
            <Webhooks list={list} />
          ) : isAdding ? null : (
            <Empty title="Nobody is told of anything yet">
              <p>
                A webhook calls an address of yours, or a channel of Slack or Discord, when a search ends, the
                front gets better or money runs out.
              </p>
            </Empty>
          )
        }
      </Loaded>
    </Frame>
  );
}

function Webhooks({ list }: { list: readonly Webhook[] }) {
  const names = new Map(useSearches().map(({ id, name }) => [id, name]));
  return (
    <div class="card">
      <Table caption="Webhooks" columns={columnsOf(names)} rows={list} keyOf={({ id }) => id} />
    </div>
  );
}

const columnsOf = (names: ReadonlyMap<string, string>): readonly Column<Webhook>[] => [
  {
    id: "url",
    title: "Told",
    sortBy: ({ description, url }) => description || url,
    cell: ({ id, url, description }) => (
      <div class="setup-name">
        <a href={addresses.webhook(id)}>{description || hostOf(url)}</a>
        <span class="hint">{url}</span>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    sortBy: ({ enabled }) => Number(enabled),
    cell: ({ enabled, disabledReason }) => (
      <div class="setup-name">
        {enabled ? <Badge tone="good">enabled</Badge> : <Badge tone="warn">disabled</Badge>}
        {disabledReason !== null && <span class="hint">{disabledReason}</span>}
      </div>
    ),
  },
  {
    id: "events",
    title: "Events",
    cell: ({ events, searchId, campaignId }) => (
      <div class="setup-name">
        <span>{events.length === 0 ? "all" : events.join(", ")}</span>
        {searchId !== null && <span class="hint">only of {names.get(searchId) ?? searchId}</span>}
        {campaignId !== null && <span class="hint">only of the campaign {campaignId}</span>}
      </div>
    ),
  },
  {
    id: "format",
    title: "As",
    sortBy: ({ format }) => format,
    cell: ({ format }) => formatTitles[format],
  },
  {
    id: "created",
    title: "Created",
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <time dateTime={createdAt}>{ago(createdAt)}</time>,
  },
];
