/** The API as a typed client: every route with what it takes and answers, for the command line and for browsers. */

import { type ClientRequestOptions, hc } from "hono/client";
import type { api } from "./api.ts";

export type Api = typeof api;

/**
 * @param fetch throws where an answer is no success: the types are those of successes
 *
 * @example
 * const api = newApiClient("https://edge.example", { headers: { authorization: `Bearer ${token}` } });
 * const search = await (await api.v1.searches[":id"].$get({ param: { id } })).json();
 */
export const newApiClient = (edge: string, options: ClientRequestOptions = {}) => hc<Api>(edge, options);
export type ApiClient = ReturnType<typeof newApiClient>;
