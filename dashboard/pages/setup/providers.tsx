/** Providers of machines: whose keys the deployment has, how the others are set, and what each offers now. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { CheckField } from "../../ui/fields.tsx";
import { money, number } from "../../ui/format.ts";
import { Empty, Loaded } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { providerRows } from "./providerWords.ts";
import { Copied } from "./secret.tsx";
import type { Offer, Provider } from "./types.ts";

export function Providers() {
  const providers = useData("providers", (signal) => read(api.providers.$get({}, { init: { signal } })));
  return (
    <section class="stack" aria-label="Providers">
      <h2>Providers of machines</h2>
      <p>
        With the key of a provider, searches can rent the machines that train them, within the budgets that
        you set. Without any, runners of your own do the work.
      </p>
      <Loaded of={providers} what="providers">
        {({ data }) => (
          <div class="setup-columns">
            {data.map((provider) => (
              <One key={provider.name} provider={provider} />
            ))}
          </div>
        )}
      </Loaded>
    </section>
  );
}

function One({ provider: { name, isConfigured } }: { provider: Provider }) {
  const [isOpen, setOpen] = useState(false);
  const { title, secrets } = providerRows[name];
  return (
    <section class="card" aria-label={title}>
      <div class="setup-head">
        <h3>{title}</h3>
        {isConfigured ? <Badge tone="good">key is set</Badge> : <Badge>no key</Badge>}
      </div>
      {isConfigured ? (
        <>
          <div class="buttons small">
            <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
              {isOpen ? "Hide the offers" : `Show what ${title} offers now`}
            </Button>
          </div>
          {isOpen && <Offers name={name} title={title} />}
        </>
      ) : (
        <>
          <p class="hint">
            Set {secrets.length === 1 ? "it as a secret" : "these as secrets"} of the Worker, then reload:
          </p>
          <Copied
            text={secrets.map((secret) => `npm run wrangler -- secret put ${secret}`).join("\n")}
            what="commands"
          />
        </>
      )}
    </section>
  );
}

function Offers({ name, title }: { name: Provider["name"]; title: string }) {
  const [isSpot, setSpot] = useState(false);
  const offers = useData(`offers ${name} ${isSpot}`, (signal) =>
    read(
      api.providers[":name"].offers.$get(
        { param: { name }, query: { interruptible: isSpot ? "true" : "false" } },
        { init: { signal } },
      ),
    ),
  );
  return (
    <div class="stack">
      <CheckField
        label="Interruptible ones"
        hint="Cheaper, but the provider may take them back."
        checked={isSpot}
        onValue={setSpot}
      />
      <Loaded of={offers} what="offers">
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Nothing is free right now">
              <p>{title} has no machine of this kind to rent. Look again in some minutes.</p>
            </Empty>
          ) : (
            <div class="setup-offers">
              <Table
                caption={`Offers of ${title}`}
                columns={columns}
                rows={data.slice(0, mostShown).map((offer, index) => ({ ...offer, index }))}
                keyOf={({ index }) => index}
              />
              {data.length > mostShown && (
                <p class="hint">
                  The cheapest {mostShown} of {data.length}.
                </p>
              )}
            </div>
          )
        }
      </Loaded>
    </div>
  );
}

const mostShown = 50;

const columns: readonly Column<Offer & { index: number }>[] = [
  { id: "gpu", title: "GPU", sortBy: ({ gpu }) => gpu, cell: ({ gpu }) => <strong>{gpu}</strong> },
  {
    id: "memory",
    title: "Memory",
    isNumber: true,
    sortBy: ({ gpuMemoryGb }) => gpuMemoryGb,
    cell: ({ gpuMemoryGb }) => `${number(gpuMemoryGb)} GB`,
  },
  {
    id: "price",
    title: "An hour",
    isNumber: true,
    sortBy: ({ priceUsdPerHour }) => priceUsdPerHour,
    cell: ({ priceUsdPerHour }) => money(priceUsdPerHour),
  },
  { id: "location", title: "Where", sortBy: ({ location: place }) => place, cell: (offer) => offer.location },
];
