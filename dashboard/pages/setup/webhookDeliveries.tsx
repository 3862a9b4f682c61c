/** What a webhook was told: each delivery with every try, and sending it again. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses, useQuery } from "../../app/place.ts";
import { lineOf } from "../../app/problem.ts";
import { useData } from "../../app/useData.ts";
import { Button, StateBadge } from "../../ui/controls.tsx";
import { SelectField } from "../../ui/fields.tsx";
import { ago, duration, missing, time, whole } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { toast } from "../../ui/toasts.tsx";
import { useSearches } from "./searchField.tsx";
import type { WebhookDelivery } from "./types.ts";

const quickMs = 1500;
const slowMs = 5000;
const pageSize = 50;

const states = ["", "pending", "sending", "delivered", "failed"] as const;
type State = (typeof states)[number];
const asState = (text: string | null): State => states.find((state) => state === text) ?? "";

interface WebhookDeliveriesProps {
  id: string;
  isEnabled: boolean;
  /** Renewed when it changes. */
  when: unknown;
}

export function WebhookDeliveries({ id, isEnabled, when }: WebhookDeliveriesProps) {
  const [query, change] = useQuery();
  const [pages, setPages] = useState(1);
  const [isWaiting, setWaiting] = useState(false);
  const state = asState(query.get("state"));
  const deliveries = useData(
    `deliveries ${id} ${state}`,
    async (signal) => {
      const found = await load({ id, state, pages }, signal);
      setWaiting(found.list.some(isOpen));
      return found;
    },
    { everyMs: isWaiting ? quickMs : slowMs, when: `${when} ${pages}` },
  );
  const replay = async ({ id: delivery }: WebhookDelivery) => {
    try {
      await read(api.webhooks[":id"].deliveries[":delivery"].replay.$post({ param: { id, delivery } }));
      toast("It is sent again.");
      deliveries.refresh();
    } catch (error) {
      toast(lineOf(error), "bad");
    }
  };
  return (
    <section class="card" aria-label="Deliveries">
      <div class="setup-head">
        <h2>Deliveries of the last 30 days</h2>
        <SelectField
          label="State"
          options={states.map((value) => ({ value, title: value || "any" }))}
          value={state}
          onValue={(value) => change({ state: value })}
        />
      </div>
      <Loaded of={deliveries} what="deliveries">
        {({ list, hasMore }) =>
          list.length === 0 ? (
            <NoDeliveries isFiltered={state !== ""} isEnabled={isEnabled} />
          ) : (
            <Deliveries
              list={list}
              onReplay={isEnabled ? replay : null}
              onMore={hasMore ? () => setPages(pages + 1) : null}
            />
          )
        }
      </Loaded>
    </section>
  );
}

const isOpen = ({ state }: WebhookDelivery): boolean => state === "pending" || state === "sending";

async function load(
  { id, state, pages }: { id: string; state: State; pages: number },
  signal: AbortSignal,
): Promise<{ list: WebhookDelivery[]; hasMore: boolean }> {
  const list: WebhookDelivery[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < pages; page++) {
    const query: { limit: number; cursor?: string; state?: Exclude<State, ""> } = {
      limit: pageSize,
      ...(cursor !== null && { cursor }),
      ...(state !== "" && { state }),
    };
    const { data, nextCursor } = await read(
      api.webhooks[":id"].deliveries.$get({ param: { id }, query }, { init: { signal } }),
    );
    list.push(...data);
    cursor = nextCursor;
    if (cursor === null) break;
  }
  return { list, hasMore: cursor !== null };
}

const NoDeliveries = ({ isFiltered, isEnabled }: { isFiltered: boolean; isEnabled: boolean }) => (
  <Empty title={isFiltered ? "None is in this state" : "It was told of nothing yet"}>
    {!isFiltered && (
      <p>
        {isEnabled
          ? "Send a test and see here what the address answers."
          : "Enable it, then send a test and see here what the address answers."}
      </p>
    )}
  </Empty>
);

interface DeliveriesProps {
  list: readonly WebhookDelivery[];
  /** Null while the webhook is disabled. */
  onReplay: ((delivery: WebhookDelivery) => Promise<void>) | null;
  onMore: (() => void) | null;
}

function Deliveries({ list, onReplay, onMore }: DeliveriesProps) {
  const names = new Map(useSearches(list[0]?.id).map(({ id, name }) => [id, name]));
  return (
    <>
      <Table caption="Deliveries" columns={columnsOf(names, onReplay)} rows={list} keyOf={({ id }) => id} />
      {onMore !== null && (
        <div class="buttons">
          <Button onClick={onMore}>Show older ones</Button>
        </div>
      )}
    </>
  );
}

const columnsOf = (
  names: ReadonlyMap<string, string>,
  onReplay: DeliveriesProps["onReplay"],
): readonly Column<WebhookDelivery>[] => [
  {
    id: "type",
    title: "Event",
    cell: ({ type, searchId }) => (
      <div class="setup-name">
        <strong>{type}</strong>
        {searchId !== null && <a href={addresses.search(searchId)}>{names.get(searchId) ?? searchId}</a>}
      </div>
    ),
  },
  { id: "state", title: "State", cell: ({ state }) => <StateBadge state={state} /> },
  {
    id: "created",
    title: "Happened",
    cell: ({ createdAt }) => (
      <time dateTime={createdAt} title={time(createdAt)}>
        {ago(createdAt)}
      </time>
    ),
  },
  { id: "attempts", title: "Tries", cell: (delivery) => <Tries delivery={delivery} /> },
  {
    id: "next",
    title: "Next try",
    cell: ({ nextAttemptAt }) =>
      nextAttemptAt === null ? missing : <time dateTime={nextAttemptAt}>{comingText(nextAttemptAt)}</time>,
  },
  {
    id: "actions",
    title: "Actions",
    cell: (delivery) =>
      onReplay !== null && (
        <div class="buttons small">
          <Button
            aria-label={`Send again: ${delivery.type} of ${time(delivery.createdAt)}`}
            disabled={delivery.state === "sending"}
            onClick={() => onReplay(delivery)}
          >
            Send again
          </Button>
        </div>
      ),
  },
];

/** The edge looks once a minute at the latest for what is due. */
const comingText = (at: string): string => {
  const text = ago(at);
  return text.startsWith("in ") ? text : "any moment";
};

type Attempt = WebhookDelivery["attempts"][number];

const answerOf = ({ status, error }: Attempt): string =>
  error ?? (status === null ? "no answer" : `answered ${status}`);

function Tries({ delivery: { attempts } }: { delivery: WebhookDelivery }) {
  const last = attempts.at(-1);
  if (last === undefined) return <span class="hint">none yet</span>;
  return (
    <details>
      <summary>
        {whole(attempts.length)} {attempts.length === 1 ? "try" : "tries"}, {answerOf(last)}
      </summary>
      <ol class="setup-tries">
        {attempts.map((attempt) => (
          <li key={attempt.at}>
            <time dateTime={attempt.at}>{time(attempt.at)}</time>, {duration(attempt.durationMs / 1000)}:{" "}
            {answerOf(attempt)}
            {attempt.excerpt !== undefined && <p class="said">{attempt.excerpt}</p>}
          </li>
        ))}
      </ol>
    </details>
  );
}
