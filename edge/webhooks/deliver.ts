/**
 * Emptying the outbox. Every message goes out at least once: whoever claims a row and is lost gives it up when the
 * claim ends. Only an answer of 2xx is a success, and 410 ends the endpoint.
 */

import type { Attempt } from "../../schema/webhooks.ts";
import type { Env } from "../env.ts";
import { Problem } from "../problems.ts";
import { open } from "../secrets.ts";
import { signedPost } from "../signature.ts";
import { type Claimed, claimDue, type Outcome, writeOutcomes } from "../store/outbox.ts";
import { bodyOf } from "./message.ts";
import { dnsOverHttps } from "./resolver.ts";
import { delayAfter, retryAfter } from "./schedule.ts";
import { hostsIn, type Resolver, targetFault } from "./target.ts";

/** As many connections as a Worker may have at once. */
export const sideBySide = 6;
/** Three calls each, with the resolver's two, stay below the 50 that an invocation has on the free plan. */
export const perSweep = 16;
/** Longer than a whole sweep of endpoints that do not answer. */
const claimMs = 120_000;
const defaultTimeoutSeconds = 15;
const excerptCharacters = 200;
const gone = 410;

/** The world outside: what tests replace. */
export interface Platform {
  call: typeof fetch;
  /** Milliseconds since 1970. */
  now(): number;
  /** Comes back after so many milliseconds. */
  wait(milliseconds: number): Promise<void>;
  /** From 0 to 1. */
  random(): number;
  resolve: Resolver;
}

/** @returns the real one; it remembers the names it resolved, so it is for one invocation */
export function realPlatform(): Platform {
  const call: typeof fetch = (...request) => fetch(...request);
  const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
  return { call, now: () => Date.now(), wait, random: () => Math.random(), resolve: dnsOverHttps(call) };
}

/** Sends at most so many of the messages that are due. */
export async function deliverDue(env: Env, platform: Platform, limit: number): Promise<void> {
  const now = platform.now();
  const claim = { now, until: now + claimMs };
  const claimed = await claimDue(env.DB, { ...claim, limit });
  const ended = new Set<string>();
  for (let first = 0; first < claimed.length; first += sideBySide) {
    const group = claimed
      .slice(first, first + sideBySide)
      .map((delivery) => (ended.has(delivery.webhookId) ? { ...delivery, webhook: null } : delivery));
    const outcomes = await Promise.all(group.map((delivery) => deliver(env, platform, delivery)));
    await writeOutcomes(env.DB, outcomes, claim);
    for (const { webhookId, disabledReason } of outcomes) if (disabledReason !== null) ended.add(webhookId);
  }
}

async function deliver(env: Env, platform: Platform, delivery: Claimed): Promise<Outcome> {
  const { id, webhookId, webhook, tries } = delivery;
  const outcome = { id, webhookId, nextAttemptAt: null, attempt: null, disabledReason: null };
  if (webhook?.enabled !== true) return { ...outcome, state: "failed" };
  const at = platform.now();
  const { retryAfterMs = null, ...answer } = await send(env, platform, { ...delivery, webhook }, at);
  const attempt = { at, durationMs: platform.now() - at, ...answer };
  if (answer.error === null) return { ...outcome, attempt, state: "delivered" };
  if (answer.status === gone)
    return { ...outcome, attempt, state: "failed", disabledReason: `It answered 410 Gone to ${id}.` };
  const delay = delayAfter(tries, platform.random(), retryAfterMs);
  if (delay === null) return { ...outcome, attempt, state: "failed" };
  return { ...outcome, attempt, state: "pending", nextAttemptAt: platform.now() + delay };
}

type Answer = Pick<Attempt, "status" | "error" | "excerpt"> & { retryAfterMs?: number | null };

type Sendable = Claimed & { webhook: NonNullable<Claimed["webhook"]> };

async function send(env: Env, platform: Platform, delivery: Sendable, at: number): Promise<Answer> {
  const { webhook, id } = delivery;
  const fault = await targetFault(webhook.url, hostsIn(env.NASTURTIUM_WEBHOOK_HOSTS), platform.resolve);
  if (fault !== null) return { status: null, error: `It was not called: ${fault}.` };
  const secrets = await secretsOf(env, delivery, at);
  if (secrets === null)
    return { status: null, error: "Its secret cannot be read: NASTURTIUM_SECRET has changed. Rotate it." };
  const body = bodyOf(delivery, webhook.format, webhook.origin);
  const timestamp = Math.floor(at / 1000);
  const timeoutSeconds = Number(env.NASTURTIUM_WEBHOOK_TIMEOUT_SECONDS ?? defaultTimeoutSeconds);
  const signal = AbortSignal.timeout(timeoutSeconds * 1000);
  try {
    const response = await platform.call(webhook.url, {
      ...(await signedPost(secrets, { id, timestamp, body })),
      signal,
    });
    return await answerOf(response, platform.now());
  } catch (error) {
    if (signal.aborted) return { status: null, error: `It did not answer within ${timeoutSeconds} s.` };
    return { status: null, error: `It could not be reached: ${String(error).slice(0, excerptCharacters)}` };
  }
}

/** The secret, and for a while after a rotation the one before; null where the secret cannot be read. */
async function secretsOf(env: Env, { webhook }: Sendable, now: number): Promise<string[] | null> {
  const { sealedSecret, previousSealedSecret, previousUntil } = webhook;
  const current = await readable(env, sealedSecret);
  if (current === null) return null;
  if (previousSealedSecret === null || now >= (previousUntil ?? 0)) return [current];
  const previous = await readable(env, previousSealedSecret);
  return previous === null ? [current] : [current, previous];
}

const readable = (env: Env, sealed: string): Promise<string | null> =>
  open(env, sealed).catch((error: unknown) => {
    if (error instanceof Problem) return null;
    throw error;
  });

async function answerOf(response: Response, now: number): Promise<Answer> {
  const { status } = response;
  if (response.ok) {
    await response.body?.cancel();
    return { status, error: null };
  }
  const isRedirect = status >= 300 && status < 400;
  const excerpt = await beginningOf(response);
  return {
    status,
    error: isRedirect ? `It answered ${status}: redirects are not followed.` : `It answered ${status}.`,
    ...(excerpt === "" ? {} : { excerpt }),
    retryAfterMs: retryAfter(response.headers.get("retry-after"), now),
  };
}

/** The first characters of an answer; the rest is not read. */
async function beginningOf({ body }: Response): Promise<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (reader !== undefined && text.length < excerptCharacters) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += value;
  }
  await reader?.cancel();
  return text.slice(0, excerptCharacters);
}
