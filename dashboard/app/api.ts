/** The API, typed by the edge's own client: what is no success is thrown as a problem. */

import { newApiClient } from "../../edge/client.ts";
import type { Scope } from "../../schema/tokens.ts";
import type { Search } from "./answers.ts";
import { ApiProblem, passes, problemOf, Unreachable } from "./problem.ts";
import { session } from "./session.ts";
import { newStore, useStore } from "./store.ts";

export type * from "./answers.ts";

/** Whether the last request was answered. */
export const connection = newStore<{ isLost: boolean; since: number }>({ isLost: false, since: 0 });

/** With the token; throws ApiProblem or Unreachable. */
export async function send(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { token, number } = session.get();
  const headers = new Headers(init.headers);
  if (!headers.has("accept")) headers.set("accept", "application/json");
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  let response: Response;
  try {
    // The edge lets public answers be cached for a while; whoever changes a search sees it at once.
    response = await fetch(input, { cache: "no-cache", ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    if (!connection.get().isLost) connection.set({ isLost: true, since: Date.now() });
    throw new Unreachable();
  }
  if (connection.get().isLost) connection.set({ isLost: false, since: Date.now() });
  if (response.ok) return response;
  const problem = await problemOf(response);
  const now = session.get();
  if (response.status === 401 && now.number === number) session.set({ ...now, refusal: problem });
  throw problem;
}

/** @example const search = await read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })) */
export const api = newApiClient(location.origin, { fetch: send }).v1;

export async function read<T>(answer: Promise<{ json(): Promise<T> }>): Promise<T> {
  return await (await answer).json();
}

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

/** Every row of a list that comes in pages. */
export async function readAll<T>(
  page: (query: { cursor?: string }) => Promise<{ json(): Promise<Page<T>> }>,
): Promise<T[]> {
  const rows: T[] = [];
  let cursor: string | null = null;
  do {
    const { data, nextCursor }: Page<T> = await read(page(cursor === null ? {} : { cursor }));
    rows.push(...data);
    cursor = nextCursor;
  } while (cursor !== null);
  return rows;
}

const askAgainMs = 5000;

/** Asks whose the token is, now and with each other token. */
export function followToken(): void {
  let asked = -1;
  const ask = async () => {
    const { number, token } = session.get();
    if (number === asked || token === null) return;
    asked = number;
    try {
      const { token: me } = await read(api.me.$get());
      if (session.get().number === number) session.set({ ...session.get(), me });
    } catch (error) {
      // Without an answer it is asked again once the connection is back.
      if (error instanceof ApiProblem && !passes(error)) return;
      asked = -1;
      if (error instanceof ApiProblem) setTimeout(() => void ask(), askAgainMs);
    }
  };
  session.subscribe(() => void ask());
  connection.subscribe(({ isLost }) => !isLost && void ask());
  void ask();
}

/** What holds a scope beside itself, as the edge has it. */
const implied: Partial<Record<Scope, Scope>> = { "searches:read": "searches:write" };

/** Whether the token may do this; false until that is known. */
export function useCan(scope: Scope): boolean {
  const { me } = useStore(session);
  if (!me) return false;
  return me.scopes.some((held) => held === "admin" || held === scope || held === implied[scope]);
}

const finishedStates: readonly Search["state"][] = ["completed", "failed", "cancelled"];

/** Whether nothing happens in it any more, but for trainings that somebody starts. */
export const isFinished = ({ state }: Pick<Search, "state">): boolean => finishedStates.includes(state);
