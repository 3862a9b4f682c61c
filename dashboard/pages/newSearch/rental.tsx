/** Machines that are rented for the search, and what providers ask for them now. */

import type { InferResponseType } from "hono/client";
import { providerNames } from "../../../shared/specification.ts";
import { api, read } from "../../app/api.ts";
import { lineOf } from "../../app/problem.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { CheckField, TextField } from "../../ui/fields.tsx";
import { money } from "../../ui/format.ts";
import { Table } from "../../ui/table.tsx";
import { At, Group, NumberAt, ProblemAt } from "./bound.tsx";
import { type Form, isTabular, listAt } from "./form.ts";

type Offer = InferResponseType<(typeof api.providers)[":name"]["offers"]["$get"]>["data"][number];

interface Quotes {
  provider: string;
  offers: readonly Offer[];
  fault: string | null;
}

const refreshMs = 60_000;
const usualCeilingUsd = 0.5;
const usualBudgetUsd = 5;
const shownOffers = 8;

const textsAt = (form: Form, key: string): string[] =>
  listAt(form, ["rental", key]).flatMap((item) => (typeof item === "string" ? [item] : []));

export function Rental({ form }: { form: Form }) {
  const rents = form.at(["rental"]) !== undefined;
  const providers = useData("providers", (signal) => read(api.providers.$get({}, { init: { signal } })));
  if (isTabular(form) && !rents) return null;
  const configured = providers.value?.data.flatMap(({ name, isConfigured }) => (isConfigured ? [name] : []));
  const start = () => {
    form.edit(["rental"], {
      providers: configured?.length ? configured : [providerNames[0]],
      maxUsdPerHour: usualCeilingUsd,
    });
    if (form.at(["budget", "usd"]) === undefined) form.edit(["budget", "usd"], usualBudgetUsd);
  };
  return (
    <Group title="Machines" path={["rental"]} form={form}>
      <CheckField
        label="Rent machines for it"
        hint={
          configured?.length === 0
            ? "This deployment has no key of a provider; own runners do the work until it has one."
            : "Otherwise your own runners do the work: nasturtium runner"
        }
        checked={rents}
        onValue={(wanted) => (wanted ? start() : form.edit(["rental"], undefined))}
      />
      {rents && <RentalFields form={form} configured={configured} />}
    </Group>
  );
}

function RentalFields({ form, configured }: { form: Form; configured: readonly string[] | undefined }) {
  const chosen = textsAt(form, "providers");
  const toggle = (name: string, wanted: boolean) =>
    form.edit(["rental", "providers"], wanted ? [...chosen, name] : chosen.filter((other) => other !== name));
  return (
    <>
      <At path={["rental", "providers"]}>
        <fieldset class="new-checks">
          <legend>Providers</legend>
          {providerNames.map((name) => (
            <CheckField
              key={name}
              label={name}
              {...(configured?.includes(name) === false && { hint: "no key" })}
              checked={chosen.includes(name)}
              onValue={(wanted) => toggle(name, wanted)}
            />
          ))}
        </fieldset>
        <ProblemAt form={form} path={["rental", "providers"]} />
      </At>
      <div class="new-fields">
        <NumberAt form={form} path={["rental", "maxUsdPerHour"]} label="At most, $ an hour" min={0} />
        <GpuField form={form} />
        <NumberAt form={form} path={["rental", "maxInstances"]} label="Machines at once" usual={1} min={1} />
      </div>
      <CheckField
        label="Interruptible ones, too"
        hint="Cheaper; one that is taken away is replaced, and the search goes on."
        checked={form.at(["rental", "interruptible"]) === true}
        onValue={(wanted) => form.edit(["rental", "interruptible"], wanted || undefined)}
      />
      <Offers form={form} providers={chosen.filter((name) => configured?.includes(name) !== false)} />
    </>
  );
}

