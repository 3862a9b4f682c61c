/**
 * The one HTTP client of the adapters: a base URL, a bearer key, a time limit, the pace that the provider asks for,
 * answers checked against a schema, and every failure a `ProviderError`. It repeats what was refused as too many
 * requests, and nothing else: whoever calls decides, after a look at what exists.
 */

import type { z } from "zod";
import { limitedText } from "../../shared/limitedText.ts";
import type { ProviderName } from "../../shared/specification.ts";
import { retryAfter } from "../webhooks/schedule.ts";
import { type Pace, Pacer } from "./pace.ts";
import { type ProviderContext, ProviderError, type ProviderFault } from "./provider.ts";

const defaultTimeoutMs = 15_000;
/** Of one call, until its turn and between its repetitions: longer than any documented interval. */
const longestWaitMs = 20_000;
/** Of all calls of a client, between repetitions: a provider that refuses every one holds up no others. */
const repetitionBudgetMs = 30_000;
const firstRepetitionMs = 1000;
const maxBodyBytes = 1_000_000;
const maxDetailCharacters = 200;
/** What is shorter is no secret, and would be found in ordinary words. */
const minSecretCharacters = 8;

export type ProviderOperation = "quote" | "launch" | "get" | "list" | "terminate" | "billing";

/** What an error's body says. */
export interface Refusal {
  /** The provider's word for it; null where it has none. */
  code: string | null;
  detail: string;
  /** A machine that was made all the same. */
  machineId?: string | null;
}

/** Which refusals are which fault; all that is given has to match. `missing` is what `find` answers with null. */
export interface ErrorRule {
  statuses?: readonly number[];
  code?: RegExp;
  detail?: RegExp;
  operations?: readonly ProviderOperation[];
  fault: ProviderFault | "missing";
}

/** How one provider says that something failed. */
export interface ErrorFormat {
  /** @returns null where the body, of JSON, is no error */
  read(body: unknown): Refusal | null;
  /** The first that matches counts; where none does, the status says it. */
  rules: readonly ErrorRule[];
  /** It fails with a status of success, too. */
  failsWithSuccess?: boolean;
}

export interface ProviderCall<T> {
  operation: ProviderOperation;
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** With its query, from the base URL on. */
  path: string;
  body?: unknown;
  /** Of the answer's JSON; undefined is an answer without. */
  schema: z.ZodType<T>;
  /** Besides the key, what must be in no error. */
  secrets?: readonly string[];
}

export interface ProviderHttpOptions {
  provider: ProviderName;
  baseUrl: string;
  key: string;
  errors: ErrorFormat;
  /** What it documents; requests beyond it are refused. */
  paces?: readonly Pace[];
  context: ProviderContext;
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined where the text is not JSON. */
  json: unknown;
}
/** An answer and what it is; null where it is none of the faults. */
interface Judged {
  answer: Answer;
  fault: ErrorRule["fault"] | null;
}

export class ProviderHttp {
  readonly #options: ProviderHttpOptions;
  readonly #baseUrl: string;
  readonly #pacer: Pacer;
  #repetitionsLeftMs = repetitionBudgetMs;

  constructor(options: ProviderHttpOptions) {
    // Keys are pasted, and end in a new line.
    this.#options = { ...options, key: options.key.trim() };
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#pacer = new Pacer(options.paces ?? []);
  }

  /** @throws ProviderError, and nothing else */
  async call<T>(call: ProviderCall<T>): Promise<T> {
    const { answer, fault } = await this.#answered(call);
    if (fault === null) return this.#read(call, answer);
    throw this.#refused(call, answer, fault === "missing" ? "invalid" : fault);
  }

  /** As `call`; null where the provider knows no such thing. */
  async find<T>(call: ProviderCall<T>): Promise<T | null> {
    const { answer, fault } = await this.#answered(call);
    if (fault === null) return this.#read(call, answer);
    if (fault === "missing") return null;
    throw this.#refused(call, answer, fault);
  }

