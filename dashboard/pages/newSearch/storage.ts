/** What was typed and not started yet, kept by this tab; and the key that makes a second press of Start the same request. */

import type { Draft } from "./draft.ts";

const STORAGE_KEY = "nasturtium.newSearch";

interface Kept {
  draft: Draft;
  /** Of the text that it was made for. */
  request?: { text: string; key: string };
}

function read(): Kept | null {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null") as Kept | null;
    return typeof kept?.draft?.text === "string" ? kept : null;
  } catch {
    return null;
  }
}

function write(kept: Kept | null): void {
  try {
    if (kept === null) sessionStorage.removeItem(STORAGE_KEY);
    else sessionStorage.setItem(STORAGE_KEY, JSON.stringify(kept));
  } catch {
    // Nothing can be kept here; it lasts until the page is left.
  }
}

export const keptDraft = (): Draft | null => read()?.draft ?? null;

export function keepDraft(draft: Draft): void {
  const request = read()?.request;
  write({ draft, ...(request && { request }) });
}

export const forgetDraft = (): void => write(null);

/** The same for the same text, so that a search whose answer was lost is not started twice. */
export function idempotencyKey(draft: Draft): string {
  const request = read()?.request;
  if (request?.text === draft.text) return request.key;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  write({ draft, request: { text: draft.text, key } });
  return key;
}
