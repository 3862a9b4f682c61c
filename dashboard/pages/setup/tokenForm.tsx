/** Makes a token: what it may do in words, and how long. */

import { useState } from "preact/hooks";
import type { Scope } from "../../../schema/tokens.ts";
import { api, read } from "../../app/api.ts";
import { CheckField, SelectField, TextField } from "../../ui/fields.tsx";
import { Form } from "./form.tsx";
import { SearchField, useSearches } from "./searchField.tsx";

const scopeRows: readonly { scope: Scope; title: string; words: string }[] = [
  {
    scope: "searches:read",
    title: "Look",
    words: "sees private searches, machines, money, devices and data; changes nothing",
  },
  {
    scope: "searches:write",
    title: "Search",
    words: "starts and stops searches, trainings and machines, and manages webhooks, triggers and data",
  },
  { scope: "runner", title: "Train", words: "for a machine that trains: takes tasks and reports them" },
  {
    scope: "device",
    title: "Measure",
    words: "for a phone or board that measures networks, and nothing else",
  },
  { scope: "admin", title: "Everything", words: "tokens and the audit trail too; keep it to yourself" },
];

const day = 86_400_000;
const lifetimes = [
  { value: "", title: "never", ms: null },
  { value: "day", title: "in a day", ms: day },
  { value: "week", title: "in a week", ms: 7 * day },
  { value: "month", title: "in 30 days", ms: 30 * day },
  { value: "year", title: "in a year", ms: 365 * day },
  { value: "at", title: "at a time of your own", ms: null },
] as const;
type Lifetime = (typeof lifetimes)[number]["value"];

/** When a token that is made now ends; undefined for never. */
export function expiryOf(lifetime: string, at = ""): { expiresAt: string } | undefined {
  if (lifetime === "at") {
    const time = new Date(at);
    // What is no time is told by the edge, with the field.
    return { expiresAt: Number.isNaN(time.getTime()) ? at : time.toISOString() };
  }
  const ms = lifetimes.find(({ value }) => value === lifetime)?.ms ?? null;
  return ms === null ? undefined : { expiresAt: new Date(Date.now() + ms).toISOString() };
}

interface LifetimeFieldProps {
  value: string;
  at: string;
  problem: string | undefined;
  onValue(lifetime: string, at: string): void;
}

export const LifetimeField = ({ value, at, problem, onValue }: LifetimeFieldProps) => (
  <>
    <SelectField
      label="Expires"
      options={lifetimes.map(({ value: lifetime, title }) => ({ value: lifetime, title }))}
      value={value as Lifetime}
      problem={value === "at" ? undefined : problem}
      onValue={(lifetime) => onValue(lifetime, at)}
    />
    {value === "at" && (
      <TextField
        label="Time"
        type="datetime-local"
        required
        problem={problem}
        value={at}
        onValue={(time) => onValue(value, time)}
      />
    )}
  </>
);

interface TokenFormProps {
  /** Chosen at first, where it is the name of one. */
  scope: string;
  onMade(token: { name: string; secret: string }): void;
  onCancel(): void;
}

export function TokenForm({ scope, onMade, onCancel }: TokenFormProps) {
  const searches = useSearches();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<readonly Scope[]>(
    scopeRows.map((row) => row.scope).filter((one) => one === scope),
  );
  const [expiry, setExpiry] = useState({ lifetime: "", at: "" });
  const [bound, setBound] = useState({ searchId: "", instance: "" });
  const isRunner = scopes.length === 1 && scopes[0] === "runner";
  const submit = async () => {
    const json = {
      name,
      scopes: [...scopes],
      ...expiryOf(expiry.lifetime, expiry.at),
      ...(isRunner && bound.searchId !== "" && { searchId: bound.searchId }),
      ...(isRunner && bound.instance !== "" && { instance: bound.instance }),
    };
    const { token } = await read(api.tokens.$post({ json }));
    onMade({ name, secret: token });
  };
  return (
    <Form
      title="New token"
      verb="Create the token"
      shown={["/name", "/scopes", "/expiresAt", "/searchId", "/instance"]}
      onSubmit={submit}
      onCancel={onCancel}
    >
      {(problemOf) => (
        <>
          <TextField
            label="Name"
            hint="Who or what uses it: you find it by this when it is to be revoked."
            required
            placeholder="GPU in the office"
            problem={problemOf("/name")}
            value={name}
            onValue={setName}
          />
          <Scopes scopes={scopes} problem={problemOf("/scopes")} onScopes={setScopes} />
          <div class="setup-pair">
            <LifetimeField
              value={expiry.lifetime}
              at={expiry.at}
              problem={problemOf("/expiresAt")}
              onValue={(lifetime, at) => setExpiry({ lifetime, at })}
            />
          </div>
          {isRunner && (
            <div class="setup-pair">
              <SearchField
                label="Works for"
                hint="Of another search it reads nothing."
                none="every search"
                searches={searches}
                problem={problemOf("/searchId")}
                value={bound.searchId}
                onValue={(searchId) => setBound({ ...bound, searchId })}
              />
              <TextField
                label="Name of its runners"
                hint="As they call themselves where it is empty."
                problem={problemOf("/instance")}
                value={bound.instance}
                onValue={(instance) => setBound({ ...bound, instance })}
              />
            </div>
          )}
        </>
      )}
    </Form>
  );
}

interface ScopesProps {
  scopes: readonly Scope[];
  problem: string | undefined;
  onScopes(scopes: readonly Scope[]): void;
}

const Scopes = ({ scopes, problem, onScopes }: ScopesProps) => (
  <fieldset class="setup-checks">
    <legend>May</legend>
    {scopeRows.map(({ scope, title, words }) => (
      <CheckField
        key={scope}
        label={`${title} (${scope})`}
        hint={words}
        checked={scopes.includes(scope)}
        onValue={(checked) =>
          onScopes(checked ? [...scopes, scope] : scopes.filter((other) => other !== scope))
        }
      />
    ))}
    {problem && <p class="field-problem">{problem}</p>}
  </fieldset>
);
