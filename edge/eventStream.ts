/**
 * Server-Sent Events of a search: the database is asked every two seconds, and the stream ends after a minute, well
 * within what one request may query; the client comes back with Last-Event-ID.
 */

import { type EventRow, eventsAfter } from "./store/events.ts";

const pollMs = 2000;
const polls = 30;
const batch = 100;

const encode = ({ sequence, type, data, createdAt }: EventRow): string =>
  `id: ${sequence}\nevent: ${type}\ndata: ${JSON.stringify({ type, data, createdAt: new Date(createdAt).toISOString() })}\n\n`;

/** Events after a sequence number, as they come. */
export function eventStream(db: D1Database, searchId: string, after: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let last = after;
  let asked = 0;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${pollMs}\n\n`));
    },
    async pull(controller) {
      if (asked > 0) await new Promise((resolve) => setTimeout(resolve, pollMs));
      if (asked >= polls) return controller.close();
      asked += 1;
      const events = await eventsAfter(db, searchId, last, batch);
      last = events.at(-1)?.sequence ?? last;
      // A comment keeps proxies from closing a quiet stream, and asks for the next pull.
      controller.enqueue(
        encoder.encode(events.length > 0 ? events.map(encode).join("") : ": nothing new\n\n"),
      );
    },
  });
}
