/** Triggers, which start a search when a signed request comes in, and the templates that they start. */

import { useState } from "preact/hooks";
import { api, readAll, useCan } from "../../app/api.ts";
import { addresses, go, useQuery } from "../../app/place.ts";
import { type Data, useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ago } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Frame } from "./frame.tsx";
import { Secret } from "./secret.tsx";
import { Templates } from "./templates.tsx";
import { TriggerForm } from "./triggerForm.tsx";
import type { Template, Trigger } from "./types.ts";

const refreshMs = 10_000;

export default function TriggersPage() {
  const mayManage = useCan("searches:write");
  const templates = useData(
    "templates",
    (signal) =>
      readAll((page) => api.templates.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  const triggers = useData(
    "triggers",
    (signal) =>
      readAll((page) => api.triggers.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  return (
    <Frame part="Triggers">
      <p>
        A template is a specification with placeholders. A trigger is an address that starts it, for a push, a
        release or any signed request, within limits that you set.
      </p>
      <Templates templates={templates} mayManage={mayManage} />
      <TriggersPart triggers={triggers} templates={templates.value ?? []} mayManage={mayManage} />
    </Frame>
  );
}

interface TriggersPartProps {
  triggers: Data<Trigger[]>;
  templates: readonly Template[];
  mayManage: boolean;
}

function TriggersPart({ triggers, templates, mayManage }: TriggersPartProps) {
  const [query, change] = useQuery();
  const [made, setMade] = useState<{ id: string; secret: string } | null>(null);
  const isAdding = query.get("new") === "trigger" && templates.length > 0;
  return (
    <section class="stack" aria-label="Triggers">
      <div class="setup-head">
        <h2>Triggers</h2>
        {mayManage && !isAdding && templates.length > 0 && (
          <Button tone="main" onClick={() => change({ new: "trigger" })}>
            New trigger
          </Button>
        )}
      </div>
      {made !== null && (
        <Secret
          title="The trigger's secret"
          secret={made.secret}
          hint="Whoever sends to the trigger signs with it. The trigger's page says where to enter it."
          onDone={() => go(addresses.trigger(made.id).slice(1))}
        />
      )}
      {isAdding && (
        <TriggerForm
          templates={templates}
          onMade={(trigger) => {
            setMade(trigger);
            change({ new: null });
            triggers.refresh();
          }}
          onCancel={() => change({ new: null })}
        />
      )}
      <Loaded of={triggers} what="triggers">
        {(list) =>
          list.length > 0 ? (
            <div class="card">
              <Table caption="Triggers" columns={columns} rows={list} keyOf={({ id }) => id} />
            </div>
          ) : isAdding ? null : (
            <Empty title="Nothing starts a search by itself yet">
              <p>
                {templates.length === 0
                  ? "Make a template first: it says what a trigger starts."
                  : "Make a trigger, then enter its address and secret where the requests come from, such as GitHub."}
              </p>
            </Empty>
          )
        }
      </Loaded>
    </section>
  );
}

const columns: readonly Column<Trigger>[] = [
  {
    id: "name",
    title: "Name",
    sortBy: ({ name }) => name,
    cell: ({ id, name }) => (
      <div class="setup-name">
        <a href={addresses.trigger(id)}>{name}</a>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    sortBy: ({ enabled }) => Number(enabled),
    cell: ({ enabled }) => <Badge tone={enabled ? "good" : "warn"}>{enabled ? "enabled" : "disabled"}</Badge>,
  },
  { id: "template", title: "Starts", sortBy: ({ template }) => template, cell: ({ template }) => template },
  {
    id: "source",
    title: "At",
    cell: ({ source, events = [] }) =>
      source === "github" ? `${events.join(", ").replace("_", " ")} on GitHub` : "any signed request",
  },
  {
    id: "created",
    title: "Created",
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => <time dateTime={createdAt}>{ago(createdAt)}</time>,
  },
];
