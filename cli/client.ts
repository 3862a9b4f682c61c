/** Calls the edge over HTTP and turns its problems (RFC 9457) into errors for people. */

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type ApiClient, newApiClient } from "../edge/client.ts";
import { CliError, exitCodes, NotFoundError, reasonOf } from "./errors.ts";

const REQUEST_TIMEOUT_MS = 60_000;
/** For 8 MiB over a slow line. */
const UPLOAD_TIMEOUT_MS = 600_000;
/** A dropped connection or a busy edge is worth another try; a refusal is not. */
const ATTEMPTS = 4;
/** Doing these twice is the same as once. */
const REPEATABLE: readonly string[] = ["GET", "PUT"];
const RETRY_MS = 500;
const TOO_MANY = 429;
const RETRIED_STATUS = new Set([TOO_MANY, 502, 503, 504]);
/** Longer than this nobody waits without knowing why. */
const LONGEST_PAUSE_MS = 60_000;

function retryAfterMs(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  return text !== null && /^\d+$/.test(text) ? Math.min(LONGEST_PAUSE_MS, Number(text) * 1000) : undefined;
}

/** By resource, what names one of it, and the command that lists them. */
const lists: Record<string, [by: "id" | "name", command: string]> = {
  campaigns: ["id", "campaigns"],
  datasets: ["name", "data"],
  devices: ["name", "devices"],
  templates: ["name", "templates"],
  triggers: ["id", "triggers"],
  webhooks: ["id", "webhooks"],
};

const problemSchema = z.looseObject({
  type: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
  requestId: z.string().optional(),
  errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).optional(),
});

/** The keys of an answer, whichever of several it is. */
type KeyOf<T> = T extends unknown ? keyof T : never;

/** What a typed route answers, once it is a success. */
type Answer<T> = Promise<{ url: string; json(): Promise<T> }>;
interface Page<T> {
  data: T[];
  nextCursor?: string | null;
}

/**
 * One edge and the token it is called with. `v1` has its routes: a call that is no success throws a CliError.
 *
 * @example
 * const search = await client.json(client.v1.searches.$post({ json: specification }), ["id"]);
 */
export class EdgeClient {
  readonly edge: string;
  readonly token: string | undefined;
  readonly v1: ApiClient["v1"];
  readonly #signal: AbortSignal;
  readonly #limitMs: number | undefined;

  /** @param limitMs for each whole answer; default: a minute, ten for what is sent as bytes */
  constructor(edge: string, token: string | undefined, signal: AbortSignal, limitMs?: number) {
    this.edge = edge.replace(/\/+$/, "");
    this.token = token;
    this.#signal = signal;
    this.#limitMs = limitMs;
    this.v1 = newApiClient(this.edge, {
      fetch: (url: string | URL | Request, init?: RequestInit) => this.#send(String(url), init),
    }).v1;
  }

  /** The same for answers that take longer than most. */
  patient(limitMs: number): EdgeClient {
    return new EdgeClient(this.edge, this.token, this.#signal, limitMs);
  }

  /**
   * The JSON of an answer.
   *
   * @param needed what of it is about to be read
   * @throws CliError where it has none of that, as of an edge of another version or of something else
   */
  async json<T>(answer: Answer<T>, needed: readonly KeyOf<T>[]): Promise<T> {
    const response = await answer;
    const body: unknown = await response.json().catch(() => undefined);
    return this.#checked<T>(response.url, body, needed);
  }

  /** Every row of a list that comes in pages. @param needed what of each row is about to be read */
  async all<T>(
    page: (query: { cursor?: string }) => Answer<Page<T>>,
    needed: readonly KeyOf<T>[],
  ): Promise<T[]> {
    const rows: T[] = [];
    let cursor: string | null | undefined;
    do {
      const answer = page(cursor == null ? {} : { cursor });
      const { data, nextCursor } = await this.json(answer, ["data"]);
      const { url } = await answer;
      if (!Array.isArray(data)) throw this.#unexpected(url, "`data` is no list");
      for (const row of data) rows.push(this.#checked<T>(url, row, needed));
      cursor = nextCursor;
    } while (cursor);
    return rows;
  }

  /** The answer of an address that is none of the typed routes. */
  send(path: string): Promise<Response> {
    return this.#send(`${this.edge}${path}`);
  }

  #checked<T>(url: string, value: unknown, needed: readonly PropertyKey[]): T {
    if (typeof value !== "object" || value === null) throw this.#unexpected(url, "it is no JSON object");
    const missing = needed.filter((key) => !(key in value));
    if (missing.length > 0) throw this.#unexpected(url, `it has no ${missing.join(", ")}`);
    return value as T;
  }

  #unexpected(url: string, why: string): CliError {
    return new CliError(
      `${url} gave an unexpected answer: ${why}.`,
      "Check that --edge is a Nasturtium of the same version.",
    );
  }

