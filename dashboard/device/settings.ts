/**
 * What the page is told: `/device#token=nst_...&name=phone-lab&backend=webgpu`. A fragment is never sent to a server; it
 * is taken out of the address bar at once, so that no screenshot, bookmark or shared link holds the token, and kept in
 * this browser, so that a reload or a restored tab goes on by itself.
 */

import { type BrowserBackend, browserBackends } from "../../shared/measuring.ts";

export interface Settings {
  token: string;
  name: string;
  /** Null: the fastest that works. */
  backend: BrowserBackend | null;
}

const STORAGE_KEY = "nasturtium.device";

/** What the address says; null where it says nothing. */
function fragmentSettings(hash: string): Partial<Settings> | null {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const [token, name] = [parameters.get("token"), parameters.get("name")];
  if (token === null && name === null) return null;
  const backend = browserBackends.find((known) => known === parameters.get("backend")) ?? null;
  return { ...(token && { token: token.trim() }), ...(name && { name: name.trim() }), backend };
}

/** Reads the address, then what was kept: by this tab, else by this browser. */
export function takeSettings(): Partial<Settings> {
  const told = fragmentSettings(location.hash);
  if (location.hash !== "") history.replaceState(null, "", location.pathname);
  const kept = readFrom("sessionStorage") ?? readFrom("localStorage") ?? {};
  return told === null ? kept : { ...kept, ...told };
}

export function keepSettings(settings: Partial<Settings>): void {
  for (const storage of ["sessionStorage", "localStorage"] as const) {
    try {
      globalThis[storage].setItem(STORAGE_KEY, JSON.stringify(settings));
    } catch {
      // Private windows may have none; then a reload asks again.
    }
  }
}

/** Keeps the name and forgets the token. */
export function forgetToken({ name, backend }: Partial<Settings>): void {
  keepSettings({ ...(name !== undefined && { name }), backend: backend ?? null });
}

function readFrom(storage: "sessionStorage" | "localStorage"): Partial<Settings> | null {
  try {
    const text = globalThis[storage].getItem(STORAGE_KEY);
    return text === null ? null : (JSON.parse(text) as Partial<Settings>);
  } catch {
    return null;
  }
}
