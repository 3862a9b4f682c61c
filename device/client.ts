/**
 * The device's side of the wire: one typed function per request. Requests that fail for reasons that pass (no
 * connection, timeouts, 429, 5xx) are repeated with growing pauses until their budget is spent. Platform-free.
 */

import { z } from "zod";
import { EdgeError, EdgeUnreachable, edgeErrorOf, innermostMessage } from "../shared/edgeError.ts";
import {
  type MeasureReport,
  measureLeaseSchema,
  measureReportedSchema,
  type RegisterDevice,
  registeredDeviceSchema,
} from "../shared/measuring.ts";
import { heartbeatResponseSchema, protocolHeader, protocolVersion } from "../shared/protocol.ts";

export { EdgeError, EdgeUnreachable };

const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
const RETRY_BUDGET_MS = 80_000;
/** A heartbeat that is late is followed by the next one. */
const SHORT_BUDGET_MS = 5000;

export interface DeviceClientOptions {
  edge: string;
  /** With scope `device`. */
  token: string;
  signal?: AbortSignal | undefined;
  /** Told before each repetition. */
  onRetry?: ((reason: string, pauseMs: number) => void) | undefined;
  /** Longest time that one request is repeated for; default 80,000. */
  retryBudgetMs?: number | undefined;
}

interface Outcome {
  reason: string;
  error?: EdgeError;
  /** What the edge asks for. */
  pauseMs?: number;
}

export class DeviceClient {
  readonly #options: DeviceClientOptions;

  constructor(options: DeviceClientOptions) {
    this.#options = { ...options, edge: options.edge.replace(/\/+$/, "") };
  }

  register = (device: RegisterDevice) => this.#post("/v1/devices", device, registeredDeviceSchema);

  lease = (deviceId: string) =>
    this.#post(`/v1/devices/${encodeURIComponent(deviceId)}/lease`, {}, measureLeaseSchema);

  heartbeat = (taskId: string, leaseId: string) =>
    this.#post(pathOf(taskId, "heartbeat"), { leaseId }, heartbeatResponseSchema, SHORT_BUDGET_MS);

  report = (taskId: string, report: MeasureReport) =>
    this.#post(pathOf(taskId, "report"), report, measureReportedSchema);

  /** Whether the options' signal was aborted or not: it is what is done last. */
  release = (taskId: string, leaseId: string) =>
    this.#post(pathOf(taskId, "release"), { leaseId }, z.unknown(), SHORT_BUDGET_MS, true);

  async #post<T>(
    path: string,
    json: unknown,
    schema: z.ZodType<T>,
    budgetMs = this.#options.retryBudgetMs ?? RETRY_BUDGET_MS,
    isLast = false,
  ): Promise<T> {
    const signal = isLast ? undefined : this.#options.signal;
    const until = performance.now() + Math.min(budgetMs, this.#options.retryBudgetMs ?? budgetMs);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      const outcome = await this.#attempt(path, json, signal);
      if ("answer" in outcome) return parsed(schema, outcome.answer, `${this.#options.edge}${path}`);
      const waitMs = outcome.pauseMs ?? pauseMs;
      if (performance.now() + waitMs > until)
        throw outcome.error ?? new EdgeUnreachable(this.#options.edge, outcome.reason);
      this.#options.onRetry?.(outcome.reason, waitMs);
      await sleep(waitMs, signal);
    }
  }

  /** The answer, or why the request may be repeated: every request may be, the edge sees to that. */
  async #attempt(
    path: string,
    json: unknown,
    signal: AbortSignal | undefined,
  ): Promise<{ answer: string } | Outcome> {
    const { edge, token } = this.#options;
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      [protocolHeader]: String(protocolVersion),
    };
    const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${edge}${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(json),
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      text = await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      return { reason: innermostMessage(error) };
    }
    if (response.ok) return { answer: text };
    const error = edgeErrorOf(response.status, text);
    if (!error.passes) throw error;
    const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
    return { reason: error.message, error, ...(seconds > 0 && { pauseMs: seconds * 1000 }) };
  }
}

const pathOf = (taskId: string, verb: string): string => `/v1/tasks/${encodeURIComponent(taskId)}/${verb}`;

function parsed<T>(schema: z.ZodType<T>, text: string, url: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${url} gave an unexpected answer: is it a Nasturtium of this version?`);
  }
}

/** Ends early, and throws, where the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
