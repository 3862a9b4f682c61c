/**
 * What the page does, apart from how it looks: gets a backend ready, runs the loop of a device while the page can be
 * seen, and goes on after sleep and lost connections.
 */

import type { DeviceBackend } from "../../device/backend.ts";
import { runDevice, type WorkerOptions } from "../../device/worker.ts";
import { browserBackends } from "../../shared/measuring.ts";
import { browserClock } from "./clock.ts";
import { isPassing, PageError, type Problem, problemOf, rowOf } from "./problems.ts";
import { forgetToken, keepSettings, type Settings } from "./settings.ts";
import { afterProgress, emptyState, type PageState } from "./state.ts";
import { isSeen, keepScreenOn, pauseOrOnline, seen, whileSeen } from "./waits.ts";
import { backendTitles } from "./words.ts";

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;

export class Session {
  #state: PageState = emptyState;
  #clock: DeviceBackend["clock"] | undefined;
  /** Ends what runs, if anything. */
  #running: AbortController | undefined;
  readonly #draw: (state: PageState) => void;

  constructor(draw: (state: PageState) => void) {
    this.#draw = draw;
  }

  /** With a token and a name it goes to work; otherwise the page asks for them. */
  start(settings: Partial<Settings>): void {
    this.#set({ settings });
    const { token, name, backend = null } = settings;
    if (!token || !name) this.#ask({ name: "token-missing", detail: null });
    else this.connect({ token, name, backend });
  }

  connect(settings: Settings): void {
    keepSettings(settings);
    this.#set({ settings, results: [], measured: 0, failed: 0 });
    this.again();
  }

  again(): void {
    const { token, name, backend = null } = this.#state.settings;
    if (!token || !name) {
      this.#ask({ name: "token-missing", detail: null });
      return;
    }
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    void this.#run({ token, name, backend }, running.signal).catch((error: unknown) => {
      if (!running.signal.aborted) this.#fail(problemOf(error));
    });
  }

  stop(): void {
    this.#running?.abort();
    this.#set({ phase: { kind: "stopped" }, current: null });
  }

  change({ forget = false } = {}): void {
    this.#running?.abort();
    const { token: _, ...rest } = this.#state.settings;
    if (forget) {
      forgetToken(rest);
      this.#set({ settings: rest });
    }
    this.#ask({ name: "token-missing", detail: null });
  }

  async #run(settings: Settings, signal: AbortSignal): Promise<void> {
    keepScreenOn(signal, (isScreenKeptOn) => this.#set({ isScreenKeptOn }));
    const device = await this.#prepare(settings, signal);
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      await this.#untilSeen(signal);
      this.#set({ phase: { kind: "working" }, activity: "connecting" });
      try {
        // Ends without a word when the page is hidden, and gives back what it holds.
        await runDevice(this.#options(settings, device, whileSeen(signal), () => (pauseMs = FIRST_PAUSE_MS)));
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        this.#set({ activity: "offline", current: null });
        await pauseOrOnline(pauseMs, signal);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  #options(
    { token, name }: Settings,
    device: DeviceBackend,
    signal: AbortSignal,
    onRegistered: () => void,
  ): WorkerOptions {
    const tell = (change: Partial<PageState>) => {
      // What comes in after the user has stopped is not shown.
      if (!signal.aborted) this.#set(change);
    };
    return {
      edge: location.origin,
      token,
      name,
      device,
      signal,
      onRegistered,
      onIdle: () => tell({ activity: "waiting", current: null }),
      onProgress: (progress) => tell(afterProgress(this.#state, progress)),
      onRetry: () => tell({ activity: "offline" }),
      onDropped: () => tell({ activity: "waiting", current: null }),
    };
  }

  async #untilSeen(signal: AbortSignal): Promise<void> {
    if (!isSeen()) this.#set({ phase: { kind: "working" }, activity: "hidden", current: null });
    await seen(signal);
  }

  /** Tries the backends while the page is seen, and gets the best, or the wanted one, ready. */
  async #prepare({ backend: wanted }: Settings, signal: AbortSignal): Promise<DeviceBackend> {
    await this.#untilSeen(signal);
    this.#prepares("Loading TensorFlow.js");
    const [{ tryBackends }, { openDevice }] = await Promise.all([import("./trial.ts"), import("./tfjs.ts")]);
    this.#clock ??= browserClock();
    const candidates = wanted === null ? browserBackends : [wanted];
    const trials = await tryBackends(candidates, (backend) =>
      this.#prepares(`Trying ${backendTitles[backend]}`),
    );
    signal.throwIfAborted();
    const [best] = trials;
    this.#set({ trials, clock: this.#clock.name });
    if (best === undefined || "failure" in best) {
      const reasons = trials.map(
        (trial) => `${backendTitles[trial.backend]}: ${"failure" in trial ? trial.failure : ""}`,
      );
      throw new PageError({
        name: wanted === null ? "no-backend" : "backend-missing",
        detail: reasons.join("; "),
      });
    }
    this.#prepares(`Starting ${backendTitles[best.backend]}`);
    const device = await openDevice(best.backend, this.#clock);
    signal.throwIfAborted();
    this.#set({ backend: best.backend });
    return device;
  }

  #prepares(step: string): void {
    this.#set({ phase: { kind: "preparing", step } });
  }

  #set(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
    this.#draw(this.#state);
  }

  #ask(problem: Problem): void {
    this.#set({ phase: { kind: "entry", problem }, current: null });
  }

  #fail(problem: Problem): void {
    this.#running?.abort();
    if (rowOf(problem.name).offers === "form") this.#ask(problem);
    else this.#set({ phase: { kind: "failed", problem }, current: null });
  }
}