  /** In its turn, and again while it is one request too many. */
  async #answered(call: ProviderCall<unknown>): Promise<Judged> {
    const { wait } = this.#options.context;
    let leftMs = longestWaitMs;
    for (let repetitions = 0; ; repetitions++) {
      leftMs -= await this.#turn(call, leftMs);
      const answer = await this.#send(call);
      const fault = this.#faultOf(call, answer);
      const delayMs = this.#repeatsAfter(call, { answer, fault }, repetitions);
      if (delayMs === null || delayMs > Math.min(leftMs, this.#repetitionsLeftMs)) return { answer, fault };
      leftMs -= delayMs;
      this.#repetitionsLeftMs -= delayMs;
      await wait(delayMs);
    }
  }

  /** Waits for the call's turn. @returns how long */
  async #turn(call: ProviderCall<unknown>, mostMs: number): Promise<number> {
    const { now, wait } = this.#options.context;
    const waitMs = this.#pacer.take(call.operation, now(), mostMs);
    if (waitMs > mostMs) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      throw this.#error(call, "rate", "its turn comes too late, and nothing was sent", { retryAfterSeconds });
    }
    if (waitMs > 0) await wait(waitMs);
    return waitMs;
  }

  /** Null where it is not to be repeated. */
  #repeatsAfter({ operation }: ProviderCall<unknown>, { answer, fault }: Judged, repetitions: number) {
    if (fault !== "rate") return null;
    // It made a machine all the same.
    if ((this.#options.errors.read(answer.json)?.machineId ?? null) !== null) return null;
    const asked = retryAfterSecondsOf(answer.headers, this.#options.context.now());
    if (asked !== null) return 1000 * asked;
    return Math.max(firstRepetitionMs, this.#pacer.intervalMs(operation)) * 2 ** repetitions;
  }

  async #send(call: ProviderCall<unknown>): Promise<Answer> {
    const { context, key } = this.#options;
    // An HTTP header takes no others, and the runtime's message would show the key.
    if (!/^[\x21-\x7e]+$/.test(key))
      throw this.#error(call, "auth", "the key is empty or has characters no key has");
    const url = `${this.#baseUrl}${call.path}`;
    if (!URL.canParse(url)) throw this.#error(call, "invalid", "its base URL is no address");
    const { fetch } = context;
    const timeoutMs = context.timeoutMs ?? defaultTimeoutMs;
    const limit = new AbortController();
    // Cleared once answered: an isolate may have so many timers only.
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    try {
      const response = await fetch(url, {
        method: call.method,
        // The key goes to no other host.
        redirect: "manual",
        headers: {
          accept: "application/json",
          authorization: `Bearer ${key}`,
          "user-agent": "Nasturtium",
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: limit.signal,
      });
      const text = await limitedText(response, maxBodyBytes);
      if (text === null)
        throw this.#error(call, "transient", `its answer is longer than ${maxBodyBytes} bytes`);
      return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      if (limit.signal.aborted)
        throw this.#error(call, "transient", `it did not answer within ${timeoutMs / 1000} s`);
      throw this.#error(call, "transient", `it could not be reached: ${reasonOf(error)}`);
    } finally {
      this.#pacer.answered(call.operation, context.now());
      clearTimeout(timer);
    }
  }

  #faultOf({ operation }: ProviderCall<unknown>, { status, json, text }: Answer): ErrorRule["fault"] | null {
    const { errors } = this.#options;
    const isSuccess = status >= 200 && status < 300;
    const refusal = errors.read(json);
    if (isSuccess && (refusal === null || errors.failsWithSuccess !== true)) return null;
    const { code, detail } = refusal ?? { code: null, detail: text };
    const rule = errors.rules.find(
      (rule) =>
        (rule.statuses?.includes(status) ?? true) &&
        (rule.code?.test(code ?? "") ?? true) &&
        (rule.detail?.test(detail) ?? true) &&
        (rule.operations?.includes(operation) ?? true),
    );
    return rule?.fault ?? faultOfStatus(status);
  }

  #read<T>(call: ProviderCall<T>, { json, text }: Answer): T {
    if (json === undefined && text !== "") throw this.#error(call, "transient", "its answer is not JSON");
    const result = call.schema.safeParse(json);
    if (result.success) return result.data;
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
    // After a launch there may be a machine: it is looked for, and not given up.
    const fault = call.operation === "launch" ? "transient" : "invalid";
    throw this.#error(
      call,
      fault,
      `its answer is not what was expected${where}: ${issue?.message ?? "unknown"}`,
    );
  }

  #refused(
    call: ProviderCall<unknown>,
    { status, headers, json, text }: Answer,
    fault: ProviderFault,
  ): ProviderError {
    const { code = null, detail = text, machineId = null } = this.#options.errors.read(json) ?? {};
    const said = [String(status), code, detail].filter((part) => part !== null && part !== "").join(" ");
    const retryAfterSeconds = retryAfterSecondsOf(headers, this.#options.context.now());
    return this.#error(call, fault, said, { retryAfterSeconds, machineId });
  }

  #error(
    { operation, secrets = [] }: ProviderCall<unknown>,
    fault: ProviderFault,
    detail: string,
    more: { retryAfterSeconds?: number | null; machineId?: string | null } = {},
  ): ProviderError {
    let clean = detail;
    for (const secret of [this.#options.key, ...secrets])
      if (secret.length >= minSecretCharacters) clean = clean.replaceAll(secret, "[secret]");
    const line = clean.replace(/\s+/g, " ").trim();
    const short = line.length > maxDetailCharacters ? `${line.slice(0, maxDetailCharacters)}…` : line;
    return new ProviderError(this.#options.provider, fault, `${operation}: ${short}`, more);
  }
}

function faultOfStatus(status: number): ErrorRule["fault"] {
  if (status === 401 || status === 403) return "auth";
  if (status === 402) return "balance";
  if (status === 404) return "missing";
  if (status === 429) return "rate";
  return status >= 500 || status === 408 ? "transient" : "invalid";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What the runtime says; Node keeps the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return "code" in cause ? String(cause.code) : cause.message;
}

/** From Retry-After, or else from the limits that are used up; null where nothing tells. */
function retryAfterSecondsOf(headers: Headers, now: number): number | null {
  const asked = retryAfter(headers.get("retry-after"), now);
  if (asked !== null) return Math.ceil(asked / 1000);
  // RateLimit: "minute";r=0;t=12, "hour";r=2900;t=600
  const waits = [...(headers.get("ratelimit") ?? "").matchAll(/;\s*r=0\s*;\s*t=(\d+)/g)].map(([, t]) =>
    Number(t),
  );
  if (waits.length > 0) return Math.max(...waits);
  // The older three: the reset is a time since 1970.
  const reset = headers.get("ratelimit-reset");
  if (headers.get("ratelimit-remaining") !== "0" || reset === null || !/^\d+$/.test(reset)) return null;
  return Math.max(0, Number(reset) - Math.floor(now / 1000));
}
