/**
 * The edge's runner protocol over HTTP: one typed function per request. Requests that fail for reasons that pass
 * (no connection, timeouts, 429, 5xx) are repeated with growing pauses until their budget is spent.
 */

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { EdgeError, EdgeUnreachable, edgeErrorOf, innermostMessage } from "../shared/edgeError.ts";
import {
  blobCreatedSchema,
  type blobCreateSchema,
  checkpointsResponseSchema,
  type heartbeatRequestSchema,
  heartbeatResponseSchema,
  type leaseRequestSchema,
  leaseResponseSchema,
  protocolHeader,
  protocolVersion,
  type Report,
  type registerRequestSchema,
  registerResponseSchema,
  replaySchema,
  reportResponseSchema,
} from "../shared/protocol.ts";
import { datasetHeaderSchema } from "../shared/pushedDataset.ts";

const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** Longest time that one request is repeated for, unless told. */
const RETRY_BUDGET_MS = 80_000;
const SHORT_BUDGET_MS = 5000;
/** An attempt that outlasts its limit by so much did not wait: the process stood still. */
const STANDSTILL_MS = 1000;
const DOWNLOAD_ATTEMPTS = 3;
const DOWNLOAD_TIMEOUT_MS = 600_000;

export { EdgeError, EdgeUnreachable };

export interface EdgeClientOptions {
  edge: string;
  token: string;
  /** Told before each repetition. */
  onRetry?: (reason: string, pauseMs: number) => void;
  /** Told whenever the edge has answered. */
  onAnswer?: (() => void) | undefined;
  /** Longest time that one request is repeated for; default 80,000. */
  retryBudgetMs?: number;
  /** Longest time of one attempt of a request, large downloads apart; default 30,000. */
  requestTimeoutMs?: number;
}

interface Answer {
  head: Response;
  /** Undefined where the connection ended before it did. */
  body: Uint8Array | undefined;
}

interface RequestOptions {
  method?: "GET" | "POST" | "PUT";
  json?: unknown;
  bytes?: Uint8Array;
  budgetMs?: number | undefined;
  /** Longest time of one attempt. */
  timeoutMs?: number;
  /** Whether an answer whose body breaks off is an answer. */
  isBodyOptional?: boolean;
}

const machineFailedSchema = z.object({ terminating: z.boolean() });

export type Blob = Omit<z.infer<typeof blobCreateSchema>, "bytes">;

export class EdgeClient {
  readonly #options: EdgeClientOptions;

  constructor(options: EdgeClientOptions) {
    this.#options = { ...options, edge: options.edge.replace(/\/+$/, "") };
  }

  register(request: z.infer<typeof registerRequestSchema>) {
    return this.#json(registerResponseSchema, "/v1/runners", { json: request });
  }

