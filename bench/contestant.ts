/** One side of bench/runner.ts: a process that takes steps when it is its turn, with what was measured of it. */

import path from "node:path";
import { LineProcess } from "./lineProcess.ts";
import type { Case } from "./runnerCases.ts";
import type { RunRequest, SetupReply, SetupRequest } from "./runnerProtocol.ts";
import { median, type Side } from "./runnerReport.ts";

export class Contestant {
  readonly process: LineProcess;
  readonly milliseconds: number[] = [];
  #readySeconds = 0;

  constructor(name: string, command: string, script: string, caseThreads: number) {
    const count = String(caseThreads);
    this.process = new LineProcess(name, command, [path.join(import.meta.dirname, script)], {
      OMP_NUM_THREADS: count,
      TF_NUM_INTRAOP_THREADS: count,
      TF_NUM_INTEROP_THREADS: count,
    });
  }

  async start(setup: SetupRequest, chosen: Case): Promise<SetupReply> {
    const reply = await this.process.ask(setup);
    await this.process.ask(runRequest(chosen, 0, 1));
    this.#readySeconds = this.process.ageSeconds;
    return reply;
  }

  summary(batch: number): Side {
    const stepMs = median(this.milliseconds);
    return {
      imagesPerSecond: (1000 * batch) / stepMs,
      stepMs,
      milliseconds: this.milliseconds,
      readySeconds: this.#readySeconds,
      peakMegabytes: this.process.peakMegabytes,
    };
  }
}

/** The case's steps from `first` on. */
export function runRequest({ mode, path: pathOf, dropPath }: Case, first: number, steps: number): RunRequest {
  const paths = Array.from({ length: steps }, (_, index) => pathOf(first + index));
  return { op: "run", mode, paths, first, dropPath };
}
