/**
 * The token that the page works with. It comes by the form or in the address as `#token=nst_...`, is taken out of the
 * address at once, and is kept by this tab, or by this browser where that is wanted.
 */

import type { Scope } from "../../schema/tokens.ts";
import type { ApiProblem } from "./problem.ts";
import { newStore } from "./store.ts";

export interface Me {
  id: string;
  name: string;
  scopes: readonly Scope[];
  searchId: string | null;
}

export interface Session {
  token: string | null;
  /** Whether this browser keeps it after the tab is closed. */
  isRemembered: boolean;
  /** Undefined until the edge has told; null without a token. */
  me: Me | null | undefined;
  /** Why the edge wants another token, or one at all. */
  refusal: ApiProblem | null;
  /** Another with each token: what was loaded with the one before is loaded again. */
  number: number;
}

const STORAGE_KEY = "nasturtium.token";

export const session = newStore<Session>({
  token: null,
  isRemembered: false,
  me: undefined,
  refusal: null,
  number: 0,
});

/** Reads the address, then what this tab or this browser keeps. */
export function startSession(): void {
  const told = tokenOfAddress();
  const ofTab = stored("sessionStorage");
  const token = told ?? ofTab ?? stored("localStorage");
  if (told !== null) keep("sessionStorage", told);
  const isRemembered = token !== null && stored("localStorage") === token;
  session.set({ ...session.get(), token, isRemembered, me: token === null ? null : undefined });
  // A link that is opened in the same tab changes only the fragment.
  window.addEventListener("hashchange", () => {
    const another = tokenOfAddress();
    if (another !== null) signIn(another, false);
  });
}

export function signIn(token: string, remember: boolean): void {
  keep("sessionStorage", token);
  keep("localStorage", remember ? token : null);
  const { number } = session.get();
  session.set({ token, isRemembered: remember, me: undefined, refusal: null, number: number + 1 });
}

export function signOut(): void {
  keep("sessionStorage", null);
  keep("localStorage", null);
  const { number } = session.get();
  session.set({ token: null, isRemembered: false, me: null, refusal: null, number: number + 1 });
}

/** `#token=...`, with `&go=/searches/abc` for where to go with it. */
function tokenOfAddress(): string | null {
  const fragment = location.hash.replace(/^#/, "");
  if (!/^(token|go)=/.test(fragment)) return null;
  const parameters = new URLSearchParams(fragment);
  const to = parameters.get("go") ?? "/searches";
  history.replaceState(null, "", `#${to.startsWith("/") ? to : "/searches"}`);
  return parameters.get("token")?.trim() || null;
}

function stored(storage: "sessionStorage" | "localStorage"): string | null {
  try {
    return globalThis[storage].getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

function keep(storage: "sessionStorage" | "localStorage", token: string | null): void {
  try {
    if (token === null) globalThis[storage].removeItem(STORAGE_KEY);
    else globalThis[storage].setItem(STORAGE_KEY, token);
  } catch {
    // Private windows may have none; then a reload asks again.
  }
}
