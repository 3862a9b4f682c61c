/** Data of one's own and how it is pushed, and the providers that machines can be rented from. */

import { useState } from "preact/hooks";
import { api, readAll, useCan } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { ago, bytes, time, whole } from "../../ui/format.ts";
import { Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Frame } from "./frame.tsx";
import { Providers } from "./providers.tsx";
import { Copied } from "./secret.tsx";
import type { DataSet } from "./types.ts";

const refreshMs = 5000;

export default function DataPage() {
  const mayManage = useCan("searches:write");
  const [deleting, setDeleting] = useState<DataSet | null>(null);
  const datasets = useData(
    "datasets",
    (signal) =>
      readAll((page) => api.datasets.$get({ query: { ...page, limit: 200 } }, { init: { signal } })),
    { everyMs: refreshMs },
  );
  return (
    <Frame part="Data and providers">
      <section class="stack" aria-label="Data sets">
        <h2>Data of your own</h2>
        <Loaded of={datasets} what="data sets">
          {(list) => (
            <>
              {list.length > 0 && (
                <div class="card">
                  <Table
                    caption="Data sets"
                    columns={columnsOf(mayManage ? setDeleting : null)}
                    rows={list}
                    keyOf={({ name }) => name}
                  />
                </div>
              )}
              <HowToPush isFirst={list.length === 0} />
            </>
          )}
        </Loaded>
      </section>
      <Providers />
      <ConfirmDialog
        title={`Delete ${deleting?.name ?? "the data"}?`}
        verb="Delete it"
        isOpen={deleting !== null}
        onClose={() => setDeleting(null)}
        onConfirm={async () => {
          if (deleting === null) return;
          await api.datasets[":name"].$delete({ param: { name: deleting.name } });
          toast(`${deleting.name} is deleted.`);
          datasets.refresh();
        }}
      >
        <p>Searches that are over keep their results. Data that one still trains on is not deleted.</p>
      </ConfirmDialog>
    </Frame>
  );
}

const HowToPush = ({ isFirst }: { isFirst: boolean }) => (
  <section class="card" aria-label="How to push data">
    <h2>{isFirst ? "Push the first data" : "Push more"}</h2>
    <p>
      CIFAR-10, CIFAR-100 and Fashion-MNIST are built in. Push a folder of labelled images, or a table of
      architectures that are measured already, from the computer that has it, with a token of the scope
      searches:write in NASTURTIUM_TOKEN.
    </p>
    <ol class="setup-steps stack">
      <li>
        See what is read; nothing is sent:
        <Copied text="nasturtium data check FOLDER" what="command" />
      </li>
      <li>
        Push it under a name. If the line breaks, the same command sends only the rest:
        <Copied text={`nasturtium data push FOLDER --name NAME --edge ${location.origin}`} what="command" />
      </li>
      <li>
        Name it in a specification:
        <Copied text="dataset: { name: NAME }" what="field" />
      </li>
    </ol>
  </section>
);

const contentOf = (row: DataSet): string => {
  if (row.kind === "table") return `${whole(row.rows)} rows, ${whole(row.columns)} columns`;
  const { height, width, channels } = row.image;
  const colours = channels === 1 ? "grey" : channels === 3 ? "in colour" : `${channels} channels`;
  return `${whole(row.trainImages)} images to train, ${whole(row.testImages)} to test; ${width}×${height}, ${colours}, ${whole(row.classes)} classes`;
};

const columnsOf = (onDelete: ((row: DataSet) => void) | null): readonly Column<DataSet>[] => [
  {
    id: "name",
    title: "Name",
    sortBy: ({ name }) => name,
    cell: ({ name, kind }) => (
      <div class="setup-name">
        <strong>{name}</strong>
        <span class="hint">{kind}</span>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    sortBy: ({ state }) => state,
    cell: ({ state }) =>
      state === "complete" ? (
        <Badge tone="good">complete</Badge>
      ) : (
        <div class="setup-name">
          <Badge tone="info">uploading</Badge>
          <span class="hint">The same push goes on with the rest.</span>
        </div>
      ),
  },
  { id: "content", title: "Holds", cell: contentOf },
  {
    id: "bytes",
    title: "Size",
    isNumber: true,
    sortBy: ({ bytes: size }) => size,
    cell: ({ bytes: size }) => bytes(size),
  },
  {
    id: "created",
    title: "Pushed",
    sortBy: ({ createdAt }) => createdAt,
    cell: ({ createdAt }) => (
      <time dateTime={createdAt} title={time(createdAt)}>
        {ago(createdAt)}
      </time>
    ),
  },
  {
    id: "actions",
    title: "Actions",
    cell: (row) =>
      onDelete !== null && (
        <div class="buttons small">
          <Button tone="danger" aria-label={`Delete ${row.name}`} onClick={() => onDelete(row)}>
            Delete
          </Button>
        </div>
      ),
  },
];