  /** Tells that this rented machine cannot be worked on. Not repeated for long: it is given back in any case. */
  machineFailed(request: { message: string; log: string }) {
    return this.#json(machineFailedSchema, "/v1/runners/failure", {
      json: request,
      budgetMs: SHORT_BUDGET_MS,
    });
  }

  /** Not repeated for long: whoever waits for work asks again. */
  lease(request: z.infer<typeof leaseRequestSchema>) {
    return this.#json(leaseResponseSchema, "/v1/tasks/lease", { json: request, budgetMs: SHORT_BUDGET_MS });
  }

  /** Not repeated for long: the next one comes soon. */
  heartbeat(taskId: string, request: z.infer<typeof heartbeatRequestSchema>) {
    return this.#json(heartbeatResponseSchema, `/v1/tasks/${taskId}/heartbeat`, {
      json: request,
      budgetMs: SHORT_BUDGET_MS,
    });
  }

  /** @param budgetMs how long to try: until the lease ends */
  report(taskId: string, report: Report, budgetMs?: number) {
    return this.#json(reportResponseSchema, `/v1/tasks/${taskId}/report`, { json: report, budgetMs });
  }

  async release(taskId: string, leaseId: string): Promise<void> {
    await this.#request(`/v1/tasks/${taskId}/release`, { json: { leaseId }, budgetMs: SHORT_BUDGET_MS });
  }

  roundsSince(searchId: string, fromRound: number) {
    const query = new URLSearchParams({ search: searchId, fromRound: String(fromRound) });
    return this.#json(replaySchema, `/v1/tasks?${query}`, { method: "GET" });
  }

  async checkpoints(searchId: string, trainingId?: string) {
    const query = trainingId === undefined ? "" : `?${new URLSearchParams({ trainingId })}`;
    const path = `/v1/searches/${searchId}/checkpoints${query}`;
    return (await this.#json(checkpointsResponseSchema, path, { method: "GET" })).data;
  }

  /** @throws Error where the bytes are not those that were stored */
  async download({ blobId, sha256 }: { blobId: string; sha256: string }): Promise<Uint8Array> {
    let problem = "";
    // Bytes may get lost on the way, too: what is wrong every time is wrong where it is stored.
    for (let attempt = 0; attempt < DOWNLOAD_ATTEMPTS; attempt++) {
      const { head, body } = await this.#request(`/v1/blobs/${blobId}`, {
        method: "GET",
        isBodyOptional: true,
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
      });
      if (body === undefined) {
        problem = `only a part of its ${head.headers.get("content-length")} bytes comes`;
        continue;
      }
      if (hashOf(body) === sha256) return body;
      problem = "its SHA-256 does not match";
    }
    throw new Error(`Blob ${blobId} is damaged: ${problem}.`);
  }

  /** The header of the pushed data set that a task trains on. */
  dataset({ taskId, leaseId }: { taskId: string; leaseId: string }) {
    const query = new URLSearchParams({ leaseId });
    return this.#json(datasetHeaderSchema, `/v1/tasks/${taskId}/dataset?${query}`, { method: "GET" });
  }

  /** One shard of it, as it comes: whoever has the header verifies it. */
  async datasetShard(
    { taskId, leaseId }: { taskId: string; leaseId: string },
    number: number,
  ): Promise<Uint8Array> {
    const path = `/v1/tasks/${taskId}/dataset/shards/${number}?${new URLSearchParams({ leaseId })}`;
    const { body } = await this.#request(path, { method: "GET", timeoutMs: DOWNLOAD_TIMEOUT_MS });
    return body ?? new Uint8Array();
  }

  /**
   * @returns the blob's id
   * @throws EdgeError with the edge's reason where it refuses, also where it does so by breaking off what is sent
   */
  async upload(blob: Blob, bytes: Uint8Array): Promise<string> {
    const { blobId, partBytes } = await this.#json(blobCreatedSchema, "/v1/blobs", {
      json: { ...blob, bytes: bytes.length },
    });
    const complete = { json: { leaseId: blob.leaseId, sha256: hashOf(bytes) } };
    const completePath = `/v1/blobs/${blobId}/complete`;
    const parts = Math.max(1, Math.ceil(bytes.length / partBytes));
    for (let part = 0; part < parts; part++) {
      const chunk = bytes.subarray(part * partBytes, (part + 1) * partBytes);
      const path = `/v1/blobs/${blobId}/parts/${part + 1}`;
      await this.#request(path, { method: "PUT", bytes: chunk }).catch(async (err: unknown) => {
        if (!(err instanceof EdgeUnreachable)) throw err;
        // A refusal in the midst of a large body may be lost with the connection; that of a small one is not.
        await this.#request(completePath, { ...complete, budgetMs: SHORT_BUDGET_MS }).catch((refusal) => {
          throw refusal instanceof EdgeError && refusal.isLeaseLost ? refusal : err;
        });
      });
    }
    await this.#request(completePath, complete);
    return blobId;
  }

  async #json<T>(schema: z.ZodType<T>, path: string, options: RequestOptions): Promise<T> {
    const { body } = await this.#request(path, options);
    return schema.parse(JSON.parse(Buffer.from(body ?? []).toString()));
  }

  async #request(path: string, options: RequestOptions): Promise<Answer> {
    let until = performance.now() + (options.budgetMs ?? this.#options.retryBudgetMs ?? RETRY_BUDGET_MS);
    let hasStoodStill = false;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const startedAt = performance.now();
      const outcome = await this.#attempt(path, options);
      if ("head" in outcome) return outcome;
      const tookMs = performance.now() - startedAt;
      // Stopped, or asleep with its machine, it has missed the answer: once, that time does not count.
      if (!hasStoodStill && tookMs > this.#timeoutMs(options) + STANDSTILL_MS) {
        hasStoodStill = true;
        until += tookMs;
      }
      if (performance.now() + pauseMs > until) {
        throw outcome.error ?? new EdgeUnreachable(this.#options.edge, outcome.reason);
      }
      this.#options.onRetry?.(outcome.reason, pauseMs);
      await sleep(pauseMs);
    }
  }

  #timeoutMs({ timeoutMs }: RequestOptions): number {
    return timeoutMs ?? this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  }

  /** The answer, or why the request may be repeated: every request may be, the edge sees to that. */
  async #attempt(
    path: string,
    options: RequestOptions,
  ): Promise<Answer | { reason: string; error?: EdgeError }> {
    const { edge, token } = this.#options;
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      [protocolHeader]: String(protocolVersion),
    };
    const init: RequestInit = { method: options.method ?? "POST", headers };
    if (options.json !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(options.json);
    } else if (options.bytes !== undefined) {
      headers["content-type"] = "application/octet-stream";
      init.body = new Uint8Array(options.bytes);
    }
    let head: Response | undefined;
    let body: Uint8Array;
    try {
      const signal = AbortSignal.timeout(this.#timeoutMs(options));
      head = await fetch(`${edge}${path}`, { ...init, signal });
      body = new Uint8Array(await head.arrayBuffer());
    } catch (err) {
      if (head?.ok && options.isBodyOptional) return { head, body: undefined };
      return { reason: innermostMessage(err) };
    }
    this.#options.onAnswer?.();
    if (head.ok) return { head, body };
    const error = edgeErrorOf(head.status, Buffer.from(body).toString());
    if (error.passes) return { reason: error.message, error };
    throw error;
  }
}

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
