/** A webhook: what it is told, and how each delivery went. */

import { useState } from "preact/hooks";
import { api, read } from "../../app/api.ts";
import { addresses, go } from "../../app/place.ts";
import { lineOf } from "../../app/problem.ts";
import type { PageProps } from "../../app/routes.ts";
import { useData } from "../../app/useData.ts";
import { Badge, Button } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { time } from "../../ui/format.ts";
import { Loaded, StatusCard } from "../../ui/states.tsx";
import { toast } from "../../ui/toasts.tsx";
import { Frame } from "./frame.tsx";
import { useSearches } from "./searchField.tsx";
import { Secret } from "./secret.tsx";
import type { Webhook } from "./types.ts";
import { WebhookDeliveries } from "./webhookDeliveries.tsx";
import { WebhookForm } from "./webhookForm.tsx";
import { formatTitles, hostOf } from "./webhookWords.ts";

const refreshMs = 5000;

/** With the tag that a change of it must name. */
interface Tagged {
  webhook: Webhook;
  etag: string;
}

async function load(id: string, signal?: AbortSignal): Promise<Tagged> {
  const answer = await api.webhooks[":id"].$get({ param: { id } }, signal && { init: { signal } });
  return { webhook: await answer.json(), etag: answer.headers.get("etag") ?? "" };
}

export default function WebhookPage({ params: { id = "" } }: PageProps) {
  const tagged = useData(`webhook ${id}`, (signal) => load(id, signal), { everyMs: refreshMs });
  const name = tagged.value && (tagged.value.webhook.description || hostOf(tagged.value.webhook.url));
  return (
    <Frame
      part="Webhooks"
      title={name ?? "Webhook"}
      facts={
        tagged.value && (
          <Badge tone={tagged.value.webhook.enabled ? "good" : "warn"}>
            {tagged.value.webhook.enabled ? "enabled" : "disabled"}
          </Badge>
        )
      }
    >
      <Loaded of={tagged} what="webhook">
        {(value) => <Details key={id} {...value} onChange={tagged.refresh} />}
      </Loaded>
    </Frame>
  );
}

type Asked = "delete" | "rotate" | null;

function Details({ webhook, etag, onChange }: Tagged & { onChange(): void }) {
  const { id, enabled } = webhook;
  const [editing, setEditing] = useState<string | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const [tested, setTested] = useState(0);
  const patch = async (json: Partial<Omit<Webhook, "id">>, tag: string) => {
    await read(api.webhooks[":id"].$patch({ param: { id }, json }, { headers: { "if-match": tag } }));
    onChange();
  };
  const sendTest = () =>
    told(async () => {
      await read(api.webhooks[":id"].test.$post({ param: { id } }));
      toast("A test is on its way.");
      setTested((count) => count + 1);
    });
  const toggle = () =>
    told(async () => {
      await patch({ enabled: !enabled }, etag);
      toast(enabled ? "It is told of nothing now." : "It is told of events again.");
    });
  return (
    <>
      <div class="buttons">
        <Button tone="main" disabled={!enabled} onClick={sendTest}>
          Send a test
        </Button>
        <Button onClick={toggle}>{enabled ? "Disable" : "Enable"}</Button>
        <Button onClick={() => setEditing(etag)}>Edit</Button>
        <Button onClick={() => setAsked("rotate")}>New secret</Button>
        <Button tone="danger" onClick={() => setAsked("delete")}>
          Delete
        </Button>
      </div>
      {!enabled && (
        <StatusCard tone="warn" title="It is told of nothing">
          <p>
            {webhook.disabledReason === null
              ? "Somebody disabled it. Enable it and it is told of what happens from then on."
              : `${webhook.disabledReason}. See to the address, then enable it again.`}
          </p>
        </StatusCard>
      )}
      {secret !== null && (
        <Secret
          title="The new secret"
          secret={secret}
          hint="The old one signs beside it for 24 hours, so that nothing is lost while you change it."
          onDone={() => setSecret(null)}
        />
      )}
      {editing === null ? (
        <Facts webhook={webhook} />
      ) : (
        <WebhookForm
          title="Change the webhook"
          verb="Save"
          initial={inputOf(webhook)}
          onSubmit={async (input) => {
            await patch(input, editing);
            setEditing(null);
            toast("Saved.");
          }}
          onCancel={() => setEditing(null)}
        />
      )}
      <WebhookDeliveries id={id} isEnabled={enabled} when={tested} />
      <Questions id={id} asked={asked} onClose={() => setAsked(null)} onSecret={setSecret} />
    </>
  );
}

const inputOf = ({ url, description, events, searchId, campaignId, format }: Webhook) => ({
  ...{ url, description, events, searchId, campaignId, format },
});

interface QuestionsProps {
  id: string;
  asked: Asked;
  onClose(): void;
  onSecret(secret: string): void;
}

const Questions = ({ id, asked, onClose, onSecret }: QuestionsProps) => (
  <>
    <ConfirmDialog
      title="Make a new secret?"
      verb="Make it"
      isOpen={asked === "rotate"}
      onClose={onClose}
      onConfirm={async () =>
        onSecret((await read(api.webhooks[":id"].rotate.$post({ param: { id } }))).secret)
      }
    >
      <p>
        What is sent is signed with both for 24 hours. Enter the new one at the receiver within that time.
      </p>
    </ConfirmDialog>
    <ConfirmDialog
      title="Delete the webhook?"
      verb="Delete it"
      isOpen={asked === "delete"}
      onClose={onClose}
      onConfirm={async () => {
        await api.webhooks[":id"].$delete({ param: { id } });
        toast("The webhook is deleted.");
        go(addresses.webhooks.slice(1));
      }}
    >
      <p>
        Its deliveries go with it, and what is still to be sent is not. To stop it for a while, disable it.
      </p>
    </ConfirmDialog>
  </>
);

/** Tells what went wrong. */
async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    toast(lineOf(error), "bad");
  }
}

function Facts({ webhook }: { webhook: Webhook }) {
  const { url, format, events, searchId, campaignId, createdAt, previousSecretUntil } = webhook;
  const search = useSearches().find(({ id }) => id === searchId);
  return (
    <section class="card" aria-label="What it is told">
      <dl>
        <dt>Address</dt>
        <dd>{url}</dd>
        <dt>Sent as</dt>
        <dd>{formatTitles[format]}</dd>
        <dt>Events</dt>
        <dd>{events.length === 0 ? "all" : events.join(", ")}</dd>
        <dt>Only of</dt>
        <dd>
          {searchId === null && campaignId === null && "nothing: every search"}
          {searchId !== null && <a href={addresses.search(searchId)}>{search?.name ?? searchId}</a>}
          {campaignId !== null && ` the campaign ${campaignId}`}
        </dd>
        <dt>Created</dt>
        <dd>{time(createdAt)}</dd>
        {previousSecretUntil !== null && (
          <>
            <dt>Old secret</dt>
            <dd>signs too until {time(previousSecretUntil)}</dd>
          </>
        )}
      </dl>
    </section>
  );
}