function GpuField({ form }: { form: Form }) {
  const gpus = textsAt(form, "gpus");
  const change = (text: string) => {
    const names = text.split(",").map((name) => name.trimStart());
    form.edit(["rental", "gpus"], text.trim() === "" ? undefined : names);
  };
  return (
    <At path={["rental", "gpus"]}>
      <TextField
        label="GPUs"
        placeholder="any"
        hint="such as RTX 4090, A10"
        value={gpus.join(",")}
        problem={form.problemAt(["rental", "gpus"])}
        onValue={change}
      />
    </At>
  );
}

function Offers({ form, providers }: { form: Form; providers: readonly string[] }) {
  const interruptible = form.at(["rental", "interruptible"]) === true;
  const key = providers.length === 0 ? null : `offers ${providers.join()} ${interruptible}`;
  const quotes = useData(
    key,
    (signal) => Promise.all(providers.map((name) => quoted(name, interruptible, signal))),
    {
      everyMs: refreshMs,
    },
  );
  if (key === null) return null;
  if (quotes.value === undefined)
    return <p class="hint">{quotes.error === null ? "Asking for offers …" : lineOf(quotes.error)}</p>;
  const wanted = textsAt(form, "gpus").map((name) => name.trim().toLowerCase());
  const all = quotes.value
    .flatMap(({ provider, offers }) => offers.map((offer) => ({ provider, ...offer })))
    .filter(({ gpu }) => wanted.length === 0 || wanted.includes(gpu.toLowerCase()))
    .sort((a, b) => a.priceUsdPerHour - b.priceUsdPerHour);
  const ceiling = form.at(["rental", "maxUsdPerHour"]);
  const suits = ({ priceUsdPerHour }: Offer) => typeof ceiling === "number" && priceUsdPerHour <= ceiling;
  const count = all.filter(suits).length;
  const take = ({ gpu, priceUsdPerHour }: Offer) => {
    const { rental } = form.value;
    const next = {
      ...(rental as object),
      gpus: [gpu],
      maxUsdPerHour: Math.ceil(priceUsdPerHour * 110) / 100,
    };
    form.edit(["rental"], next);
  };
  return (
    <div class="stack offers">
      <h3>Offers now</h3>
      {quotes.value.map(
        ({ provider, fault }) =>
          fault !== null && <p key={provider} class="field-problem">{`${provider}: ${fault}`}</p>,
      )}
      <p class="hint" role="status">
        {all.length === 0
          ? "None of these GPUs is offered now. Name others, or leave the field empty."
          : `${count} of ${all.length} within the ceiling.`}
      </p>
      {all.length > 0 && (
        <Table
          caption="Offers"
          rows={all.slice(0, shownOffers)}
          keyOf={(offer) => `${offer.provider} ${offer.gpu} ${offer.location} ${offer.priceUsdPerHour}`}
          columns={[
            { id: "gpu", title: "GPU", cell: ({ gpu, gpuMemoryGb }) => `${gpu}, ${gpuMemoryGb} GB` },
            {
              id: "provider",
              title: "Provider",
              cell: ({ provider, location }) => `${provider}, ${location}`,
            },
            {
              id: "price",
              title: "$ an hour",
              isNumber: true,
              cell: (offer) => money(offer.priceUsdPerHour),
            },
            {
              id: "suits",
              title: "Within",
              cell: (offer) =>
                suits(offer) ? (
                  <Badge tone="good">within</Badge>
                ) : (
                  <Badge tone="warn">above the ceiling</Badge>
                ),
            },
            {
              id: "take",
              title: "Choose",
              cell: (offer) => (
                <Button
                  tone="quiet"
                  onClick={() => take(offer)}
                  aria-label={`Rent this kind: ${offer.gpu} of ${offer.provider}`}
                >
                  Rent this kind
                </Button>
              ),
            },
          ]}
        />
      )}
    </div>
  );
}

async function quoted(name: string, interruptible: boolean, signal: AbortSignal): Promise<Quotes> {
  try {
    const { data } = await read(
      api.providers[":name"].offers.$get(
        {
          param: { name: name as (typeof providerNames)[number] },
          query: { interruptible: interruptible ? "true" : "false" },
        },
        { init: { signal } },
      ),
    );
    return { provider: name, offers: data, fault: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { provider: name, offers: [], fault: lineOf(error) };
  }
}
