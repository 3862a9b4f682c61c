/** Reads what a Cloudflare account holds. Changes are wrangler's; both report failures through `refusalOf`. */

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { CliError, exitCodes, reasonOf } from "../errors.ts";
import { type Refusal, refusalOf } from "./refusals.ts";

const DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4";
const REQUEST_TIMEOUT_MS = 30_000;
const ATTEMPTS = 3;
const RETRY_MS = 1000;
const TOO_MANY = 429;
const SERVER_ERROR = 500;

const envelopeSchema = z.looseObject({
  success: z.boolean(),
  errors: z.array(z.looseObject({ code: z.number(), message: z.string() })).nullish(),
  result: z.unknown(),
});

interface Outcome {
  result: unknown;
  refusal: Refusal | null;
}

export class Cloudflare {
  readonly accountId: string;
  readonly #token: string;
  readonly #signal: AbortSignal;
  readonly #baseUrl = (process.env.CLOUDFLARE_API_BASE_URL || DEFAULT_BASE_URL).replace(/\/+$/, "");

  constructor(token: string, accountId: string, signal: AbortSignal) {
    this.#token = token;
    this.accountId = accountId;
    this.#signal = signal;
  }

  /** @param path within the account, e.g. `/d1/database`. @throws CliError with the fix when it is refused */
  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#read(await this.#send("GET", this.#inAccount(path)), path, schema);
  }

  /** As `get`; undefined where Cloudflare answers with one of these codes that there is no such thing. */
  async find<T>(path: string, schema: z.ZodType<T>, absentCodes: readonly number[]): Promise<T | undefined> {
    const outcome = await this.#send("GET", this.#inAccount(path));
    if (outcome.refusal !== null && absentCodes.includes(outcome.refusal.code)) return undefined;
    return this.#read(outcome, path, schema);
  }

  /** The rows of a query that changes nothing. */
  async query<T>(databaseId: string, sql: string, row: z.ZodType<T>): Promise<T[]> {
    const path = `/d1/database/${databaseId}/query`;
    const schema = z.array(z.looseObject({ results: z.array(row) }));
    const outcome = await this.#send("POST", this.#inAccount(path), { sql });
    return (await this.#read(outcome, path, schema)).flatMap(({ results }) => results);
  }

  /** The accounts that the token reaches. */
  async accounts(): Promise<{ id: string; name: string }[]> {
    const schema = z.array(z.looseObject({ id: z.string(), name: z.string() }));
    return this.#read(await this.#send("GET", "/accounts"), "/accounts", schema);
  }

  /** What a refusal means and what to do about it. */
  async explain(refusal: Refusal): Promise<CliError> {
    return refusalOf(refusal, this.accountId, () => this.#isTokenValid());
  }

  /** User tokens and account tokens are verified at different places. */
  async #isTokenValid(): Promise<boolean> {
    for (const path of ["/user/tokens/verify", this.#inAccount("/tokens/verify")]) {
      if ((await this.#send("GET", path)).refusal === null) return true;
    }
    return false;
  }

  #inAccount(path: string): string {
    return `/accounts/${encodeURIComponent(this.accountId)}${path}`;
  }

  async #read<T>({ result, refusal }: Outcome, path: string, schema: z.ZodType<T>): Promise<T> {
    if (refusal !== null) throw await this.explain(refusal);
    const parsed = schema.safeParse(result);
    if (parsed.success) return parsed.data;
    throw new CliError(
      `Cloudflare answered ${path} in a form that this version does not know: ${z.prettifyError(parsed.error)}.`,
      "Take a newer version of Nasturtium.",
    );
  }

  async #send(method: "GET" | "POST", path: string, body?: unknown): Promise<Outcome> {
    let reason = "";
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await sleep(RETRY_MS, undefined, { signal: this.#signal });
      try {
        const response = await fetch(`${this.#baseUrl}${path}`, {
          method,
          headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.any([this.#signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
        });
        const text = await response.text();
        reason = `${response.status} ${text.slice(0, 200)}`;
        if (response.status === TOO_MANY || response.status >= SERVER_ERROR) continue;
        const { success, errors, result } = envelopeSchema.parse(JSON.parse(text));
        const { code = 0, message = reason } = errors?.[0] ?? {};
        return { result, refusal: success ? null : { code, message, path } };
      } catch (error) {
        if (this.#signal.aborted) throw error;
        reason = reasonOf(error instanceof Error ? (error.cause ?? error) : error);
      }
    }
    throw new CliError(
      `Cloudflare did not answer ${path}: ${reason}.`,
      "Run the same command again; it goes on where it stopped.",
      exitCodes.unreachable,
    );
  }
}
