/** Which searches a request may read: with `searches:read` all, without a token the public ones. */

import type { Context } from "hono";
import { finishedStates } from "../schema/searches.ts";
import { assertScope, holds } from "./auth.ts";
import type { AppEnv } from "./env.ts";
import { Problem } from "./problems.ts";
import { findSearch, type Search } from "./store/searches.ts";

/** Of a public search that is over: its answers change only when more is trained or it is made private. */
const overCaching = "public, max-age=60";

export const isOver = ({ state }: Search): boolean => finishedStates.includes(state);

/** Whether a request may read searches that are private. */
export function readsAll(c: Context<AppEnv>): boolean {
  const principal = c.get("principal");
  return principal !== null && holds(principal, "searches:read");
}

/** The search if it may be read. Without a token, one that is private looks like one that does not exist. */
export async function readableSearch(c: Context<AppEnv>, id: string): Promise<Search> {
  const search = await findSearch(c.env.DB, id);
  const principal = c.get("principal");
  if (search?.visibility === "public") {
    c.header("cache-control", isOver(search) ? overCaching : "no-cache");
    return search;
  }
  assertScope(principal, "searches:read");
  if (search === null) throw new Problem("not-found", `There is no search "${id}".`);
  c.header("cache-control", "private, no-cache");
  return search;
}

/** The search for a request whose scope is checked already. */
export async function existingSearch(c: Context<AppEnv>, id: string): Promise<Search> {
  const search = await findSearch(c.env.DB, id);
  if (search === null) throw new Problem("not-found", `There is no search "${id}".`);
  return search;
}
