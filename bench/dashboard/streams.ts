/** The dashboard's reader of events through a proxy that cuts the stream wherever it likes: what is lost, what comes twice. */

import { setTimeout as pause } from "node:timers/promises";
import { readEvents } from "../../cli/api.ts";
import { followEvents, type LiveEvent } from "../../dashboard/app/liveEvents.ts";
import { createSearch, searchOf, userOf } from "../edge/site.ts";
import { CuttingProxy } from "./cuttingProxy.ts";
import type { Place } from "./place.ts";

const before = 100;
const during = 300;
const eventPauseMs = 60;
/** Pauses between connections are so many times shorter than a page's, for more cuts in the same time. */
const hurry = 20;
const limitMs = 120_000;

export async function streamsCut(place: Place) {
  const id = await createSearch(place, searchOf("events", 10));
  await emit(place, id, before, 0);
  const proxy = new CuttingProxy(place.url);
  const url = await proxy.listen();
  const seen: LiveEvent[] = [];
  const over = new AbortController();
  const following = followEvents({
    open: (headers, signal) =>
      fetch(`${url}/v1/searches/${id}/events`, {
        headers: { ...headers, authorization: `Bearer ${place.token}` },
        signal,
      }),
    after: 0,
    signal: over.signal,
    onEvents: (events) => seen.push(...events),
    onState: () => {},
    pause: (ms, signal) => pause(ms / hurry, undefined, { signal }).catch(() => {}),
  });
  try {
    await emit(place, id, during, eventPauseMs);
    const told = await readEvents(userOf(place), id);
    const last = told.at(-1)?.sequence ?? 0;
    for (const startedAt = Date.now(); Date.now() - startedAt < limitMs; await pause(100))
      if ((seen.at(-1)?.sequence ?? 0) >= last) break;
    const numbers = seen.map(({ sequence }) => sequence);
    const unique = new Set(numbers);
    return {
      events: told.length,
      connections: proxy.connections,
      cuts: proxy.cuts,
      refusals: proxy.refusals,
      lost: told.filter(({ sequence }) => !unique.has(sequence)).length,
      twice: numbers.length - unique.size,
      outOfOrder: numbers.filter((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0)).length,
    };
  } finally {
    over.abort();
    await following;
    await proxy.close();
  }
}

/** Each change of state is an event. */
async function emit(place: Place, id: string, count: number, pauseMs: number): Promise<void> {
  const search = userOf(place).v1.searches[":id"];
  for (let event = 0; event < count; event++) {
    await search[event % 2 === 0 ? "pause" : "resume"].$post({ param: { id } });
    if (pauseMs > 0) await pause(pauseMs);
  }
}
