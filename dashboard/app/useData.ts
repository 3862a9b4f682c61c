/**
 * Data of the edge in a component: loading, there, failed, or old with the reason why it could not be renewed. What was
 * seen before is shown at once and renewed behind; a hidden page asks for nothing, and for what is new once it is seen.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { isSeen } from "../device/waits.ts";
import { ApiProblem, passes } from "./problem.ts";
import { session } from "./session.ts";
import { useStore } from "./store.ts";

export interface Data<T> {
  /** Undefined until there is some. */
  value: T | undefined;
  /** Why the last try failed; with a value, that one is old. */
  error: unknown;
  isLoading: boolean;
  /** When the value came; null without one. */
  loadedAt: number | null;
  refresh(): void;
}

interface Options {
  /** Renewed so often while the page is seen. */
  everyMs?: number | undefined;
  /** Renewed when this changes, such as the sequence number of the last event. */
  when?: unknown;
}

interface Kept {
  value: unknown;
  loadedAt: number;
}

const mostKept = 60;
const kept = new Map<string, Kept>();
const firstRetryMs = 1000;
const longestRetryMs = 30_000;

function keep(key: string, value: unknown): Kept {
  const entry = { value, loadedAt: Date.now() };
  kept.delete(key);
  kept.set(key, entry);
  const [oldest] = kept.keys();
  if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
  return entry;
}

/**
 * @param key names what is loaded; null for nothing yet, such as without the scope that it needs
 * @param load is given a signal that ends it; throws what `read` of api.ts throws
 * @example
 * const search = useData(`search ${id}`, (signal) => read(api.searches[":id"].$get({ param: { id } }, { init: { signal } })));
 */
export function useData<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  { everyMs, when }: Options = {},
): Data<T> {
  const { number } = useStore(session);
  const fullKey = key === null ? null : `${number} ${key}`;
  const [state, setState] = useState<{ key: string | null; error: unknown; isLoading: boolean }>({
    key: fullKey,
    error: null,
    isLoading: true,
  });
  const latest = useRef(load);
  latest.current = load;
  const refresh = useRef<() => void>(() => {});

  useEffect(() => {
    if (fullKey === null) return;
    const ended = new AbortController();
    const { signal } = ended;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    let error: unknown = null;
    let isRunning = false;
    let isWanted = false;
    const run = async () => {
      clearTimeout(timer);
      isWanted = true;
      if (isRunning || signal.aborted) return;
      isRunning = true;
      while (isWanted && !signal.aborted) {
        isWanted = false;
        setState({ key: fullKey, error, isLoading: true });
        try {
          keep(fullKey, await latest.current(signal));
          error = null;
          failures = 0;
        } catch (thrown) {
          error = thrown;
          failures += 1;
        }
      }
      isRunning = false;
      if (signal.aborted) return;
      setState({ key: fullKey, error, isLoading: false });
      const waitMs = waitOf(error, failures, everyMs);
      if (waitMs !== null) timer = setTimeout(() => isSeen() && void run(), waitMs);
    };
    refresh.current = () => void run();
    const onSeen = () => isSeen() && void run();
    document.addEventListener("visibilitychange", onSeen, { signal });
    window.addEventListener("online", () => void run(), { signal });
    void run();
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [fullKey, everyMs]);

  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current && isSeen()) refresh.current();
    isFirst.current = false;
  }, [when]);

  // What a page shows stays with it, whatever is forgotten elsewhere.
  const shown = useRef<{ key: string; entry: Kept } | null>(null);
  const found = fullKey === null ? undefined : kept.get(fullKey);
  if (fullKey !== null && found !== undefined) shown.current = { key: fullKey, entry: found };
  const entry = shown.current?.key === fullKey ? shown.current?.entry : undefined;
  const isCurrent = state.key === fullKey;
  return {
    value: entry?.value as T | undefined,
    error: isCurrent ? state.error : null,
    isLoading: fullKey !== null && (isCurrent ? state.isLoading : true),
    loadedAt: entry?.loadedAt ?? null,
    refresh: () => refresh.current(),
  };
}

/** Until the next try; null where none is worth it. */
function waitOf(error: unknown, failures: number, everyMs: number | undefined): number | null {
  if (error === null) return everyMs ?? null;
  if (!passes(error)) return null;
  const told = error instanceof ApiProblem ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  return Math.max(told, Math.min(longestRetryMs, firstRetryMs * 2 ** (failures - 1)));
}
