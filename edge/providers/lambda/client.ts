/** Lambda's API: one method for each call, typed, and how it words errors. It decides nothing. */

import { z } from "zod";
import { type ErrorFormat, ProviderHttp } from "../http.ts";
import type { Pace } from "../pace.ts";
import type { ProviderContext } from "../provider.ts";
import {
  failureSchema,
  type Instance,
  instancesSchema,
  instanceTypesSchema,
  type LaunchBody,
  launchedSchema,
  oneInstanceSchema,
  type TypeWithRegions,
} from "./types.ts";

const defaultBaseUrl = "https://cloud.lambda.ai/api/v1";

const errors: ErrorFormat = {
  read(body) {
    const { data } = failureSchema.safeParse(body);
    return data === undefined ? null : { code: data.error.code, detail: data.error.message ?? "" };
  },
  rules: [
    { code: /^instance-operations\/launch\/insufficient-capacity$/, fault: "capacity" },
    // Of so many machines, or of one type: another offer may still do.
    { code: /^global\/quota-exceeded$/, operations: ["launch"], fault: "capacity" },
    { code: /^global\/invalid-api-key$/, fault: "auth" },
    // Most often no valid way of payment.
    { code: /^global\/account-inactive$/, fault: "balance" },
    { code: /^global\/object-does-not-exist$/, operations: ["get", "terminate"], fault: "missing" },
    { code: /^provider\/internal-unavailable$/, fault: "transient" },
  ],
};

export const launchIntervalMs = 12_000;
const paces: readonly Pace[] = [
  { intervalMs: 1000 },
  { operations: ["launch"], intervalMs: launchIntervalMs },
];

export class LambdaClient {
  readonly #http: ProviderHttp;

  constructor(context: ProviderContext) {
    const { LAMBDA_API_KEY: key = "", LAMBDA_BASE_URL: baseUrl = defaultBaseUrl } = context.env;
    this.#http = new ProviderHttp({ provider: "lambda", baseUrl, key, errors, paces, context });
  }

  async instanceTypes(): Promise<TypeWithRegions[]> {
    const path = "/instance-types";
    const call = { operation: "quote", method: "GET", path, schema: instanceTypesSchema } as const;
    return Object.values((await this.#http.call(call)).data);
  }

  /**
   * @param secrets what is in its cloud-init and must be in no error
   * @returns the instance's id
   */
  async launch(body: LaunchBody, secrets: readonly string[]): Promise<string> {
    const { data } = await this.#http.call({
      operation: "launch",
      method: "POST",
      path: "/instance-operations/launch",
      body,
      schema: launchedSchema,
      secrets,
    });
    return data.instance_ids[0];
  }

  async instance(id: string): Promise<Instance | null> {
    const path = `/instances/${encodeURIComponent(id)}`;
    const call = { operation: "get", method: "GET", path, schema: oneInstanceSchema } as const;
    return (await this.#http.find(call))?.data ?? null;
  }

  /** All of them: the list has no pages. */
  async instances(): Promise<Instance[]> {
    const call = { operation: "list", method: "GET", path: "/instances", schema: instancesSchema } as const;
    return (await this.#http.call(call)).data;
  }

  async terminate(id: string): Promise<void> {
    await this.#http.find({
      operation: "terminate",
      method: "POST",
      path: "/instance-operations/terminate",
      body: { instance_ids: [id] },
      schema: z.unknown(),
    });
  }
}
