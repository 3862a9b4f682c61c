/** The API as a typed client: every route with what it takes and answers, for the command line and for browsers. */

import { type ClientRequestOptions, hc } from "hono/client";
import type { api } from "./api.ts";

export type Api = typeof api;
export type ApiClient = ReturnType<typeof hc<Api>>;

/**
 * The types are those of successes, so `fetch` has to throw where an answer is none.
 *
 * @param edge URL of the deployment
 *
 * @example
 * const { v1 } = newApiClient("https://edge.example", { fetch: fetchOrThrow, headers });
 * const front = await (await v1.searches[":id"].front.$get({ param: { id }, query: { limit: 10 } })).json();
 */
export const newApiClient = (edge: string, options: Pick<ClientRequestOptions, "fetch" | "headers">) =>
  withEncodedParams(hc<Api>(edge, options));

/** `hc` puts parameters into the path as they are, so that one such as `a/b` would lead to another route. */
function withEncodedParams<T extends object>(client: T): T {
  return new Proxy(client, {
    get: (target, key) => {
      const next: unknown = Reflect.get(target, key);
      return typeof next === "function" ? withEncodedParams(next) : next;
    },
    apply: (target, _, [asked, ...rest]: [{ param?: object } | undefined, ...unknown[]]) => {
      const param = Object.entries(asked?.param ?? {}).map(([name, value]) => [
        name,
        encodeURIComponent(String(value)),
      ]);
      return Reflect.apply(target as () => unknown, undefined, [
        asked && { ...asked, param: Object.fromEntries(param) },
        ...rest,
      ]);
    },
  });
}
