/** Buttons, links that look like them, badges, bars and tabs. */

import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { toast } from "./toasts.tsx";

interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "onClick"> {
  /** `main`: what the page is for; `danger`: ends or deletes something. */
  tone?: "plain" | "main" | "danger" | "quiet";
  /** While a promise of it is open the button is busy and cannot be pressed again. */
  onClick?: (event: MouseEvent) => unknown;
  children: ComponentChildren;
}

export function Button({ tone = "plain", onClick, children, disabled, ...rest }: ButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const press = async (event: MouseEvent) => {
    const work = onClick?.(event);
    if (!(work instanceof Promise)) return;
    setBusy(true);
    try {
      await work;
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      {...rest}
      class={`button ${tone}`}
      disabled={disabled === true || isBusy}
      aria-busy={isBusy}
      onClick={(event) => void press(event)}
    >
      {children}
    </button>
  );
}

interface LinkButtonProps {
  href: string;
  tone?: "plain" | "main" | "quiet";
  children: ComponentChildren;
}

export const LinkButton = ({ href, tone = "plain", children }: LinkButtonProps) => (
  <a class={`button ${tone}`} href={href}>
    {children}
  </a>
);

export type Tone = "good" | "warn" | "bad" | "info" | "calm";

export const Badge = ({ tone = "calm", children }: { tone?: Tone; children: ComponentChildren }) => (
  <span class={`badge ${tone}`}>{children}</span>
);

/** How searches, trainings, machines and deliveries are shown, by the name of their state. */
const stateTones: Record<string, Tone> = {
  running: "info",
  launching: "info",
  launched: "info",
  queued: "calm",
  paused: "warn",
  draining: "warn",
  completed: "good",
  delivered: "good",
  failed: "bad",
  lost: "bad",
  cancelled: "calm",
};

export const StateBadge = ({ state }: { state: string }) => (
  <Badge tone={stateTones[state] ?? "calm"}>{state}</Badge>
);

/** @param share from 0 to 1; null where nobody can tell */
export function ProgressBar({ share, label }: { share: number | null; label: string }) {
  const known = share !== null && Number.isFinite(share);
  return (
    <progress aria-label={label} max={1} {...(known ? { value: Math.min(1, Math.max(0, share)) } : {})} />
  );
}

interface CopyButtonProps {
  text: string;
  /** What is copied, for the label: `Copy genotype`. */
  what?: string;
}

export function CopyButton({ text, what = "" }: CopyButtonProps) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(`Copied${what && ` ${what}`}.`);
    } catch {
      toast("This browser did not let the page copy. Select the text and copy it yourself.", "bad");
    }
  };
  return <Button onClick={copy}>{`Copy ${what}`.trim()}</Button>;
}

export interface Tab {
  id: string;
  title: string;
  content: () => ComponentChildren;
}

interface TabsProps {
  label: string;
  tabs: readonly Tab[];
  /** The one that is shown; without it the tabs keep it themselves. */
  selected?: string | undefined;
  onSelect?: (id: string) => void;
}

/** Only what is shown is drawn. Arrow keys move between tabs. */
export function Tabs({ label, tabs, selected, onSelect }: TabsProps) {
  const [own, setOwn] = useState(tabs[0]?.id);
  const base = useId();
  const list = useRef<HTMLDivElement>(null);
  const current = tabs.find(({ id }) => id === (selected ?? own)) ?? tabs[0];
  if (current === undefined) return null;
  const select = (id: string) => {
    setOwn(id);
    onSelect?.(id);
  };
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(current) + step + tabs.length) % tabs.length];
    if (next === undefined) return;
    select(next.id);
    list.current?.querySelector<HTMLElement>(`#${CSS.escape(`${base}-${next.id}`)}`)?.focus();
  };
  return (
    <div class="tabs">
      <div role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
        {tabs.map(({ id, title }) => (
          <button
            key={id}
            id={`${base}-${id}`}
            type="button"
            role="tab"
            aria-selected={id === current.id}
            aria-controls={`${base}-panel`}
            tabIndex={id === current.id ? 0 : -1}
            onClick={() => select(id)}
          >
            {title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${base}-panel`} aria-labelledby={`${base}-${current.id}`} class="stack">
        {current.content()}
      </div>
    </div>
  );
}
