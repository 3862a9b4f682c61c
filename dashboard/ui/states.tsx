/** What is shown instead of content: loading, nothing there, something wrong. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiProblem, kindOf, type ProblemKind } from "../app/problem.ts";
import { session, signIn } from "../app/session.ts";
import { useStore } from "../app/store.ts";
import type { Data } from "../app/useData.ts";
import { Button } from "./controls.tsx";
import { CheckField, TextField } from "./fields.tsx";
import { ago } from "./format.ts";

interface CardProps {
  tone: "calm" | "good" | "warn" | "bad";
  title: string;
  children?: ComponentChildren;
}

export const StatusCard = ({ tone, title, children }: CardProps) => (
  <section class={`card status ${tone}`} role={tone === "bad" ? "alert" : undefined}>
    <h2 tabIndex={-1}>
      <span class="dot" aria-hidden="true" />
      {title}
    </h2>
    {children}
  </section>
);

/** Nothing is there yet: what it will be, and how to get it. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <section class="card empty">
    <img src="/icon.svg" alt="" width="48" height="48" />
    <h2>{title}</h2>
    {children}
  </section>
);

/** Bars where lines will be. */
export const Loading = ({ what, lines = 3 }: { what: string; lines?: number }) => (
  <div class="loading" role="status">
    <span class="visually-hidden">Loading {what}</span>
    {Array.from({ length: lines }, (_, line) => (
      <span key={line} class="bone" aria-hidden="true" />
    ))}
  </div>
);

interface ProblemRow {
  tone: CardProps["tone"];
  title: string;
  fix: string;
  /** What to type for that. */
  command?: string;
  offers: "token" | "again" | "list";
}

const rows: Record<ProblemKind, ProblemRow> = {
  "token-missing": {
    tone: "calm",
    title: "A token is needed here",
    fix: "Only public searches are shown without one. “nasturtium dev” prints an address with its token in it, “nasturtium deploy” the first token. Whoever has one makes others:",
    command: "nasturtium tokens create --scope searches:write --name browser",
    offers: "token",
  },
  "token-refused": {
    tone: "bad",
    title: "The token is not accepted any more",
    fix: "Paste another one and the page goes on where it was.",
    offers: "token",
  },
  forbidden: {
    tone: "bad",
    title: "The token may not do this",
    fix: "It is valid but lacks a scope. Paste another one, or ask whoever gave you this one.",
    offers: "token",
  },
  "not-found": {
    tone: "warn",
    title: "There is nothing here",
    fix: "It was deleted, or the address is mistyped.",
    offers: "list",
  },
  unreachable: {
    tone: "warn",
    title: "The edge does not answer",
    fix: "The page tries again by itself. Check the connection, and whether the edge runs.",
    offers: "again",
  },
  "rate-limited": {
    tone: "warn",
    title: "Too many requests for now",
    fix: "The edge answers so many a minute and no more. The page goes on by itself.",
    offers: "again",
  },
  refused: {
    tone: "bad",
    title: "The edge does not accept this",
    fix: "Correct what it names and try again.",
    offers: "again",
  },
  unexpected: {
    tone: "bad",
    title: "Something went wrong",
    fix: "Try again. If it stays, the edge's log tells more.",
    offers: "again",
  },
};

interface ProblemCardProps {
  error: unknown;
  onAgain?: (() => void) | undefined;
}

export function ProblemCard({ error, onAgain }: ProblemCardProps) {
  const { token } = useStore(session);
  const { tone, title, fix, command, offers } = rows[kindOf(error, token !== null)];
  const said = error instanceof Error ? error.message : String(error);
  const problem = error instanceof ApiProblem ? error : null;
  return (
    <StatusCard tone={tone} title={title}>
      {said !== "" && kindOf(error, token !== null) !== "token-missing" && <p class="said">{said}</p>}
      <p>{fix}</p>
      {command !== undefined && <pre>{command}</pre>}
      {problem?.requestId !== undefined && problem.status >= 500 && (
        <p class="hint">Request {problem.requestId}</p>
      )}
      {offers === "token" && <TokenForm />}
      {offers === "list" && <a href="#/searches">To the searches</a>}
      {offers === "again" && onAgain !== undefined && (
        <div class="buttons">
          <Button onClick={onAgain}>Try again</Button>
        </div>
      )}
    </StatusCard>
  );
}

export function TokenForm({ onDone }: { onDone?: () => void }) {
  const { isRemembered } = useStore(session);
  const [text, setText] = useState("");
  const [remember, setRemember] = useState(isRemembered);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() === "") return;
    signIn(text.trim(), remember);
    onDone?.();
  };
  return (
    <form class="stack token-form" onSubmit={submit}>
      <TextField
        label="Token"
        type="password"
        required
        placeholder="nst_…"
        autocapitalize="none"
        value={text}
        onValue={setText}
      />
      <CheckField
        label="Remember it on this device"
        hint="Otherwise it is forgotten when this tab is closed."
        checked={remember}
        onValue={setRemember}
      />
      <div class="buttons">
        <button type="submit" class="button main">
          Use this token
        </button>
      </div>
    </form>
  );
}

interface LoadedProps<T> {
  of: Data<T>;
  /** What is loaded, for who waits: `searches`. */
  what: string;
  lines?: number;
  children: (value: T) => ComponentChildren;
}

/** The content once it is there; bars before, the problem instead, a note above where it is old. */
export function Loaded<T>({ of: data, what, lines = 3, children }: LoadedProps<T>) {
  const { value, error, loadedAt, refresh } = data;
  // The shell asks for another token, once for all of the page.
  const isAsked = error instanceof ApiProblem && error.status === 401;
  // What was deleted meanwhile is not shown as if it were only old.
  const isGone = error instanceof ApiProblem && error.status === 404;
  if (value === undefined || isGone) {
    if (isAsked) return null;
    if (error === null) return <Loading what={what} lines={lines} />;
    return <ProblemCard error={error} onAgain={refresh} />;
  }
  return (
    <>
      {error !== null && <StaleNote what={what} loadedAt={loadedAt} error={error} onAgain={refresh} />}
      {children(value)}
    </>
  );
}

interface StaleNoteProps {
  what: string;
  loadedAt: number | null;
  error: unknown;
  onAgain(): void;
}

function StaleNote({ what, loadedAt, error, onAgain }: StaleNoteProps) {
  const { token } = useStore(session);
  const { title } = rows[kindOf(error, token !== null)];
  return (
    <div class="note warn" role="status">
      <p>
        {title}. The {what} below are from {ago(loadedAt)}.
      </p>
      <Button tone="quiet" onClick={onAgain}>
        Try again
      </Button>
    </div>
  );
}
