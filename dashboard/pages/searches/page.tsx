/** All searches: what each is doing, how well it goes and what it costs. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { api, isFinished, read, type Search, useCan } from "../../app/api.ts";
import { addresses, useQuery } from "../../app/place.ts";
import { useData } from "../../app/useData.ts";
import { Sparkline } from "../../pictures/sparkline.tsx";
import { Badge, Button, LinkButton, ProgressBar, StateBadge } from "../../ui/controls.tsx";
import { SelectField, TextField } from "../../ui/fields.tsx";
import { ago, measured, missing, money, number, time, whole } from "../../ui/format.ts";
import { PageHead } from "../../ui/page.tsx";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { announce } from "../../ui/toasts.tsx";
import { forecastUsd, type Spent } from "./forecast.ts";
import "./searches.css";

const refreshMs = 5000;
/** Machines cost money also while no round ends. */
const spendingMs = 15_000;
const pageSize = 100;

interface Row {
  search: Search;
  /** Undefined where it rented nothing, or where the token may not know. */
  spent: Spent | undefined;
  trend: readonly number[];
}

export default function SearchesPage() {
  const [pages, setPages] = useState(1);
  const searches = useData("searches", (signal) => load(pages, signal), {
    everyMs: refreshMs,
    when: pages,
  });
  const mayStart = useCan("searches:write");
  return (
    <>
      <PageHead title="Searches">
        {mayStart && (
          <LinkButton href={addresses.newSearch} tone="main">
            New search
          </LinkButton>
        )}
      </PageHead>
      <Loaded of={searches} what="searches" lines={6}>
        {({ list, hasMore }) =>
          list.length === 0 ? (
            <NoSearches mayStart={mayStart} />
          ) : (
            <Searches list={list} onMore={hasMore ? () => setPages(pages + 1) : null} />
          )
        }
      </Loaded>
    </>
  );
}

/** The newest, as many pages as were asked for. */
async function load(pages: number, signal: AbortSignal): Promise<{ list: Search[]; hasMore: boolean }> {
  const list: Search[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const query: { limit: number; cursor?: string } = { limit: pageSize, ...(cursor !== null && { cursor }) };
    const { data, nextCursor } = await read(api.searches.$get({ query }, { init: { signal } }));
    list.push(...data);
    cursor = nextCursor;
    if (cursor === null) break;
  }
  return { list, hasMore: cursor !== null };
}

const NoSearches = ({ mayStart }: { mayStart: boolean }) => (
  <Empty title="No search yet">
    <p>
      A search finds networks that are accurate and small, quick or frugal at once. It shows here as soon as
      it is created, with what it found and what it costs.
    </p>
    {mayStart ? (
      <div class="buttons">
        <LinkButton href={addresses.newSearch} tone="main">
          Start the first search
        </LinkButton>
        <LinkButton href={addresses.setUp}>What it needs</LinkButton>
      </div>
    ) : (
      <p class="hint">Your token reads; one with the scope searches:write starts them.</p>
    )}
    <p class="hint">Or on the command line:</p>
    <pre>nasturtium search specification.yaml</pre>
  </Empty>
);

interface SearchesProps {
  list: readonly Search[];
  onMore: (() => void) | null;
}

function Searches({ list, onMore }: SearchesProps) {
  const [query, change] = useQuery();
  const [text, state] = [query.get("text") ?? "", query.get("state") ?? ""];
  const rows = useRows(list);
  const shown = rows.filter(({ search }) => matches(search, text, state));
  useEffect(() => announce(`${shown.length} of ${rows.length} searches`), [shown.length, rows.length]);
  const sorting = {
    column: query.get("sort") ?? "created",
    isDescending: (query.get("order") ?? "down") === "down",
  };
  return (
    <>
      <search class="filters">
        <TextField
          label="Filter"
          placeholder="name, data or id"
          type="search"
          value={text}
          onValue={(value) => change({ text: value })}
        />
        <SelectField
          label="State"
          value={state}
          options={stateOptions(list)}
          onValue={(value) => change({ state: value })}
        />
        <p class="hint">
          {shown.length === rows.length
            ? `${whole(rows.length)} ${rows.length === 1 ? "search" : "searches"}`
            : `${whole(shown.length)} of ${whole(rows.length)}`}
        </p>
      </search>
      {shown.length === 0 ? (
        <Empty title="None of them matches">
          <Button onClick={() => change({ text: null, state: null })}>Show all</Button>
        </Empty>
      ) : (
        <div class="card">
          <Table
            caption="Searches"
            columns={columns}
            rows={shown}
            keyOf={({ search }) => search.id}
            sorting={sorting}
            onSort={({ column, isDescending }) =>
              change({ sort: column, order: isDescending ? "down" : "up" })
            }
          />
        </div>
      )}
      {onMore !== null && (
        <div class="buttons">
          <Button onClick={onMore}>Show older ones</Button>
        </div>
      )}
    </>
  );
}

/** With what is asked for apart: the trends, and the money where the token may know of it. */
function useRows(list: readonly Search[]): Row[] {
  const mayRead = useCan("searches:read");
  const ids = list.map(({ id }) => id);
  const rounds = list.reduce((sum, { progress }) => sum + progress.round, 0);
  const trends = useData(mayRead ? `trends ${ids.join()}` : null, (signal) => loadTrends(ids, signal), {
    when: rounds,
  });
  const spending = useData(mayRead ? "spending" : null, (signal) => loadSpending(signal), {
    when: rounds,
    everyMs: spendingMs,
  });
  return useMemo(
    () =>
      list.map((search) => ({
        search,
        spent: spending.value?.get(search.id),
        trend: trends.value?.get(search.id) ?? [],
      })),
    [list, spending.value, trends.value],
  );
}

