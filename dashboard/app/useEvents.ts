/** The events of a search in a component: all that were, then each as it comes. */

import { useEffect, useState } from "preact/hooks";
import { pauseOrOnline, seen } from "../device/waits.ts";
import { send } from "./api.ts";
import { followEvents, type LiveEvent, type LiveState } from "./liveEvents.ts";
import { session } from "./session.ts";
import { useStore } from "./store.ts";

export interface Events {
  /** Oldest first, numbered from 1 without a gap. */
  events: readonly LiveEvent[];
  state: LiveState;
  /** Of the last event; 0 before the first. Given to `useData` as `when`, what an event changes is loaded again. */
  sequence: number;
}

const none: Events = { events: [], state: "connecting", sequence: 0 };

/** @param searchId null for none yet */
export function useEvents(searchId: string | null): Events {
  const { number } = useStore(session);
  const [state, setState] = useState<Events & { searchId: string | null }>({ ...none, searchId });
  useEffect(() => {
    if (searchId === null) return;
    const ended = new AbortController();
    setState({ ...none, searchId });
    void followEvents({
      open: (headers, signal) =>
        send(`/v1/searches/${encodeURIComponent(searchId)}/events`, { headers, signal, cache: "no-store" }),
      after: 0,
      signal: ended.signal,
      onEvents: (fresh) =>
        setState((before) => ({
          ...before,
          events: [...before.events, ...fresh],
          sequence: fresh.at(-1)?.sequence ?? before.sequence,
        })),
      onState: (next) => setState((before) => ({ ...before, state: next })),
      pause: async (ms, signal) => {
        await pauseOrOnline(ms, signal).catch(() => {});
        await seen(signal).catch(() => {});
      },
    });
    return () => ended.abort();
  }, [searchId, number]);
  return state.searchId === searchId ? state : none;
}
