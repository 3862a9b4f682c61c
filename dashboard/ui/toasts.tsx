/** Short notes on what just happened, also told to screen readers. */

import { newStore, useStore } from "../app/store.ts";

interface Toast {
  id: number;
  text: string;
  tone: "good" | "bad";
}

const toasts = newStore<readonly Toast[]>([]);
/** Told and not shown. */
const spoken = newStore("");
const shownMs = 6000;
let next = 0;

export function toast(text: string, tone: Toast["tone"] = "good"): void {
  const id = next++;
  toasts.set([...toasts.get(), { id, text, tone }]);
  setTimeout(() => toasts.set(toasts.get().filter((other) => other.id !== id)), shownMs);
}

/** For what the eye sees by itself, such as a filter's count. */
export const announce = (text: string): void => spoken.set(text);

export function Toasts() {
  const shown = useStore(toasts);
  const said = useStore(spoken);
  return (
    <>
      <div class="toasts" role="status" aria-live="polite">
        {shown.map(({ id, text, tone }) => (
          <p key={id} class={`toast ${tone}`}>
            {text}
          </p>
        ))}
      </div>
      <p class="visually-hidden" aria-live="polite">
        {said}
      </p>
    </>
  );
}
