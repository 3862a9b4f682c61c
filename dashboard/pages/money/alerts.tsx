/** What somebody has to look at: machines that do not end, searches that get none, budgets that are reached. */

import { addresses } from "../../app/place.ts";
import type { Data } from "../../app/useData.ts";
import { Badge, type Tone } from "../../ui/controls.tsx";
import { ago, time } from "../../ui/format.ts";
import { Loaded } from "../../ui/states.tsx";
import type { Alerts as Told } from "./data.ts";

const kinds: Record<string, { title: string; tone: Tone }> = {
  "instance.stuck": { title: "does not end", tone: "bad" },
  "instance.lost": { title: "lost", tone: "warn" },
  "rental.waiting": { title: "waited", tone: "calm" },
  "budget.threshold": { title: "budget", tone: "info" },
};

/** What to do, by the problem that a search waits for. */
const fixes: Record<string, string> = {
  auth: "Set the provider's key again as a secret of the Worker.",
  balance: "Add credit at the provider, or name another one in the search.",
  capacity: "Nothing to do: it is tried again. More GPUs or providers in the search help.",
  "over-ceiling": "Raise rental.maxUsdPerHour, or allow other GPUs.",
  "unknown-gpu": "Correct the names of GPUs in the search.",
  "no-provider": "Set the key of one of its providers as a secret of the Worker.",
  "no-image": "Set NASTURTIUM_IMAGE to the runner's image by its digest.",
  "no-address": "Set NASTURTIUM_URL to the address of this deployment.",
  "no-cap": "Correct the variable that it names.",
  budget: "Raise the budget of the search or of the month, or let it end.",
  instances: "Wait until another machine ends, or raise NASTURTIUM_INSTANCES.",
  "machine-failed": "See why in the list of machines; another host is tried.",
};

const shownAlerts = 12;

export const Alerts = ({ alerts }: { alerts: Data<Told> }) => (
  <section class="stack" aria-label="Alerts">
    <h2>Alerts</h2>
    <Loaded of={alerts} what="alerts" lines={2}>
      {(told) => <List told={told} />}
    </Loaded>
  </section>
);

function List({ told: { waiting, data } }: { told: Told }) {
  if (waiting.length === 0 && data.length === 0)
    return <p class="card hint">All is well: nothing waits, nothing is lost, no budget is reached.</p>;
  return (
    <div class="stack">
      {waiting.map(({ searchId, name, problem, detail, since, tryAt }) => (
        <article key={searchId} class="card status warn money-waiting">
          <h3>
            <a href={addresses.search(searchId)}>{name}</a> waits for a machine
          </h3>
          <p class="said">{`${problem}: ${detail}`}</p>
          {fixes[problem] !== undefined && <p>{fixes[problem]}</p>}
          <p class="hint">
            since {time(since)}, tried again {ago(tryAt)}
          </p>
        </article>
      ))}
      {data.length > 0 && (
        <ul class="card money-alerts">
          {data.slice(0, shownAlerts).map(({ searchId, sequence, type, text, createdAt }) => (
            <li key={`${searchId} ${sequence}`}>
              <Badge tone={kinds[type]?.tone ?? "calm"}>{kinds[type]?.title ?? type}</Badge>
              <span>{text}</span>
              <time class="hint" dateTime={createdAt} title={time(createdAt)}>
                {ago(createdAt)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
