/** RunPod's REST API v2: one method for each call, typed, and how it words errors. It decides nothing. */

import { z } from "zod";
import { type ErrorFormat, ProviderHttp } from "../http.ts";
import type { Bill, ProviderContext } from "../provider.ts";
import {
  type BillingRecord,
  billingSchema,
  type CatalogGpu,
  catalogSchema,
  createdSchema,
  type Pod,
  type PodRequest,
  podSchema,
  podsSchema,
  problemSchema,
} from "./types.ts";

const defaultBaseUrl = "https://api.runpod.io/v2";

const errors: ErrorFormat = {
  read(body) {
    const { data } = problemSchema.safeParse(body);
    if (data === undefined || (data.title ?? data.detail ?? null) === null) return null;
    return { code: null, detail: data.detail ?? data.title ?? "" };
  },
  rules: [
    { statuses: [400, 403], detail: /\b(balance|credits?|funds)\b/i, fault: "balance" },
    // A 400 is a broken rule or no capacity: only the words tell.
    {
      statuses: [400],
      operations: ["launch"],
      detail:
        /no (longer any )?(instances?|gpus?|machines?|resources|capacity)\b|not enough|insufficient|unavailable|not (currently )?available|out of stock/i,
      fault: "capacity",
    },
    { statuses: [400], operations: ["launch"], fault: "unclear" },
    // One candidate may be closed to an account that others are open to; a key that may nothing meets 401.
    { statuses: [403], operations: ["launch"], fault: "capacity" },
  ],
};

export class RunPodClient {
  readonly #http: ProviderHttp;
  readonly #now: () => number;

  constructor(context: ProviderContext) {
    this.#now = context.now;
    const { RUNPOD_API_KEY: key = "", RUNPOD_BASE_URL: baseUrl = defaultBaseUrl } = context.env;
    this.#http = new ProviderHttp({ provider: "runpod", baseUrl, key, errors, context });
  }

  async catalog(): Promise<CatalogGpu[]> {
    // `include` and `product` are only valid together.
    const path = "/catalog/gpus?include=AVAILABILITY&product=POD&count=1";
    return (await this.#http.call({ operation: "quote", method: "GET", path, schema: catalogSchema })).gpus;
  }

  /** @returns the pod's id */
  async create(body: PodRequest): Promise<string> {
    const { id } = await this.#http.call({
      operation: "launch",
      method: "POST",
      path: "/pods",
      body,
      schema: createdSchema,
      secrets: Object.values(body.env),
    });
    return id;
  }

  pod(id: string): Promise<Pod | null> {
    return this.#http.find({ operation: "get", method: "GET", path: podPath(id), schema: podSchema });
  }

  async pods(): Promise<Pod[]> {
    return (await this.#http.call({ operation: "list", method: "GET", path: "/pods", schema: podsSchema }))
      .pods;
  }

  async delete(id: string): Promise<void> {
    await this.#http.find({
      operation: "terminate",
      method: "DELETE",
      path: podPath(id),
      schema: z.unknown(),
    });
  }

  /** Null while there is no record of it; times in milliseconds since 1970. */
  async billed(id: string, from: number, to: number): Promise<Bill | null> {
    const query = new URLSearchParams({
      podId: id,
      bucketSize: "day",
      startTime: new Date(from).toISOString(),
      endTime: new Date(to).toISOString(),
    });
    const { records } = await this.#http.call({
      operation: "billing",
      method: "GET",
      path: `/billing/pods?${query}`,
      schema: billingSchema,
    });
    const own = records.filter(({ podId }) => podId === id || podId == null);
    if (own.length === 0) return null;
    const usd = own.reduce((sum, { totalAmount }) => sum + totalAmount, 0);
    return { usd, isWhole: covers(own, { from, to, now: this.#now() }) };
  }
}

/** Whether records reach from one time to another without a gap; a day that is not over is still added to. */
function covers(
  records: readonly BillingRecord[],
  { from, to, now }: { from: number; to: number; now: number },
): boolean {
  const times = records
    .map(({ startTime, endTime }) => [Date.parse(startTime ?? ""), Date.parse(endTime ?? "")] as const)
    .filter(([, end]) => end <= now)
    .sort(([one], [other]) => one - other);
  let covered = from;
  for (const [start, end] of times) if (start <= covered) covered = Math.max(covered, end);
  return covered >= to && times.some(([start]) => start <= from);
}

const podPath = (id: string): string => `/pods/${encodeURIComponent(id)}`;
