/**
 * How far something is, on stderr: a bar on a terminal, elsewhere plain lines with some seconds between them.
 * One thing is under way at a time.
 */

import { SingleBar } from "cli-progress";

/** Often enough that nobody thinks it hangs, seldom enough for a log. */
const PLAIN_INTERVAL_MS = 5000;
const LABEL_WIDTH = 15;
const BAR_WIDTH = 30;

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
}

export interface Step {
  /** `note` stands behind the bar, e.g. the loss. `total` may change while it goes. */
  update(done: number, note?: string, total?: number): void;
  /** Ends the step with what came of it. */
  finish(note?: string): void;
}

export interface ProgressOptions {
  output?: Output;
  /** Milliseconds, for tests. */
  now?: () => number;
}

/**
 * @example
 * const progress = createProgress();
 * const step = progress("Search", 50);
 * step.update(10, "front 7");
 * step.finish("front 21");
 */
export function createProgress({ output = process.stderr, now = Date.now }: ProgressOptions = {}) {
  return (label: string, total: number): Step =>
    output.isTTY ? barStep(label, total, output) : plainStep(label, total, output, now);
}
export type Progress = ReturnType<typeof createProgress>;

function barStep(label: string, total: number, output: Output): Step {
  const bar = new SingleBar({
    format: `${label.padEnd(LABEL_WIDTH)} {bar} {percentage}% | {duration_formatted} | {note}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: BAR_WIDTH,
    hideCursor: true,
    clearOnComplete: false,
    gracefulExit: false,
    stream: output as NodeJS.WriteStream,
  });
  bar.start(Math.max(1, total), 0, { note: "" });
  let finished = false;
  return {
    update(done, note = "", newTotal) {
      if (finished) return;
      if (newTotal !== undefined) bar.setTotal(Math.max(1, newTotal));
      bar.update(done, { note });
    },
    finish(note = "") {
      if (finished) return;
      finished = true;
      bar.update(bar.getTotal(), { note });
      bar.stop();
    },
  };
}

function plainStep(label: string, total: number, output: Output, now: () => number): Step {
  const startMs = now();
  let lastMs = startMs;
  let lastDone = -1;
  let end = total;
  const seconds = () => `${Math.round((now() - startMs) / 1000)} s`;
  const line = (text: string, note: string) => output.write(`${label}: ${text}${note && ` (${note})`}\n`);
  line("started", "");
  return {
    update(done, note = "", newTotal) {
      end = newTotal ?? end;
      if (now() - lastMs < PLAIN_INTERVAL_MS || done === lastDone) return;
      lastMs = now();
      lastDone = done;
      line(`${done} of ${end}, ${seconds()}`, note);
    },
    finish(note = "") {
      line(`done in ${seconds()}`, note);
    },
  };
}

/** Seconds as people say them: `45 s`, `12 min`, `3.5 h`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
