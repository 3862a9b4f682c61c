/** Vast.ai's API: one method for each call, typed, and how it words errors. It decides nothing. Slashes at the end count. */

import { type ErrorFormat, ProviderHttp } from "../http.ts";
import type { Pace } from "../pace.ts";
import { type ProviderContext, ProviderError } from "../provider.ts";
import {
  type AskRequest,
  createdSchema,
  deletedSchema,
  failureSchema,
  type Instance,
  instancesSchema,
  offersSchema,
  oneInstanceSchema,
  type VastOffer,
} from "./types.ts";

const defaultBaseUrl = "https://console.vast.ai";
/** The most that one page holds. */
const pageSize = 25;
/** More than any account has: a list that does not end is not one. */
const maxPages = 400;

const errors: ErrorFormat = {
  // It may fail with 200, and the machine may exist all the same.
  failsWithSuccess: true,
  read(body) {
    const { data } = failureSchema.safeParse(body);
    if (data === undefined) return null;
    const { success, error, msg, new_contract } = data;
    if (success !== false && (error ?? "") === "") return null;
    return { code: error ?? null, detail: msg ?? "", machineId: new_contract ?? null };
  },
  rules: [
    { code: /^auth_error$/, fault: "auth" },
    // A search with a wrong key.
    { statuses: [404], operations: ["quote"], fault: "auth" },
    { code: /^no_such_instance$/, fault: "missing" },
    { code: /credit|balance/, fault: "balance" },
    { detail: /\b(credits?|balance)\b/i, operations: ["launch"], fault: "balance" },
    { code: /^no_such_ask$/, fault: "capacity" },
    { statuses: [404, 410], operations: ["launch"], fault: "capacity" },
    // Bids are made from live prices: one that is refused was overtaken.
    { code: /^invalid_price$/, operations: ["launch"], fault: "capacity" },
    { detail: /too frequent/i, fault: "rate" },
  ],
};

export const launchIntervalMs = 4500;
/** By endpoint; of a search it documents none. */
const paces: readonly Pace[] = [
  { operations: ["launch"], intervalMs: launchIntervalMs },
  { operations: ["get", "list"], intervalMs: 2000 },
  { operations: ["terminate"], intervalMs: 1000 },
];

export class VastClient {
  readonly #http: ProviderHttp;

  constructor(context: ProviderContext) {
    const { VAST_API_KEY: key = "", VAST_BASE_URL: baseUrl = defaultBaseUrl } = context.env;
    this.#http = new ProviderHttp({ provider: "vast", baseUrl, key, errors, paces, context });
  }

  async search(body: Record<string, unknown>): Promise<VastOffer[]> {
    const path = "/api/v0/bundles/";
    return (await this.#http.call({ operation: "quote", method: "POST", path, body, schema: offersSchema }))
      .offers;
  }

  /** @returns the instance's id */
  async accept(offerId: string, body: AskRequest): Promise<string> {
    const { new_contract } = await this.#http.call({
      operation: "launch",
      method: "PUT",
      path: `/api/v0/asks/${encodeURIComponent(offerId)}/`,
      body,
      schema: createdSchema,
      secrets: Object.values(body.env),
    });
    return new_contract;
  }

  async instance(id: string): Promise<Instance | null> {
    const call = {
      operation: "get",
      method: "GET",
      path: instancePath(id),
      schema: oneInstanceSchema,
    } as const;
    return (await this.#http.find(call))?.instances ?? null;
  }

  async instances(): Promise<Instance[]> {
    const all: Instance[] = [];
    let after = "";
    for (let page = 0; page < maxPages; page++) {
      const query = new URLSearchParams({
        limit: String(pageSize),
        ...(after === "" ? {} : { after_token: after }),
      });
      const { instances, next_token } = await this.#http.call({
        operation: "list",
        method: "GET",
        path: `/api/v1/instances/?${query}`,
        schema: instancesSchema,
      });
      all.push(...instances);
      if (next_token == null || next_token === "") return all;
      after = next_token;
    }
    throw new ProviderError("vast", "invalid", `list: there are more than ${maxPages} pages`);
  }

  async delete(id: string): Promise<void> {
    await this.#http.find({
      operation: "terminate",
      method: "DELETE",
      path: instancePath(id),
      schema: deletedSchema,
    });
  }
}

const instancePath = (id: string): string => `/api/v0/instances/${encodeURIComponent(id)}/`;
