/** A trigger: how its sender is set up, and what came of each delivery. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses, go } from "../../app/place.ts";
import { lineOf } from "../../app/problem.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { time, whole } from "../../ui/format.ts";
import { Loaded } from "../../ui/states.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Frame } from "./frame.tsx";
import { Copied, Secret } from "./secret.tsx";
import { TriggerDeliveries } from "./triggerDeliveries.tsx";
import { githubSteps, signedSteps } from "./triggerWords.ts";
import type { Trigger } from "./types.ts";

const refreshMs = 5000;

async function load(id: string, signal: AbortSignal): Promise<{ trigger: Trigger; etag: string }> {
  const answer = await api.triggers[":id"].$get({ param: { id } }, { init: { signal } });
  return { trigger: await answer.json(), etag: answer.headers.get("etag") ?? "" };
}

export default function TriggerPage({ params: { id = "" } }: PageProps) {
  const tagged = useData(`trigger ${id}`, (signal) => load(id, signal), { everyMs: refreshMs });
  const trigger = tagged.value?.trigger;
  return (
    <Frame
      part="Triggers"
      title={trigger?.name ?? "Trigger"}
      facts={
        trigger && (
          <Badge tone={trigger.enabled ? "good" : "warn"}>{trigger.enabled ? "enabled" : "disabled"}</Badge>
        )
      }
    >
      <Loaded of={tagged} what="trigger">
        {(value) => <Details key={id} {...value} onChange={tagged.refresh} />}
      </Loaded>
    </Frame>
  );
}

interface DetailsProps {
  trigger: Trigger;
  etag: string;
  onChange(): void;
}

function Details({ trigger, etag, onChange }: DetailsProps) {
  const { id, enabled } = trigger;
  const [secret, setSecret] = useState<string | null>(null);
  const [asked, setAsked] = useState<"delete" | "rotate" | null>(null);
  const close = () => setAsked(null);
  const toggle = async () => {
    try {
      const json = { enabled: !enabled };
      await read(api.triggers[":id"].$patch({ param: { id }, json }, { headers: { "if-match": etag } }));
      toast(enabled ? "It starts nothing now." : "It starts searches again.");
    } catch (error) {
      toast(lineOf(error), "bad");
    }
    onChange();
  };
  return (
    <>
      <div class="buttons">
        <Button onClick={toggle}>{enabled ? "Disable" : "Enable"}</Button>
        <Button onClick={() => setAsked("rotate")}>New secret</Button>
        <Button tone="danger" onClick={() => setAsked("delete")}>
          Delete
        </Button>
      </div>
      {secret !== null && (
        <Secret
          title="The new secret"
          secret={secret}
          hint="The old one is refused from now on: enter this one at the sender."
          onDone={() => setSecret(null)}
        />
      )}
      <div class="setup-columns">
        <HowTo trigger={trigger} />
        <Facts trigger={trigger} />
      </div>
      <TriggerDeliveries id={id} />
      <ConfirmDialog
        title="Make a new secret?"
        verb="Make it"
        isOpen={asked === "rotate"}
        onClose={close}
        onConfirm={async () =>
          setSecret((await read(api.triggers[":id"].rotate.$post({ param: { id } }))).secret)
        }
      >
        <p>The old one is refused at once: nothing is started until the sender signs with the new one.</p>
      </ConfirmDialog>
      <ConfirmDialog
        title={`Delete ${trigger.name}?`}
        verb="Delete it"
        isOpen={asked === "delete"}
        onClose={close}
        onConfirm={async () => {
          await api.triggers[":id"].$delete({ param: { id } });
          toast("The trigger is deleted.");
          go(addresses.triggers.slice(1));
        }}
      >
        <p>Its deliveries go with it; what it started stays. To stop it for a while, disable it.</p>
      </ConfirmDialog>
    </>
  );
}

function HowTo({ trigger }: { trigger: Trigger }) {
  const isGithub = trigger.source === "github";
  const steps = isGithub ? githubSteps(trigger) : signedSteps;
  return (
    <section class="card" aria-label="How to set it up">
      <h2>{isGithub ? "Set it up on GitHub" : "Send to it"}</h2>
      <Copied text={`${location.origin}/v1/triggers/${trigger.id}`} what="address" />
      <ol class="setup-steps">
        {steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <p class="hint">The secret was shown when the trigger was made. Lost it? Make a new one above.</p>
    </section>
  );
}

function Facts({ trigger }: { trigger: Trigger }) {
  const { template, source, events = [], filters, mapping, limits, createdAt } = trigger;
  const rows: (readonly [string, string])[] = [
    ["Starts", template],
    ["Sent by", source === "github" ? `GitHub: ${events.join(", ")}` : "any signed request"],
    ...Object.entries(filters).map(([name, entries]) => [name, (entries ?? []).join(", ")] as const),
    ...Object.entries(mapping).map(([name, entry]) => [`{{ ${name} }}`, mappingText(entry)] as const),
    ["At once", limits.maxRunning === undefined ? "no limit" : `at most ${whole(limits.maxRunning)}`],
    ["In 30 days", limits.budget === undefined ? "no limit" : `at most ${limits.budget.gpuHours} GPU hours`],
    ["Created", time(createdAt)],
  ];
  return (
    <section class="card" aria-label="What it starts">
      <h2>What it starts</h2>
      <dl>
        {rows.flatMap(([name, text]) => [<dt key={name}>{name}</dt>, <dd key={`${name} text`}>{text}</dd>])}
      </dl>
    </section>
  );
}

function mappingText(entry: Trigger["mapping"][string]): string {
  if (typeof entry === "string") return entry;
  return entry.default === undefined ? entry.pointer : `${entry.pointer}, else ${String(entry.default)}`;
}
