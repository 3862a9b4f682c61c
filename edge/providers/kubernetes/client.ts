/** A Kubernetes API server: one method for each call, typed, and how it words errors. It decides nothing. */

import type { Job } from "kubernetes-types/batch/v1";
import type { Secret } from "kubernetes-types/core/v1";
import { z } from "zod";
import { type ErrorFormat, ProviderHttp } from "../http.ts";
import { type ProviderContext, ProviderError } from "../provider.ts";
import {
  failureSchema,
  jobSchema,
  jobsSchema,
  type KubernetesJob,
  type Pod,
  podsSchema,
  reviewSchema,
  type Warning,
  warningsSchema,
} from "./types.ts";

const defaultNamespace = "default";
/** A Job is some kilobytes. */
const pageSize = 50;
/** More than any cluster has: a list that does not end is not one. */
const maxPages = 400;

export interface Permission {
  verb: string;
  group: string;
  resource: string;
}

const errors: ErrorFormat = {
  read(body) {
    const { data } = failureSchema.safeParse(body);
    return data === undefined ? null : { code: data.reason ?? null, detail: data.message ?? "" };
  },
  rules: [
    // A namespace's quota is refused as a permission is.
    { statuses: [403], detail: /exceeded quota/i, operations: ["launch"], fault: "capacity" },
    // There is one of that name, of a launch before: it is to be looked for.
    { statuses: [409], operations: ["launch"], fault: "transient" },
    // The page to continue from is kept for some minutes only.
    { statuses: [410], operations: ["list"], fault: "transient" },
  ],
};

export class KubernetesClient {
  readonly namespace: string;
  readonly #http: ProviderHttp;

  constructor(context: ProviderContext) {
    const { KUBERNETES_BASE_URL: baseUrl = "", KUBERNETES_TOKEN: key = "" } = context.env;
    this.namespace = (context.env.KUBERNETES_NAMESPACE ?? "").trim() || defaultNamespace;
    this.#http = new ProviderHttp({ provider: "kubernetes", baseUrl, key, errors, context });
  }

  /** Whether the token may do something in the namespace; every token may ask. */
  async isAllowed({ verb, group, resource }: Permission): Promise<boolean> {
    const { status } = await this.#http.call({
      operation: "quote",
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      body: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { namespace: this.namespace, verb, group, resource } },
      },
      schema: reviewSchema,
    });
    return status.allowed;
  }

  createJob(body: Job): Promise<KubernetesJob> {
    const call = { operation: "launch", method: "POST", path: this.#jobsPath } as const;
    return this.#http.call({ ...call, body, schema: jobSchema });
  }

  async createSecret(body: Secret): Promise<void> {
    await this.#http.call({
      operation: "launch",
      method: "POST",
      path: `${this.#corePath}/secrets`,
      body,
      schema: z.unknown(),
      secrets: Object.values(body.stringData ?? {}),
    });
  }

  job(name: string): Promise<KubernetesJob | null> {
    const call = { operation: "get", method: "GET", path: this.#jobPath(name) } as const;
    return this.#http.find({ ...call, schema: jobSchema });
  }

  async jobs(labelSelector: string): Promise<KubernetesJob[]> {
    const all: KubernetesJob[] = [];
    let after = "";
    for (let page = 0; page < maxPages; page++) {
      const query = new URLSearchParams({
        labelSelector,
        limit: String(pageSize),
        ...(after === "" ? {} : { continue: after }),
      });
      const call = { operation: "list", method: "GET", path: `${this.#jobsPath}?${query}` } as const;
      const { items, metadata } = await this.#http.call({ ...call, schema: jobsSchema });
      all.push(...items);
      after = metadata?.continue ?? "";
      if (after === "") return all;
    }
    throw new ProviderError("kubernetes", "invalid", `list: there are more than ${maxPages} pages`);
  }

  /** Of a Job. */
  async pods(job: string): Promise<Pod[]> {
    const query = new URLSearchParams({ labelSelector: `job-name=${job}` });
    const call = { operation: "get", method: "GET", path: `${this.#corePath}/pods?${query}` } as const;
    return (await this.#http.call({ ...call, schema: podsSchema })).items;
  }

  /** About a Job itself, oldest first. */
  async warnings(job: string): Promise<Warning[]> {
    const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${job},type=Warning`;
    const query = new URLSearchParams({ fieldSelector, limit: String(pageSize) });
    const call = { operation: "get", method: "GET", path: `${this.#corePath}/events?${query}` } as const;
    return (await this.#http.call({ ...call, schema: warningsSchema })).items;
  }

  /** And, by the cluster itself, its pod and its Secret. */
  async deleteJob(name: string): Promise<void> {
    await this.#http.find({
      operation: "terminate",
      method: "DELETE",
      path: `${this.#jobPath(name)}?propagationPolicy=Background`,
      schema: z.unknown(),
    });
  }

  get #corePath(): string {
    return `/api/v1/namespaces/${encodeURIComponent(this.namespace)}`;
  }

  get #jobsPath(): string {
    return `/apis/batch/v1/namespaces/${encodeURIComponent(this.namespace)}/jobs`;
  }

  #jobPath(name: string): string {
    return `${this.#jobsPath}/${encodeURIComponent(name)}`;
  }
}
