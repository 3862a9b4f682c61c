/** A new search: a form, the same as text, what it would hold and cost, and the button that starts it. */

import "../../device/jitless.ts";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, read, useCan } from "../../app/api.ts";
import { addresses, go } from "../../app/place.ts";
import { ApiProblem, lineOf } from "../../app/problem.ts";
import type { PageProps } from "../../app/routes.ts";
import { session } from "../../app/session.ts";
import { useStore } from "../../app/store.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Loading, StatusCard, TokenForm } from "../../ui/states.tsx";
import { announce, toast } from "../../ui/toasts.tsx";
import { useChoices } from "./choices.ts";
import { firstSpecification } from "./defaults.ts";
import { type Draft, draftOf, edited, type Path, parsed, type Value } from "./draft.ts";
import { newForm } from "./form.ts";
import { Objectives } from "./objectives.tsx";
import { ProfileCard } from "./profileCard.tsx";
import { Rental } from "./rental.tsx";
import { Basics, Budget, DataAndSpace, FinalTraining, NetworkAndSchedule } from "./sections.tsx";
import { StartFrom } from "./startFrom.tsx";
import { forgetDraft, idempotencyKey, keepDraft, keptDraft } from "./storage.ts";
import { Summary } from "./summary.tsx";
import { TextPane } from "./textPane.tsx";
import { type Checked, useChecked } from "./useChecked.ts";
import "./newSearch.css";

export default function NewSearchPage({ query }: PageProps) {
  const { me } = useStore(session);
  const mayStart = useCan("searches:write");
  return (
    <>
      <PageHead title="New search" within={[["Searches", addresses.searches]]} />
      {me === undefined ? (
        <Loading what="the form" lines={6} />
      ) : mayStart ? (
        <Writing query={query} />
      ) : (
        <NoScope />
      )}
    </>
  );
}

const NoScope = () => (
  <div class="narrow">
    <StatusCard tone="calm" title="Starting a search needs a token that may">
      <p>Paste one with the scope searches:write.</p>
      <pre>nasturtium tokens create --scope searches:write --name browser</pre>
      <TokenForm />
    </StatusCard>
  </div>
);

/** What the address asks to begin with. */
function askedFor(query: URLSearchParams): string | null {
  for (const kind of ["template", "search"]) {
    const name = query.get(kind);
    if (name !== null && name !== "") return `${kind}:${name}`;
  }
  return null;
}

function useDraft() {
  const [draft, setDraft] = useState<Draft>(() => keptDraft() ?? draftOf(firstSpecification));
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) keepDraft(draft);
    isFirst.current = false;
  }, [draft]);
  const said = useMemo(() => parsed(draft), [draft]);
  const lastValue = useRef<Value>({});
  if (said.value !== null) lastValue.current = said.value;
  return { draft, setDraft, said, value: lastValue.current };
}

function Writing({ query }: { query: URLSearchParams }) {
  const { draft, setDraft, said, value } = useDraft();
  const [before, setBefore] = useState<Draft | null>(null);
  const choices = useChoices();
  const checked = useChecked(said.value, choices.pushed);
  const [refused, setRefused] = useState<{ text: string; errors: ApiProblem["errors"] } | null>(null);
  const ofStart = refused?.text === draft.text ? refused.errors : [];
  const problems = checked.problems.length > 0 ? checked.problems : ofStart;
  const area = useRef<HTMLTextAreaElement>(null);
  const form = newForm(value, problems, (path: Path, next: unknown) =>
    setDraft((now) => edited(now, path, next)),
  );
  const begin = (next: Value, what: string) => {
    setBefore(draft);
    setDraft(draftOf(next, draft.format));
    announce(`The form shows ${what} now.`);
    if (askedFor(query) !== null) go("/new", { replace: true });
  };
  const start = async () => {
    try {
      const id = await started(draft, said.value);
      forgetDraft();
      toast("The search is created.");
      go(addresses.search(id).slice(1));
    } catch (error) {
      if (error instanceof ApiProblem) setRefused({ text: draft.text, errors: error.errors });
      toast(lineOf(error), "bad");
    }
  };
  return (
    <div class="new-search">
      <fieldset class="stack new-form" disabled={said.value === null}>
        <legend class="visually-hidden">Specification as a form</legend>
        <StartFrom asked={askedFor(query)} onStart={begin} />
        {before !== null && (
          <div class="note">
            <p>What was here before is kept.</p>
            <Button
              tone="quiet"
              onClick={() => {
                setDraft(before);
                setBefore(null);
              }}
            >
              Take it back
            </Button>
          </div>
        )}
        {said.value === null && (
          <p class="field-problem">The form follows again once the text has no fault.</p>
        )}
        <Basics form={form} />
        <DataAndSpace form={form} choices={choices} />
        <Objectives form={form} choices={choices} />
        <NetworkAndSchedule form={form} />
        <Budget form={form} />
        <Rental form={form} />
        <FinalTraining form={form} />
      </fieldset>
      <div class="stack new-side">
        <TextPane draft={draft} said={said} onDraft={setDraft} area={area} />
        <section class="card new-start" aria-label="Before it starts">
          <div class="new-start-head">
            <h2>Before it starts</h2>
            <Freshness checked={checked} />
          </div>
          {problems.length > 0 && <Summary problems={problems} draft={draft} area={area} />}
          <Told checked={checked} />
          <div class="buttons new-go">
            <Button
              tone="main"
              onClick={start}
              disabled={said.value === null || problems.length > 0 || checked.isAsking}
            >
              Start the search
            </Button>
            <p class="hint">{rentsText(value)}</p>
          </div>
        </section>
      </div>
    </div>
  );
}

const rentsText = (value: Value): string =>
  value.rental === undefined ? "It waits for a runner of yours." : "Machines are rented at once.";

/** Whether the figures are of what is typed now. */
function Freshness({ checked: { isAsking, specification, profile } }: { checked: Checked }) {
  if (isAsking) return <Badge>working it out</Badge>;
  return specification === null && profile !== null ? <Badge tone="warn">as it was before</Badge> : null;
}

/** The profile, or why there is none. */
function Told({ checked: { profile, specification, isAsking, error, problems } }: { checked: Checked }) {
  const isOld = isAsking || specification === null;
  return (
    <div class={`stack new-told ${isOld ? "old" : ""}`} aria-busy={isAsking}>
      <p class="visually-hidden" role="status">
        {isAsking ? "Working out what it holds." : problems.length > 0 ? `${problems.length} problems.` : ""}
      </p>
      {error !== null && <p class="field-problem">{`No profile: ${lineOf(error)}`}</p>}
      {profile !== null && <ProfileCard profile={profile} specification={specification} />}
      {profile === null && isAsking && <Loading what="the profile" lines={3} />}
    </div>
  );
}

/** @returns its id */
async function started(draft: Draft, value: Value | null): Promise<string> {
  const headers = { "idempotency-key": idempotencyKey(draft) };
  const json = value as Parameters<typeof api.searches.$post>[0]["json"];
  const { id } = await read(api.searches.$post({ json }, { headers }));
  return id;
}
