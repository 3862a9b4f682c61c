/** Every movement of a search's money, and the same as a file. */

import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { csv, download } from "../../ui/download.ts";
import { money, time } from "../../ui/format.ts";
import { Scrolled } from "../../ui/scrolled.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import { type Entry, ledgerOf } from "./data.ts";

interface LedgerProps {
  /** Null: closed. */
  searchId: string | null;
  name: string;
  onClose(): void;
}

const refreshMs = 15_000;
const shownEntries = 100;

/** What each kind of entry means, for who reads it the first time. */
const kinds: Record<Entry["kind"], { title: string; tone: "calm" | "info" | "good" }> = {
  reserved: { title: "set aside", tone: "calm" },
  accrued: { title: "spent", tone: "info" },
  settled: { title: "by the provider's account", tone: "good" },
};

export function Ledger({ searchId, name, onClose }: LedgerProps) {
  return (
    <Dialog title={`Ledger of ${name}`} isOpen={searchId !== null} onClose={onClose}>
      {searchId !== null && <Entries searchId={searchId} name={name} />}
    </Dialog>
  );
}

function Entries({ searchId, name }: { searchId: string; name: string }) {
  const entries = useData(`ledger ${searchId}`, (signal) => ledgerOf(searchId, signal), {
    everyMs: refreshMs,
  });
  return (
    <Loaded of={entries} what="ledger">
      {(list) => {
        if (list.length === 0) return <Empty title="No movement yet" />;
        const sum = list.reduce((total, { amountUsd }) => total + amountUsd, 0);
        const newest = list.slice(-shownEntries).reverse();
        return (
          <div class="stack">
            <p>
              <b>{money(sum)}</b> spent and set aside, in {list.length}{" "}
              {list.length === 1 ? "entry" : "entries"}
            </p>
            <div class="buttons small">
              <Button onClick={() => download(`ledger-${name}.csv`, ledgerCsv(list), "text/csv")}>
                {list.length > shownEntries ? `All ${list.length} as CSV` : "CSV"}
              </Button>
            </div>
            <Scrolled class="figures" label={`Entries of ${name}`}>
              <Table
                caption="Entries, the newest first"
                rows={newest}
                keyOf={({ id }) => id}
                columns={[
                  { id: "at", title: "When", cell: ({ at }) => time(at) },
                  {
                    id: "kind",
                    title: "What",
                    cell: ({ kind }) => <Badge tone={kinds[kind].tone}>{kinds[kind].title}</Badge>,
                  },
                  { id: "instance", title: "Machine", cell: ({ instanceId }) => instanceId },
                  {
                    id: "amount",
                    title: "Amount",
                    isNumber: true,
                    cell: ({ amountUsd }) => exact(amountUsd),
                  },
                ]}
              />
            </Scrolled>
          </div>
        );
      }}
    </Loaded>
  );
}

/** Cents are too coarse for a minute of a machine. */
const exact = (usd: number): string => `${usd < 0 ? "−" : ""}$${Math.abs(usd).toFixed(4)}`;

const ledgerCsv = (entries: readonly Entry[]): string =>
  csv(
    ["id", "at", "instance", "kind", "amount_usd"],
    entries.map(({ id, at, instanceId, kind, amountUsd }) => [id, at, instanceId, kind, amountUsd]),
  );
