/** Budgets: of the deployment, and of each search with what its money bought. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses } from "../../app/place.ts";
import { type Data, useData } from "../../app/useData.ts";
import { Badge, Button, LinkButton } from "../../ui/controls.tsx";
import { missing, money, whole } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { Table } from "../../ui/table.tsx";
import type { Deployment, SearchBudget, Spending } from "./data.ts";
import { UsedBar } from "./usedBar.tsx";

/** So many at a time: each is asked for what it bought. */
const pageRows = 10;

export const Caps = ({ budgets }: { budgets: Data<Deployment> }) => (
  <Loaded of={budgets} what="budgets" lines={2}>
    {({ month, usdPerHour, instances }) => (
      <div class="money-caps">
        <Cap title="This month" note="spent and set aside, UTC" used={month} format={money} />
        <Cap title="An hour" note="all machines that run" used={usdPerHour} format={money} />
        <Cap title="Machines at once" note="that cost money" used={instances} format={whole} />
      </div>
    )}
  </Loaded>
);

interface CapProps {
  title: string;
  note: string;
  used: Deployment["month"];
  format(value: number): string;
}

const Cap = ({ title, note, used: { used, cap }, format }: CapProps) => (
  <section class="card money-cap" aria-label={title}>
    <h2>{title}</h2>
    <p class="money-figure">
      <b>{format(used)}</b>
      <span class="hint">{cap === null ? "no cap is set" : `of ${format(cap)}`}</span>
    </p>
    {cap !== null && <UsedBar label={title} spent={used} reserved={0} cap={cap} />}
    <p class="hint">{note}</p>
  </section>
);

interface SearchesProps {
  spending: Data<Spending[]>;
  onLedger(searchId: string): void;
}

export function SearchBudgets({ spending, onLedger }: SearchesProps) {
  const [count, setCount] = useState(pageRows);
  return (
    <section class="stack" aria-label="Searches that rented">
      <h2>Searches</h2>
      <Loaded of={spending} what="spending">
        {(list) =>
          list.length === 0 ? (
            <Empty title="No search has rented yet">
              <p>A search that rents machines shows here, with what it spent of its budget.</p>
              <LinkButton href={addresses.data}>See the providers</LinkButton>
            </Empty>
          ) : (
            <>
              <Rows list={list.slice(0, count)} onLedger={onLedger} />
              {list.length > count && (
                <div class="buttons">
                  <Button onClick={() => setCount(count + pageRows)}>Show older ones</Button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Rows({ list, onLedger }: { list: readonly Spending[]; onLedger(searchId: string): void }) {
  const known = list.filter(({ name }) => name !== null).map(({ searchId }) => searchId);
  const spent = list.map(({ spentUsd, reservedUsd }) => `${spentUsd} ${reservedUsd}`).join();
  const bought = useData(
    `bought ${known.join()}`,
    async (signal) => {
      const budgets = await Promise.all(
        known.map((id) => read(api.searches[":id"].budget.$get({ param: { id } }, { init: { signal } }))),
      );
      return new Map(budgets.map((budget) => [budget.searchId, budget]));
    },
    { when: spent },
  );
  const of = ({ searchId }: Spending): SearchBudget | undefined => bought.value?.get(searchId);
  return (
    <div class="card">
      <Table
        caption="Searches that rented"
        rows={list}
        keyOf={({ searchId }) => searchId}
        columns={[
          {
            id: "name",
            title: "Search",
            sortBy: ({ name }) => name,
            cell: ({ searchId, name }) => (
              <div class="money-cell">
                {name === null ? <Badge>deleted</Badge> : <a href={addresses.search(searchId)}>{name}</a>}
                <span class="hint">{searchId}</span>
              </div>
            ),
          },
          {
            id: "spent",
            title: "Spent of its budget",
            sortBy: ({ spentUsd }) => spentUsd,
            cell: (row) => <Used row={row} cap={of(row)?.capUsd} />,
          },
          {
            id: "architecture",
            title: "Per architecture",
            isNumber: true,
            sortBy: (row) => of(row)?.perArchitectureUsd,
            cell: (row) => money(of(row)?.perArchitectureUsd),
          },
          {
            id: "hypervolume",
            title: "Per % of hypervolume",
            isNumber: true,
            sortBy: (row) => of(row)?.perHypervolumePercentUsd,
            cell: (row) => money(of(row)?.perHypervolumePercentUsd),
          },
          {
            id: "ledger",
            title: "Ledger",
            cell: ({ searchId, name }) => (
              <div class="buttons small">
                {name === null ? (
                  missing
                ) : (
                  <Button
                    tone="quiet"
                    onClick={() => onLedger(searchId)}
                    aria-label={`Show ledger of ${name}`}
                  >
                    Show
                  </Button>
                )}
              </div>
            ),
          },
        ]}
      />
    </div>
  );
}

function Used({ row: { spentUsd, reservedUsd, name }, cap }: { row: Spending; cap: number | undefined }) {
  const text: ComponentChildren = (
    <span>
      <b>{money(spentUsd)}</b>
      {cap !== undefined && ` of ${money(cap)}`}
      {reservedUsd > 0 && <span class="hint">{` · ${money(reservedUsd)} set aside`}</span>}
    </span>
  );
  return (
    <div class="money-used">
      {text}
      {cap !== undefined && (
        <UsedBar
          label={`Budget of ${name ?? "a deleted search"}`}
          spent={spentUsd}
          reserved={reservedUsd}
          cap={cap}
        />
      )}
    </div>
  );
}
