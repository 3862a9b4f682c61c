/**
 * Server-Sent Events of a search: the database is asked every two seconds, and the stream ends after a minute, well
 * within what one request may query; the client comes back with Last-Event-ID. That of a search that is over ends as soon
 * as all was sent, and asks the client to come back less often: little happens after that.
 */

import { type EventRow, eventsAfter } from "./store/events.ts";

const pollMs = 2000;
const polls = 30;
const retryOverMs = 30_000;
const batch = 100;

const encode = ({ sequence, type, data, createdAt }: EventRow): string =>
  `id: ${sequence}\nevent: ${type}\ndata: ${JSON.stringify({ type, data, createdAt: new Date(createdAt).toISOString() })}\n\n`;

/**
 * Events after a sequence number, as they come.
 *
 * @param isOver of the search
 */
export function eventStream(
  db: D1Database,
  searchId: string,
  after: number,
  isOver: boolean,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let last = after;
  let asked = 0;
  let isMore = true;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${isOver ? retryOverMs : pollMs}\n\n`));
    },
    async pull(controller) {
      if (asked >= polls || (isOver && !isMore)) return controller.close();
      if (!isMore) await new Promise((resolve) => setTimeout(resolve, pollMs));
      asked += 1;
      const events = await eventsAfter(db, searchId, last, batch);
      last = events.at(-1)?.sequence ?? last;
      isMore = events.length === batch;
      // A comment keeps proxies from closing a quiet stream, and asks for the next pull.
      controller.enqueue(
        encoder.encode(events.length > 0 ? events.map(encode).join("") : ": nothing new\n\n"),
      );
    },
  });
}
