/** Money: what runs and costs now, what was spent, what may be, and what somebody should look at. */

import { useMemo, useState } from "preact/hooks";
import { api, read, readAll } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { Picture } from "../../pictures/picture.tsx";
import { spending as drawSpending } from "../../pictures/spending.ts";
import { SelectField } from "../../ui/fields.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Alerts } from "./alerts.tsx";
import { Caps, SearchBudgets } from "./budgets.tsx";
import { Instances } from "./instances.tsx";
import { Ledger } from "./ledger.tsx";
import "./money.css";

const refreshMs = 15_000;
const rowsAtOnce = 200;

export default function MoneyPage() {
  const [changes, setChanges] = useState(0);
  const [ledger, setLedger] = useState<string | null>(null);
  const options = { everyMs: refreshMs, when: changes };
  const budgets = useData("budgets", (signal) => read(api.budgets.$get({}, { init: { signal } })), options);
  const spending = useData(
    "spending of all",
    (signal) =>
      readAll((query) =>
        api.budgets.searches.$get({ query: { ...query, limit: rowsAtOnce } }, { init: { signal } }),
      ),
    options,
  );
  const alerts = useData(
    "alerts",
    (signal) => read(api.alerts.$get({ query: {} }, { init: { signal } })),
    options,
  );
  const names = useMemo(
    () =>
      new Map(
        (spending.value ?? []).flatMap(({ searchId, name }) => (name === null ? [] : [[searchId, name]])),
      ),
    [spending.value],
  );
  // Without scope every part would say the same.
  const refused = budgets.value === undefined && budgets.error !== null;
  return (
    <>
      <PageHead title="Money" />
      <Caps budgets={budgets} />
      {!refused && (
        <>
          <Instances names={names} onChange={() => setChanges((before) => before + 1)} />
          <Alerts alerts={alerts} />
          <SearchBudgets spending={spending} onLedger={setLedger} />
          <OverTime when={changes} />
          <Ledger
            searchId={ledger}
            name={names.get(ledger ?? "") ?? ledger ?? ""}
            onClose={() => setLedger(null)}
          />
        </>
      )}
    </>
  );
}

const spans = [
  { value: "7", title: "a week" },
  { value: "30", title: "30 days" },
  { value: "90", title: "90 days" },
];

function OverTime({ when }: { when: number }) {
  const [span, setSpan] = useState("30");
  const days = useData(
    `days ${span}`,
    (signal) => read(api.budgets.days.$get({ query: { days: Number(span) } }, { init: { signal } })),
    { everyMs: 60_000, when },
  );
  const rows = days.value?.data;
  const data = useMemo(
    () => ({ rows: rows ?? [], until: new Date().toISOString().slice(0, 10), days: Number(span) }),
    [rows, span],
  );
  const over = <SelectField label="Over" value={span} options={spans} onValue={setSpan} />;
  if (rows?.length === 0)
    return (
      <section class="card no-spending" aria-labelledby="no-spending">
        <h2 id="no-spending">Spending over time</h2>
        <p class="hint">Nothing was spent in {span} days.</p>
        {over}
      </section>
    );
  return (
    <Picture title="Spending over time" draw={drawSpending} data={data}>
      {over}
    </Picture>
  );
}
