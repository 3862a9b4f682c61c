/** Templates: what can be started again and again, by hand or by a trigger. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses, go, useQuery } from "../../app/place.ts";
import type { Data } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ConfirmDialog, Dialog } from "../../ui/dialog.tsx";
import { TextField } from "../../ui/fields.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Form } from "./form.tsx";
import { TemplateForm } from "./templateForm.tsx";
import type { Template } from "./types.ts";
import { typedValue } from "./values.ts";

interface TemplatesProps {
  templates: Data<Template[]>;
  mayManage: boolean;
}

export function Templates({ templates, mayManage }: TemplatesProps) {
  const [query, change] = useQuery();
  const [deleting, setDeleting] = useState<Template | null>(null);
  const [starting, setStarting] = useState<Template | null>(null);
  const isAdding = query.get("new") === "template";
  return (
    <section class="stack" aria-label="Templates">
      <div class="setup-head">
        <h2>Templates</h2>
        {mayManage && !isAdding && (
          <Button tone="main" onClick={() => change({ new: "template" })}>
            New template
          </Button>
        )}
      </div>
      {isAdding && (
        <TemplateForm
          onMade={(name) => {
            toast(`The template ${name} is stored.`);
            change({ new: null });
            templates.refresh();
          }}
          onCancel={() => change({ new: null })}
        />
      )}
      <Loaded of={templates} what="templates">
        {(list) =>
          list.length > 0 ? (
            <div class="card">
              <Table
                caption="Templates"
                columns={columnsOf(mayManage ? { start: setStarting, delete: setDeleting } : null)}
                rows={list}
                keyOf={({ name }) => name}
              />
            </div>
          ) : isAdding ? null : (
            <Empty title="No template yet">
              <p>Store a specification once, and start it again with other values whenever you like.</p>
            </Empty>
          )
        }
      </Loaded>
      <Dialog
        title={`Start ${starting?.name ?? ""}`}
        isOpen={starting !== null}
        onClose={() => setStarting(null)}
      >
        {starting !== null && <StartForm template={starting} onClose={() => setStarting(null)} />}
      </Dialog>
      <ConfirmDialog
        title={`Delete ${deleting?.name ?? "the template"}?`}
        verb="Delete it"
        isOpen={deleting !== null}
        onClose={() => setDeleting(null)}
        onConfirm={async () => {
          if (deleting === null) return;
          await api.templates[":name"].$delete({ param: { name: deleting.name } });
          toast(`${deleting.name} is deleted.`);
          templates.refresh();
        }}
      >
        <p>What it started stays. A template that a trigger starts cannot be deleted before the trigger.</p>
      </ConfirmDialog>
    </section>
  );
}

interface Actions {
  start(template: Template): void;
  delete(template: Template): void;
}

const columnsOf = (actions: Actions | null): readonly Column<Template>[] => [
  {
    id: "name",
    title: "Name",
    sortBy: ({ name }) => name,
    cell: ({ name, description }) => (
      <div class="setup-name">
        <strong>{name}</strong>
        {description !== "" && <span class="hint">{description}</span>}
      </div>
    ),
  },
  {
    id: "starts",
    title: "Starts",
    cell: ({ campaign }) => (campaign === undefined ? "a search" : "a campaign"),
  },
  {
    id: "placeholders",
    title: "Needs values for",
    cell: ({ placeholders }) =>
      placeholders.length === 0 ? (
        <span class="hint">nothing</span>
      ) : (
        <div class="setup-badges">
          {placeholders.map((name) => (
            <Badge key={name}>{name}</Badge>
          ))}
        </div>
      ),
  },
  {
    id: "actions",
    title: "Actions",
    cell: (template) =>
      actions !== null && (
        <div class="buttons small">
          <Button aria-label={`Start ${template.name}`} onClick={() => actions.start(template)}>
            Start
          </Button>
          <Button
            tone="danger"
            aria-label={`Delete ${template.name}`}
            onClick={() => actions.delete(template)}
          >
            Delete
          </Button>
        </div>
      ),
  },
];

function StartForm({ template, onClose }: { template: Template; onClose(): void }) {
  const { name, placeholders } = template;
  const [texts, setTexts] = useState<Record<string, string>>({});
  const start = async () => {
    const values = Object.fromEntries(placeholders.map((key) => [key, typedValue(texts[key] ?? "")]));
    const started = await read(api.templates[":name"].start.$post({ param: { name }, json: { values } }));
    onClose();
    if ("searches" in started) {
      toast(`A campaign of ${started.searches.length} searches is started.`);
      go(addresses.searches.slice(1));
    } else {
      toast("The search is started.");
      go(addresses.search(started.id).slice(1));
    }
  };
  return (
    <Form
      title="Its values"
      verb="Start it"
      shown={placeholders.map((key) => `/values/${key}`)}
      onSubmit={start}
      onCancel={onClose}
    >
      {(problemOf) =>
        placeholders.length === 0 ? (
          <p>It needs none.</p>
        ) : (
          placeholders.map((key) => (
            <TextField
              key={key}
              label={key}
              problem={problemOf(`/values/${key}`)}
              value={texts[key] ?? ""}
              onValue={(text) => setTexts({ ...texts, [key]: text })}
            />
          ))
        )
      }
    </Form>
  );
}
