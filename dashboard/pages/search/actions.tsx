/** What can be done with a search. What cannot be taken back is asked about first. */

import { useRef, useState } from "preact/hooks";
import { api, isFinished, read, type Search, send, useCan } from "../../app/api.ts";
import { addresses, go } from "../../app/place.ts";
import { lineOf } from "../../app/problem.ts";
import { Button, LinkButton } from "../../ui/controls.tsx";
import { ConfirmDialog } from "../../ui/dialog.tsx";
import { download } from "../../ui/download.ts";
import { toast } from "../../ui/toasts.tsx";

interface ActionsProps {
  search: Search;
  /** Loads it anew. */
  onChange(): void;
}

type Asked = "cancel" | "delete" | "publish";

export function Actions({ search, onChange }: ActionsProps) {
  const mayWrite = useCan("searches:write");
  const [asked, ask] = useState<Asked | null>(null);
  const { state } = search;
  const isOpen = !isFinished(search);
  return (
    <>
      {mayWrite && state === "paused" && (
        <Button onClick={() => steer(search, "resume", "It goes on.", onChange)}>Resume</Button>
      )}
      {mayWrite && isOpen && state !== "paused" && (
        <Button onClick={() => steer(search, "pause", "It stops once the running round is over.", onChange)}>
          Pause
        </Button>
      )}
      {mayWrite && isOpen && <Button onClick={() => ask("cancel")}>Cancel</Button>}
      <More search={search} mayWrite={mayWrite} onChange={onChange} onAsk={ask} />
      <LinkButton href={addresses.choose(search.id)} tone="main">
        Choose
      </LinkButton>
      <Questions search={search} asked={asked} onClose={() => ask(null)} onChange={onChange} />
    </>
  );
}

async function steer(
  { id }: Search,
  verb: "pause" | "resume",
  done: string,
  onChange: () => void,
): Promise<void> {
  try {
    await read(api.searches[":id"][verb].$post({ param: { id } }));
    toast(done);
  } catch (error) {
    toast(lineOf(error), "bad");
  }
  onChange();
}

async function setVisibility({ id }: Search, visibility: Search["visibility"]): Promise<void> {
  // Whatever else was changed meanwhile stays as it is.
  const headers = { "if-match": "*" };
  await read(api.searches[":id"].$patch({ param: { id }, json: { visibility } }, { headers }));
}

interface MoreProps extends ActionsProps {
  mayWrite: boolean;
  onAsk(asked: Asked): void;
}

/** The less common ones. */
function More({ search, mayWrite, onChange, onAsk }: MoreProps) {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = () => menu.current?.removeAttribute("open");
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || menu.current?.open !== true) return;
    close();
    menu.current.querySelector("summary")?.focus();
  };
  const onFocusOut = ({ relatedTarget }: FocusEvent) => {
    if (relatedTarget instanceof Node && !menu.current?.contains(relatedTarget)) close();
  };
  const hide = async () => {
    try {
      await setVisibility(search, "private");
      toast("Only with a token can it be seen now.");
    } catch (error) {
      toast(lineOf(error), "bad");
    }
    onChange();
  };
  const isArchivable = isFinished(search) || search.state === "paused";
  return (
    <details class="more" ref={menu} onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <summary class="button">More</summary>
      <div class="card more-items">
        {mayWrite && (
          <LinkButton href={addresses.newSearchLike(search.id)} tone="quiet">
            New search like it
          </LinkButton>
        )}
        {search.visibility === "public" && <CopyLink onDone={close} />}
        {mayWrite && search.visibility === "private" && (
          <Button
            tone="quiet"
            onClick={() => {
              close();
              onAsk("publish");
            }}
          >
            Make public
          </Button>
        )}
        {mayWrite && search.visibility === "public" && (
          <Button tone="quiet" onClick={hide}>
            Make private
          </Button>
        )}
        <Button tone="quiet" onClick={() => saveFile(search, "front?format=csv", "csv")}>
          Front as CSV
        </Button>
        <Button tone="quiet" disabled={!isArchivable} onClick={() => saveFile(search, "archive", "tar")}>
          Export archive
        </Button>
        {!isArchivable && <p class="hint">Pause it to export all of it.</p>}
        {mayWrite && (
          <Button
            tone="danger"
            onClick={() => {
              close();
              onAsk("delete");
            }}
          >
            Delete
          </Button>
        )}
      </div>
    </details>
  );
}

function CopyLink({ onDone }: { onDone(): void }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      toast("Copied the link. Whoever has it can look.");
    } catch {
      toast("This browser did not let the page copy. Copy the address of this page.", "bad");
    }
    onDone();
  };
  return (
    <Button tone="quiet" onClick={copy}>
      Copy link
    </Button>
  );
}

/** With the token, which a plain link could not send. */
async function saveFile({ id, name }: Search, what: string, ending: string): Promise<void> {
  try {
    const response = await send(`/v1/searches/${encodeURIComponent(id)}/${what}`, {
      headers: { accept: "*/*" },
    });
    download(`${name}.${ending}`, await response.blob());
  } catch (error) {
    toast(lineOf(error), "bad");
  }
}

interface QuestionsProps extends ActionsProps {
  asked: Asked | null;
  onClose(): void;
}

function Questions({ search, asked, onClose, onChange }: QuestionsProps) {
  const { id, name } = search;
  const cancel = async () => {
    await read(api.searches[":id"].cancel.$post({ param: { id } }));
    toast("It is cancelled. What it found stays.");
    onChange();
  };
  const remove = async () => {
    await api.searches[":id"].$delete({ param: { id } });
    toast(`Deleted "${name}".`);
    go("/searches");
  };
  const publish = async () => {
    await setVisibility(search, "public");
    toast("Whoever has its address can see it now.");
    onChange();
  };
  return (
    <>
      <ConfirmDialog
        title="Cancel this search?"
        verb="Cancel the search"
        isOpen={asked === "cancel"}
        onClose={onClose}
        onConfirm={cancel}
      >
        <p>
          It ends now and cannot go on later; pausing can be taken back. What it found stays, and machines
          rented for it are given back.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        title="Delete this search?"
        verb="Delete for good"
        isOpen={asked === "delete"}
        onClose={onClose}
        onConfirm={remove}
      >
        <p class="said">{name}</p>
        <p>
          Its rounds, architectures, trained models and checkpoints go with it. Export it first to keep them.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        title="Make this search public?"
        verb="Make public"
        isOpen={asked === "publish"}
        onClose={onClose}
        onConfirm={publish}
      >
        <p>
          Whoever has its address sees all of it without a token, its cost excepted. Nobody can change it.
        </p>
      </ConfirmDialog>
    </>
  );
}
