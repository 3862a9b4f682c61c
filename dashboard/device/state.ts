/** All that the page shows, as plain data: the session changes it, the view draws it. */

import type { DeviceProgress } from "../../device/worker.ts";
import type { BrowserBackend, Measured, Subject, SubjectResult } from "../../shared/measuring.ts";
import type { Problem } from "./problems.ts";
import type { Settings } from "./settings.ts";
import type { Trial } from "./trial.ts";

export type Phase =
  /** Asks for a name and a token. */
  | { kind: "entry"; problem: Problem }
  | { kind: "preparing"; step: string }
  | { kind: "working" }
  | { kind: "stopped" }
  /** The same may work when it is tried again. */
  | { kind: "failed"; problem: Problem };

export type Activity = "connecting" | "waiting" | "measuring" | "reporting" | "hidden" | "offline";

export interface Result {
  subject: Subject;
  values: Record<string, Measured | null>;
  failure: string | null;
}

export interface PageState {
  settings: Partial<Settings>;
  phase: Phase;
  activity: Activity;
  /** Of the backends, the fastest first. */
  trials: readonly Trial[];
  backend: BrowserBackend | null;
  /** What results depend on, and what is not measured here: lines for people. */
  clock: string | null;
  /** What is measured now: one of the task's subjects. */
  current: { subject: Subject; done: number; total: number } | null;
  /** Newest first. */
  results: readonly Result[];
  measured: number;
  failed: number;
  isScreenKeptOn: boolean;
}

/** Kept for the view; the edge has all. */
export const RESULTS_SHOWN = 8;

export const emptyState: PageState = {
  settings: {},
  phase: { kind: "preparing", step: "Starting" },
  activity: "connecting",
  trials: [],
  backend: null,
  clock: null,
  current: null,
  results: [],
  measured: 0,
  failed: 0,
  isScreenKeptOn: false,
};

/** What the page shows once a subject is begun or done. */
export function afterProgress(
  state: PageState,
  { task, subject, done, total, last }: DeviceProgress,
): PageState {
  const measured = task.subjects[done - 1];
  const then = measured === undefined || last === undefined ? state : withResult(state, measured, last);
  return subject === undefined
    ? { ...then, activity: "reporting", current: null }
    : { ...then, activity: "measuring", current: { subject, done, total } };
}

function withResult(state: PageState, subject: Subject, { values, failure }: SubjectResult): PageState {
  // Of several things that are wanted, some may be had.
  const isMeasured = Object.values(values).some((value) => value !== null);
  return {
    ...state,
    results: [{ subject, values, failure: failure ?? null }, ...state.results].slice(0, RESULTS_SHOWN),
    measured: state.measured + (isMeasured ? 1 : 0),
    failed: state.failed + (isMeasured ? 0 : 1),
  };
}
