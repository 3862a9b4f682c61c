/** What a webhook is told, where and how: to create and to change one. */

import { useState } from "preact/hooks";
import { api, read, useCan } from "../../app/api.ts";
import { useData } from "../../app/useData.ts";
import { CheckField, SelectField, TextField } from "../../ui/fields.tsx";
import { Form } from "./form.tsx";
import { SearchField, useSearches } from "./searchField.tsx";
import type { Webhook } from "./types.ts";
import { eventGroups, formatHints, formatTitles, shortened, writtenOut } from "./webhookWords.ts";

export type WebhookInput = Pick<
  Webhook,
  "url" | "description" | "events" | "searchId" | "campaignId" | "format"
>;

export const blankWebhook: WebhookInput = {
  url: "",
  description: "",
  events: [],
  searchId: null,
  campaignId: null,
  format: "standard",
};

interface WebhookFormProps {
  title: string;
  verb: string;
  initial: WebhookInput;
  onSubmit(input: WebhookInput): Promise<unknown>;
  onCancel(): void;
}

const formats = Object.entries(formatTitles).map(([value, title]) => ({
  value: value as Webhook["format"],
  title,
}));

export function WebhookForm({ title, verb, initial, onSubmit, onCancel }: WebhookFormProps) {
  const [input, setInput] = useState(initial);
  const [chosen, setChosen] = useState<readonly string[]>(() => writtenOut(initial.events));
  const set = (values: Partial<WebhookInput>) => setInput({ ...input, ...values });
  return (
    <Form
      title={title}
      verb={verb}
      shown={["/url", "/description", "/events", "/searchId", "/campaignId"]}
      onSubmit={() => onSubmit({ ...input, events: shortened(chosen) })}
      onCancel={onCancel}
    >
      {(problemOf) => (
        <>
          <SelectField
            label="Sent as"
            hint={formatHints[input.format]}
            options={formats}
            value={input.format}
            onValue={(format) => set({ format })}
          />
          <TextField
            label="Address"
            type="url"
            hint="https, and reachable for everybody."
            required
            placeholder="https://hooks.example.org/nasturtium"
            problem={problemOf("/url")}
            value={input.url}
            onValue={(url) => set({ url })}
          />
          <TextField
            label="What it is for"
            placeholder="the team's channel"
            problem={problemOf("/description")}
            value={input.description}
            onValue={(description) => set({ description })}
          />
          <Events chosen={chosen} problem={problemOf("/events")} onChosen={setChosen} />
          <Whose input={input} problemOf={problemOf} onChange={set} />
        </>
      )}
    </Form>
  );
}

interface EventsProps {
  chosen: readonly string[];
  problem: string | undefined;
  onChosen(events: readonly string[]): void;
}

/** Each group with its events. At least one stays: none would mean all to the edge. */
function Events({ chosen, problem, onChosen }: EventsProps) {
  const change = (events: readonly string[], isWanted: boolean) => {
    const rest = chosen.filter((event) => !events.includes(event));
    const next = isWanted ? [...rest, ...events] : rest;
    if (next.length > 0) onChosen(next);
  };
  return (
    <div class="stack">
      <p>
        <strong>Events</strong>{" "}
        <span class="hint">
          At least one; those of a group that is whole include what is added to it later.
        </span>
      </p>
      <div class="setup-events">
        {eventGroups.map(({ filter, title, events }) => {
          const isWhole = events.every((event) => chosen.includes(event));
          return (
            <fieldset key={filter} class="setup-checks">
              <legend>{title}</legend>
              {events.length > 1 && (
                <CheckField
                  label={`all (${filter})`}
                  checked={isWhole}
                  onValue={(isWanted) => change(events, isWanted)}
                />
              )}
              {events.map((event) => (
                <CheckField
                  key={event}
                  label={event}
                  checked={chosen.includes(event)}
                  onValue={(isWanted) => change([event], isWanted)}
                />
              ))}
            </fieldset>
          );
        })}
      </div>
      {problem && <p class="field-problem">{problem}</p>}
    </div>
  );
}

interface WhoseProps {
  input: WebhookInput;
  problemOf(pointer: string): string | undefined;
  onChange(values: Partial<WebhookInput>): void;
}

function Whose({ input, problemOf, onChange }: WhoseProps) {
  const searches = useSearches();
  const mayRead = useCan("searches:read");
  const campaigns = useData(mayRead ? "campaigns to choose from" : null, (signal) =>
    read(api.campaigns.$get({ query: { limit: 200 } }, { init: { signal } })),
  );
  const all = campaigns.value?.data ?? [];
  return (
    <div class="setup-pair">
      <SearchField
        label="Only of the search"
        none="every search"
        searches={searches}
        problem={problemOf("/searchId")}
        value={input.searchId ?? ""}
        onValue={(id) => onChange({ searchId: id || null })}
      />
      {(all.length > 0 || input.campaignId !== null) && (
        <SearchField
          label="Only of the campaign"
          none="every campaign, and searches of none"
          searches={all}
          problem={problemOf("/campaignId")}
          value={input.campaignId ?? ""}
          onValue={(id) => onChange({ campaignId: id || null })}
        />
      )}
    </div>
  );
}
