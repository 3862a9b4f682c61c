/**
 * A runner on a rented machine: it ends when its time is over, or when the edge is away for too long, and has the
 * provider end the machine where it gave the machine a key for that. The edge ends it in any case; this is for the case
 * that there is no edge any more.
 */

import { setTimeout as sleep } from "node:timers/promises";

/** Longer than an edge is away while it is deployed anew. */
const mostSecondsAlone = 15 * 60;
const checkMs = 15_000;
/** For storing a checkpoint before the machine goes. */
const beforeEndSeconds = 120;
const requestMs = 15_000;
const attempts = 4;
const pauseMs = 2000;

export type Variables = Readonly<Record<string, string | undefined>>;

/** Seconds that the machine may live; null on one that is not rented. */
export function lifetimeOf({ NASTURTIUM_LIFETIME_SECONDS: text }: Variables): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

export interface Watch {
  /** Aborts when the runner is to end. */
  signal: AbortSignal;
  /** The edge answered. */
  heard: () => void;
  stop: () => void;
}

/** @param now milliseconds of a clock that only goes on */
export function watch(
  lifetimeSeconds: number,
  log: (line: string) => void,
  { secondsAlone = mostSecondsAlone, now = () => performance.now() } = {},
): Watch {
  const controller = new AbortController();
  const startedAt = now();
  let heardAt = startedAt;
  const lifeMs = 1000 * Math.max(0, lifetimeSeconds - beforeEndSeconds);
  const timer = setInterval(
    () => {
      const isOver = now() - startedAt >= lifeMs;
      if (!isOver && now() - heardAt < 1000 * secondsAlone) return;
      log(
        isOver ? "The machine's time is over." : `The edge did not answer for ${secondsAlone} s; giving up.`,
      );
      clearInterval(timer);
      controller.abort();
    },
    Math.min(checkMs, 1000 * secondsAlone),
  );
  timer.unref();
  return {
    signal: controller.signal,
    heard: () => {
      heardAt = now();
    },
    stop: () => clearInterval(timer),
  };
}

interface Own {
  provider: string;
  url: string;
  key: string;
}

/** How a machine tells its provider to end it, where it was given a key that can do nothing else. */
function ownMachine(env: Variables): Own | null {
  const {
    RUNPOD_POD_ID: pod,
    RUNPOD_API_KEY: podKey,
    CONTAINER_ID: container,
    CONTAINER_API_KEY: containerKey,
  } = env;
  if (pod && podKey)
    return {
      provider: "RunPod",
      url: `${env.RUNPOD_BASE_URL ?? "https://api.runpod.io/v2"}/pods/${encodeURIComponent(pod)}`,
      key: podKey,
    };
  if (container && containerKey)
    return {
      provider: "Vast.ai",
      url: `${env.VAST_BASE_URL ?? "https://console.vast.ai"}/api/v0/instances/${encodeURIComponent(container)}/`,
      key: containerKey,
    };
  return null;
}

/** @returns whether the provider was told; false too where the machine has no key */
export async function giveMachineBack(
  env: Variables,
  log: (line: string) => void,
  call: typeof fetch = fetch,
): Promise<boolean> {
  const own = ownMachine(env);
  if (own === null) return false;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      const response = await call(own.url, {
        method: "DELETE",
        headers: { authorization: `Bearer ${own.key}` },
        signal: AbortSignal.timeout(requestMs),
      });
      if (response.ok || response.status === 404) {
        log(`${own.provider} was told to end this machine.`);
        return true;
      }
      log(`${own.provider} answered ${response.status} when told to end this machine.`);
    } catch (err) {
      log(
        `${own.provider} could not be told to end this machine: ${err instanceof Error ? err.message : err}.`,
      );
    }
    if (attempt < attempts) await sleep(pauseMs * attempt);
  }
  return false;
}