const mostAtOnce = 100;

async function loadTrends(ids: readonly string[], signal: AbortSignal): Promise<Map<string, number[]>> {
  const trends = new Map<string, number[]>();
  for (let first = 0; first < ids.length; first += mostAtOnce) {
    const query = { searches: ids.slice(first, first + mostAtOnce).join() };
    const { data } = await read(api.trends.$get({ query }, { init: { signal } }));
    for (const { searchId, hypervolume } of data) trends.set(searchId, hypervolume);
  }
  return trends;
}

/** Of those that rented last; older ones are on the page about money. */
async function loadSpending(signal: AbortSignal): Promise<Map<string, Spent>> {
  const { data } = await read(api.budgets.searches.$get({ query: { limit: 200 } }, { init: { signal } }));
  return new Map(data.map(({ searchId, ...spent }) => [searchId, spent]));
}

function matches({ id, name, state, specification }: Search, text: string, wanted: string): boolean {
  if (wanted !== "" && state !== wanted) return false;
  const within = `${name} ${id} ${dataOf(specification)}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => within.includes(word));
}

const dataOf = ({ evaluation, dataset }: Search["specification"]): string =>
  evaluation.kind === "tabular" ? evaluation.table : dataset.name;

const stateOptions = (list: readonly Search[]) => [
  { value: "", title: "any" },
  ...[...new Set(list.map(({ state }) => state))]
    .sort()
    .map((state) => ({ value: state as string, title: state })),
];

const shareOf = ({ progress: { round, rounds }, state }: Search): number =>
  state === "completed" ? 1 : rounds > 0 ? round / rounds : 0;

const columns: readonly Column<Row>[] = [
  {
    id: "name",
    title: "Name",
    sortBy: ({ search }) => search.name,
    cell: ({ search }) => (
      <div class="search-name">
        <a href={addresses.search(search.id)}>{search.name}</a>
        <span class="hint">
          {dataOf(search.specification)} · {search.specification.strategy.name}
          {search.visibility === "public" && <Badge>public</Badge>}
        </span>
      </div>
    ),
  },
  {
    id: "state",
    title: "State",
    sortBy: ({ search }) => search.state,
    cell: ({ search }) => (
      <div class="search-state">
        <StateBadge state={search.state} />
        {search.failure !== null && <span class="hint failure">{search.failure}</span>}
      </div>
    ),
  },
  {
    id: "progress",
    title: "Progress",
    sortBy: ({ search }) => shareOf(search),
    cell: ({ search }) => (
      <div class="search-progress">
        <ProgressBar share={shareOf(search)} label={`Rounds of ${search.name}`} />
        <span class="hint">{progressText(search)}</span>
      </div>
    ),
  },
  {
    id: "hypervolume",
    title: "Hypervolume",
    isNumber: true,
    sortBy: ({ search }) => search.progress.hypervolume,
    cell: ({ search: { progress, name }, trend }) => (
      <div class="search-trend">
        {trend.length > 1 && <Sparkline values={trend} label={`Hypervolume of ${name}`} />}
        <span>{number(progress.hypervolume)}</span>
      </div>
    ),
  },
  {
    id: "accuracy",
    title: "Best accuracy",
    isNumber: true,
    sortBy: ({ search: { progress } }) => progress.bestTrainedAccuracy ?? progress.bestAccuracy,
    cell: ({ search: { progress, specification } }) => (
      <div class="search-figure">
        <span>{measured("accuracy", progress.bestTrainedAccuracy ?? progress.bestAccuracy)}</span>
        {specification.evaluation.kind !== "tabular" && progress.bestAccuracy !== null && (
          <span class="hint">{progress.bestTrainedAccuracy === null ? "by shared weights" : "trained"}</span>
        )}
        <span class="hint">{whole(progress.frontSize)} on the front</span>
      </div>
    ),
  },
  {
    id: "cost",
    title: "Cost",
    isNumber: true,
    sortBy: ({ spent }) => spent?.spentUsd ?? null,
    cell: ({ search, spent }) => <Cost search={search} spent={spent} />,
  },
  {
    id: "created",
    title: "Created",
    isNumber: true,
    sortBy: ({ search }) => search.createdAt,
    cell: ({ search: { createdAt } }) => (
      <time dateTime={createdAt} title={time(createdAt)}>
        {ago(createdAt)}
      </time>
    ),
  },
];

function progressText(search: Search): string {
  const { round, rounds, evaluations } = search.progress;
  if (search.state === "queued" && round === 0) return "waits for a runner";
  const phase = search.progress.phase === "warmup" && !isFinished(search) ? ", warming up" : "";
  return `round ${whole(round)} of ${whole(rounds)}, ${whole(evaluations)} measured${phase}`;
}

function Cost({ search, spent }: { search: Search; spent: Spent | undefined }) {
  if (spent === undefined) {
    const rents = search.specification.rental !== undefined;
    return <span class="hint">{rents ? "nothing rented yet" : "own machines"}</span>;
  }
  const forecast = isFinished(search) ? null : forecastUsd(search, spent);
  const { usd } = search.specification.budget;
  return (
    <div class="search-figure">
      <span>{money(spent.spentUsd)}</span>
      <span class="hint">
        {forecast === null
          ? usd === undefined
            ? missing
            : `of ${money(usd)}`
          : `about ${money(forecast)} in the end`}
      </span>
    </div>
  );
}
