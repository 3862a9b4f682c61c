/**
 * Where in the app one is: `#/searches/abc?objective=parameters`. A fragment never reaches a server, so the Worker needs
 * no rule for the app's pages, and an address of a public search can be shared as it is.
 */

import { newStore, useStore } from "./store.ts";

export interface Place {
  /** Begins with a slash. */
  path: string;
  query: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  return { path: path.startsWith("/") ? path : "/searches", query: new URLSearchParams(query) };
}

export const place = newStore<Place>(placeOf(location.hash));

/** Browsers refuse more than about a hundred changes in ten seconds, which a slider is quicker than. */
const leastMs = 150;
let writtenAt = 0;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Writes the address that has been gone to already; while many come, not each of them. */
function writeAddress(to: string): void {
  clearTimeout(waiting);
  const from = location.hash;
  const write = () => {
    // Somebody went elsewhere meanwhile.
    if (location.hash !== from) return;
    writtenAt = Date.now();
    history.replaceState(null, "", `#${to}`);
  };
  const waitMs = writtenAt + leastMs - Date.now();
  if (waitMs <= 0) write();
  else waiting = setTimeout(write, waitMs);
}

export function followAddress(): void {
  place.set(placeOf(location.hash));
  window.addEventListener("hashchange", () => place.set(placeOf(location.hash)));
}

/** @example go("/searches/abc") */
export function go(to: string, { replace = false } = {}): void {
  if (!replace) {
    location.hash = to;
    return;
  }
  place.set(placeOf(to));
  writeAddress(to);
}

/** What of a page's state is in its address: kept by a reload and by a shared link. Empty values are left out. */
export function useQuery(): [
  query: URLSearchParams,
  change: (values: Record<string, string | null>) => void,
] {
  const { query } = useStore(place);
  const change = (values: Record<string, string | null>) => {
    const { path, query: now } = place.get();
    const next = new URLSearchParams(now);
    for (const [name, value] of Object.entries(values)) {
      if (value === null || value === "") next.delete(name);
      else next.set(name, value);
    }
    const text = next.toString();
    go(text === "" ? path : `${path}?${text}`, { replace: true });
  };
  return [query, change];
}

/** Addresses of the app's pages, in one place. */
export const addresses = {
  searches: "#/searches",
  newSearch: "#/new",
  newSearchLike: (id: string) => `#/new?search=${encodeURIComponent(id)}`,
  search: (id: string) => `#/searches/${encodeURIComponent(id)}`,
  /** An architecture that may have no page: what is known of it beside the picture of the front. */
  chosen: (id: string, hash: string) =>
    `#/searches/${encodeURIComponent(id)}?view=front&architecture=${encodeURIComponent(hash)}`,
  choose: (id: string) => `#/searches/${encodeURIComponent(id)}/choose`,
  architecture: (id: string, hash: string) =>
    `#/searches/${encodeURIComponent(id)}/architectures/${encodeURIComponent(hash)}`,
  money: "#/money",
  setUp: "#/setup",
  tokens: "#/setup/tokens",
  webhooks: "#/setup/webhooks",
  webhook: (id: string) => `#/setup/webhooks/${encodeURIComponent(id)}`,
  triggers: "#/setup/triggers",
  trigger: (id: string) => `#/setup/triggers/${encodeURIComponent(id)}`,
  devices: "#/setup/devices",
  device: (name: string) => `#/setup/devices/${encodeURIComponent(name)}`,
  data: "#/setup/data",
};
