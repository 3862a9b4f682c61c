/** Makes a trigger: what it listens to, where its values are, and how much it may start. */

import { useState } from "preact/hooks";
import type { GithubEvent, TriggerInput } from "../../../shared/trigger.ts";
import { api, read } from "../../app/api.ts";
import { CheckField, NumberField, SelectField, TextField } from "../../ui/fields.tsx";
import { entriesOf, Form } from "./form.tsx";
import { filterRows, githubEventNames, githubEventTitles } from "./triggerWords.ts";
import type { Template, Trigger } from "./types.ts";
import { typedValue } from "./values.ts";

const sources = [
  { value: "github", title: "GitHub" },
  { value: "signed", title: "any signed request" },
] as const;

interface Draft {
  name: string;
  template: string;
  source: Trigger["source"];
  events: readonly GithubEvent[];
  /** By name, as they were typed. */
  filters: Readonly<Record<string, string>>;
  /** By placeholder. */
  mapping: Readonly<Record<string, { pointer: string; default: string }>>;
  maxRunning: number | null;
  gpuHours: number | null;
}

/** What the edge is asked for. */
function inputOf(draft: Draft, placeholders: readonly string[]): TriggerInput {
  const { name, template, source, events, filters, mapping, maxRunning, gpuHours } = draft;
  const isGithub = source === "github";
  const given = filterRows
    .filter(({ event }) => event === undefined || events.includes(event))
    .map(({ name: key }) => [key, entriesOf(filters[key] ?? "")] as const)
    .filter(([, entries]) => entries.length > 0);
  return {
    name,
    template,
    source,
    ...(isGithub && { events: [...events], filters: Object.fromEntries(given) }),
    mapping: Object.fromEntries(
      placeholders.map((key) => {
        const { pointer = "", default: fallback = "" } = mapping[key] ?? {};
        return [key, fallback === "" ? pointer : { pointer, default: typedValue(fallback) }];
      }),
    ),
    limits: {
      ...(maxRunning !== null && { maxRunning }),
      ...(gpuHours !== null && { budget: { gpuHours } }),
    },
  };
}

interface TriggerFormProps {
  templates: readonly Template[];
  onMade(trigger: { id: string; secret: string }): void;
  onCancel(): void;
}

export function TriggerForm({ templates, onMade, onCancel }: TriggerFormProps) {
  const [draft, setDraft] = useState<Draft>({
    name: "",
    template: templates[0]?.name ?? "",
    source: "github",
    events: ["push"],
    filters: {},
    mapping: {},
    maxRunning: 2,
    gpuHours: null,
  });
  const set = (values: Partial<Draft>) => setDraft({ ...draft, ...values });
  const placeholders = templates.find(({ name }) => name === draft.template)?.placeholders ?? [];
  const submit = async () => {
    const { id, secret } = await read(api.triggers.$post({ json: inputOf(draft, placeholders) }));
    onMade({ id, secret });
  };
  return (
    <Form
      title="New trigger"
      verb="Create the trigger"
      shown={[
        "/name",
        "/template",
        "/events",
        "/limits/maxRunning",
        "/limits/budget",
        ...filterRows.map(({ name }) => `/filters/${name}`),
        ...placeholders.map((name) => `/mapping/${name}`),
      ]}
      onSubmit={submit}
      onCancel={onCancel}
    >
      {(problemOf) => {
        const props = { draft, set, problemOf };
        return (
          <>
            <Basics {...props} templates={templates} />
            {draft.source === "github" && <Github {...props} />}
            <Mapping {...props} placeholders={placeholders} />
            <Limits {...props} />
          </>
        );
      }}
    </Form>
  );
}

interface PartProps {
  draft: Draft;
  set(values: Partial<Draft>): void;
  problemOf(pointer: string): string | undefined;
}

const Basics = ({ draft, set, problemOf, templates }: PartProps & { templates: readonly Template[] }) => (
  <div class="setup-pair">
    <TextField
      label="Name"
      required
      placeholder="pushes to main"
      problem={problemOf("/name")}
      value={draft.name}
      onValue={(name) => set({ name })}
    />
    <SelectField
      label="Template that it starts"
      options={templates.map(({ name }) => ({ value: name, title: name }))}
      problem={problemOf("/template")}
      value={draft.template}
      onValue={(template) => set({ template })}
    />
    <SelectField
      label="Sent by"
      options={sources}
      value={draft.source}
      onValue={(source) => set({ source })}
    />
  </div>
);

const Github = ({ draft, set, problemOf }: PartProps) => (
  <>
    <fieldset class="setup-checks groups">
      <legend>At which events</legend>
      {githubEventNames.map((event) => (
        <CheckField
          key={event}
          label={githubEventTitles[event]}
          checked={draft.events.includes(event)}
          onValue={(isWanted) =>
            set({
              events: githubEventNames.filter((one) =>
                one === event ? isWanted : draft.events.includes(one),
              ),
            })
          }
        />
      ))}
      {problemOf("/events") && <p class="field-problem">{problemOf("/events")}</p>}
    </fieldset>
    <div class="setup-pair">
      {filterRows
        .filter(({ event }) => event === undefined || draft.events.includes(event))
        .map(({ name, title, hint }) => (
          <TextField
            key={name}
            label={title}
            hint={hint}
            problem={problemOf(`/filters/${name}`)}
            value={draft.filters[name] ?? ""}
            onValue={(text) => set({ filters: { ...draft.filters, [name]: text } })}
          />
        ))}
    </div>
  </>
);

function Mapping({ draft, set, problemOf, placeholders }: PartProps & { placeholders: readonly string[] }) {
  if (placeholders.length === 0) return null;
  return (
    <div class="stack">
      <p>
        <strong>Values for the template</strong>{" "}
        <span class="hint">
          Where each is in what is sent, as a JSON pointer: /ref is the ref of a push, /head_commit/id its
          commit.
        </span>
      </p>
      {placeholders.map((name) => {
        const entry = draft.mapping[name] ?? { pointer: "", default: "" };
        const change = (values: Partial<typeof entry>) =>
          set({ mapping: { ...draft.mapping, [name]: { ...entry, ...values } } });
        return (
          <div class="setup-pair" key={name}>
            <TextField
              label={`Where ${name} is`}
              placeholder={`/${name}`}
              autocapitalize="none"
              problem={problemOf(`/mapping/${name}`)}
              value={entry.pointer}
              onValue={(pointer) => change({ pointer })}
            />
            <TextField
              label={`Else ${name} is`}
              value={entry.default}
              onValue={(text) => change({ default: text })}
            />
          </div>
        );
      })}
    </div>
  );
}

const Limits = ({ draft, set, problemOf }: PartProps) => (
  <div class="setup-pair">
    <NumberField
      label="Searches at once, at most"
      hint="What comes while so many run is refused. No limit where it is empty."
      min={1}
      problem={problemOf("/limits/maxRunning")}
      value={draft.maxRunning}
      onValue={(maxRunning) => set({ maxRunning })}
    />
    <NumberField
      label="GPU hours in 30 days, at most"
      hint="By the budgets of what it starts: the template needs one."
      min={0}
      problem={problemOf("/limits/budget")}
      value={draft.gpuHours}
      onValue={(gpuHours) => set({ gpuHours })}
    />
  </div>
);