  async #send(url: string, init: RequestInit = {}): Promise<Response> {
    const method = init.method ?? "GET";
    const attempts = REPEATABLE.includes(method) ? ATTEMPTS : 1;
    const headers = this.#headers(method, init.headers);
    for (let attempt = 1; ; attempt++) {
      let pauseMs = RETRY_MS * 2 ** (attempt - 1);
      try {
        const limitMs =
          this.#limitMs ?? (init.body instanceof Uint8Array ? UPLOAD_TIMEOUT_MS : REQUEST_TIMEOUT_MS);
        const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(limitMs)]);
        const response = await fetch(url, { ...init, headers, signal });
        if (response.ok) return response;
        // One that came too often was not looked at, whatever it asks for.
        const most = response.status === TOO_MANY ? ATTEMPTS : attempts;
        if (attempt >= most || !RETRIED_STATUS.has(response.status)) throw await this.#problem(response);
        pauseMs = retryAfterMs(response) ?? pauseMs;
        await response.body?.cancel();
      } catch (error) {
        if (error instanceof CliError || this.#signal.aborted || attempt >= attempts) throw this.#wrap(error);
      }
      await sleep(pauseMs, undefined, { signal: this.#signal });
    }
  }

  #headers(method: string, given: RequestInit["headers"]): Headers {
    const headers = new Headers(given);
    if (!headers.has("accept")) headers.set("accept", "application/json");
    if (this.token !== undefined) headers.set("authorization", `Bearer ${this.token}`);
    if (method === "POST") headers.set("idempotency-key", crypto.randomUUID());
    return headers;
  }

  #wrap(error: unknown): unknown {
    if (error instanceof CliError || this.#signal.aborted) return error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined;
    return new CliError(
      `The edge at ${this.edge} cannot be reached: ${reasonOf(cause ?? error) || "connection refused"}.`,
      "Start one with `nasturtium dev`, or name another with --edge or NASTURTIUM_EDGE.",
      exitCodes.unreachable,
    );
  }

  async #problem(response: Response): Promise<CliError> {
    const body: unknown = await response.json().catch(() => undefined);
    const problem = problemSchema.safeParse(body).data ?? {};
    // The detail of some problems repeats their fields.
    const fields = (problem.errors ?? [])
      .filter(({ pointer, detail }) => !problem.detail?.includes(`${pointer}: ${detail}`))
      .map(({ pointer, detail }) => `${pointer || "/"}: ${detail}`);
    const message = [problem.title ?? `The edge answered ${response.status}`, problem.detail, ...fields]
      .filter((part) => part !== undefined && part !== "")
      .map((part) => String(part).replace(/\.$/, ""))
      .join(". ");
    const { status } = response;
    if (status === 401 || status === 403) {
      return new CliError(
        `${message}.`,
        "Give a token with the needed scope with --token or NASTURTIUM_TOKEN.",
        exitCodes.unauthorised,
      );
    }
    if (status === 400 || status === 413 || status === 422) {
      return new CliError(`${message}.`, "Correct the input and try again.", exitCodes.badInput);
    }
    if (status === 404) {
      const list = lists[new URL(response.url).pathname.split("/")[2] ?? ""] ?? ["id", "searches"];
      const fix = `Check the ${list[0]}: \`nasturtium ${list[1]} list\`.`;
      return new NotFoundError(`${message}.`, fix);
    }
    const request = problem.requestId === undefined ? "" : ` for request ${problem.requestId}`;
    return new CliError(`${message}.`, status >= 500 ? `See the edge's log${request}.` : "");
  }
}
