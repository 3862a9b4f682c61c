/** Waiting for what a browser tells by events: the page being seen, the connection, the screen. */

/** Resolves once the condition holds, which may change with each event; rejects with the signal. */
async function until(
  isSo: () => boolean,
  target: EventTarget,
  event: string,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (isSo()) return;
  const done = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const options = { signal: done.signal };
      target.addEventListener(event, () => isSo() && resolve(), options);
      signal.addEventListener("abort", () => reject(signal.reason), options);
    });
  } finally {
    done.abort();
  }
}

export const isSeen = (): boolean => document.visibilityState === "visible";

export const seen = (signal: AbortSignal): Promise<void> =>
  until(isSeen, document, "visibilitychange", signal);

/** Aborted with the signal, and when the page is hidden. */
export function whileSeen(signal: AbortSignal): AbortSignal {
  const hidden = new AbortController();
  const onChange = () => !isSeen() && hidden.abort(new DOMException("The page is hidden", "AbortError"));
  document.addEventListener("visibilitychange", onChange, { signal: hidden.signal });
  onChange();
  return AbortSignal.any([signal, hidden.signal]);
}

/** After so long; at once when the browser finds its connection again. */
export async function pauseOrOnline(pauseMs: number, signal: AbortSignal): Promise<void> {
  const over = AbortSignal.timeout(pauseMs);
  let isBack = false;
  window.addEventListener("online", () => (isBack = true), { once: true, signal: over });
  const ended = AbortSignal.any([over, signal]);
  await until(() => isBack, window, "online", ended).catch(() => signal.throwIfAborted());
}

/** Keeps the screen on, where the browser can, until the signal; `tell` hears whether it does. */
export function keepScreenOn(signal: AbortSignal, tell: (isKeptOn: boolean) => void): void {
  let lock: WakeLockSentinel | undefined;
  const take = async () => {
    // Browsers give it up whenever the page is hidden. Without https they do not have it.
    if (!isSeen() || !("wakeLock" in navigator) || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      lock = undefined;
    }
    if (signal.aborted) await lock?.release();
    else tell(lock !== undefined);
  };
  document.addEventListener("visibilitychange", () => void take(), { signal });
  signal.addEventListener("abort", () => void lock?.release(), { once: true });
  void take();
}
