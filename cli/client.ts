/** Calls the edge over HTTP and turns its problems (RFC 9457) into errors for people. */

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
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

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Instead of `body`: bytes as they are. */
  bytes?: Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  /** For the whole answer, where it takes longer than most. */
  timeoutMs?: number;
}

/**
 * One edge and the token it is called with.
 *
 * @example
 * const search = await client.json("/v1/searches", searchSchema, { method: "POST", body: specification });
 */
export class EdgeClient {
  readonly edge: string;
  readonly token: string | undefined;
  readonly #signal: AbortSignal;

  constructor(edge: string, token: string | undefined, signal: AbortSignal) {
    this.edge = edge.replace(/\/+$/, "");
    this.token = token;
    this.#signal = signal;
  }

  /** The answer's JSON, checked. @throws CliError for an unreachable edge, a problem, or an answer of another shape */
  async json<T>(path: string, schema: z.ZodType<T>, options: RequestOptions = {}): Promise<T> {
    const response = await this.send(path, options);
    const body: unknown = await response.json().catch(() => undefined);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new CliError(
      `${this.edge}${path} gave an unexpected answer: ${z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, " ")}.`,
      "Check that --edge is a Nasturtium of the same version.",
    );
  }

  /** Every row of a list that comes in pages. */
  async all<T>(path: string, row: z.ZodType<T>): Promise<T[]> {
    const page = z.looseObject({ data: z.array(row), nextCursor: z.string().nullish() });
    const rows: T[] = [];
    let cursor: string | null | undefined;
    do {
      const separator = path.includes("?") ? "&" : "?";
      const query = cursor ? `${separator}cursor=${encodeURIComponent(cursor)}` : "";
      const { data, nextCursor } = await this.json(`${path}${query}`, page);
      rows.push(...(data as T[]));
      cursor = nextCursor;
    } while (cursor);
    return rows;
  }

  /** The answer itself, once it is a success. */
  async send(path: string, options: RequestOptions = {}): Promise<Response> {
    const method = options.method ?? "GET";
    const attempts = REPEATABLE.includes(method) ? ATTEMPTS : 1;
    for (let attempt = 1; ; attempt++) {
      let pauseMs = RETRY_MS * 2 ** (attempt - 1);
      try {
        const response = await this.#fetch(path, method, options);
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

  #fetch(path: string, method: string, options: RequestOptions): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", ...options.headers };
    if (this.token !== undefined) headers.authorization = `Bearer ${this.token}`;
    if (options.body !== undefined) headers["content-type"] = "application/json";
    if (options.bytes !== undefined) headers["content-type"] = "application/octet-stream";
    if (method === "POST") headers["idempotency-key"] ??= crypto.randomUUID();
    return fetch(`${this.edge}${path}`, {
      method,
      headers,
      body: options.bytes ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      signal: AbortSignal.any([
        this.#signal,
        AbortSignal.timeout(
          options.timeoutMs ?? (options.bytes === undefined ? REQUEST_TIMEOUT_MS : UPLOAD_TIMEOUT_MS),
        ),
      ]),
    });
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
