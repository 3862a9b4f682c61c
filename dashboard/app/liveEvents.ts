/**
 * Events of a search as they come: Server-Sent Events read by `fetch`, because the token goes in a header. The stream ends
 * every minute; each connection resumes after the last event that was seen, so none is lost, and numbers that were seen
 * are dropped, so none comes twice.
 */

import { ApiProblem, passes } from "./problem.ts";

export interface LiveEvent {
  sequence: number;
  type: string;
  data: Record<string, unknown>;
  createdAt: string;
}

export type LiveState = "connecting" | "live" | "waiting" | "refused";

export interface Following {
  /** Resolves to a stream, throws what `send` of api.ts throws. */
  open(headers: Record<string, string>, signal: AbortSignal): Promise<Response>;
  /** Sequence number of the last event that is known. */
  after: number;
  signal: AbortSignal;
  onEvents(events: LiveEvent[]): void;
  onState(state: LiveState): void;
  /** Resolves after so long, sooner when the connection comes back; in a hidden page not before it is seen. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
  /** A stream that says nothing for so long is dead: the edge comments every two seconds. */
  quietMs?: number;
}

const longestPauseMs = 30_000;

/** Follows until the signal, or until the edge refuses for good. */
export async function followEvents({
  open,
  after,
  signal,
  onEvents,
  onState,
  pause,
  quietMs = 15_000,
}: Following): Promise<void> {
  let last = after;
  let retryMs = 1000;
  let failures = 0;
  while (!signal.aborted) {
    onState(failures === 0 ? "connecting" : "waiting");
    try {
      await readStream();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiProblem && !passes(error)) return onState("refused");
      failures += 1;
    }
    if (signal.aborted) return;
    if (failures > 0) onState("waiting");
    await pause(Math.min(longestPauseMs, retryMs * 2 ** Math.max(0, failures - 1)), signal);
  }

  async function readStream(): Promise<void> {
    const dead = new AbortController();
    let watch = setTimeout(() => dead.abort(), quietMs);
    try {
      const headers = { accept: "text/event-stream", "last-event-id": String(last) };
      const response = await open(headers, AbortSignal.any([signal, dead.signal]));
      if (response.body === null) return;
      onState("live");
      failures = 0;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watch);
        watch = setTimeout(() => dead.abort(), quietMs);
        const messages = (rest + value).split(/\r?\n\r?\n/);
        // The last one may be cut off.
        rest = messages.pop() ?? "";
        take(messages);
      }
    } finally {
      clearTimeout(watch);
    }
  }

  function take(messages: readonly string[]): void {
    const fresh: LiveEvent[] = [];
    for (const message of messages) {
      const fields = fieldsOf(message);
      if (fields.retry !== undefined) retryMs = Number(fields.retry) || retryMs;
      const sequence = Number(fields.id);
      if (fields.data === undefined || !(sequence > last)) continue;
      last = sequence;
      fresh.push({ sequence, ...(JSON.parse(fields.data) as Omit<LiveEvent, "sequence">) });
    }
    if (fresh.length > 0) onEvents(fresh);
  }
}

function fieldsOf(message: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of message.split(/\r?\n/)) {
    const [, name, value = ""] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const before = fields[name];
    fields[name] = name === "data" && before !== undefined ? `${before}\n${value}` : value;
  }
  return fields;
}
