/** A child process that answers a line of JSON with a line of JSON, and the most memory that it ever held. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Replies, Request } from "./runnerProtocol.ts";

const MEMORY_INTERVAL_MS = 20;

export class LineProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #startedAt = performance.now();
  #peakBytes = 0;

  /** @param env added to this process's own */
  constructor(name: string, command: string, args: readonly string[], env: Record<string, string>) {
    this.#name = name;
    this.#child = spawn(command, [...args], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    this.#child.on("error", () => {}); // then its output ends, which `ask` reports
    this.#child.stdin?.on("error", () => {});
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** @throws Error where the process could not be started */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} could not be started.`);
    return this.#child.pid;
  }

  /** Since the process was started. */
  get ageSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** Anonymous resident memory as it was seen while requests were answered; undefined outside of Linux. */
  get peakMegabytes(): number | undefined {
    return this.#peakBytes === 0 ? undefined : this.#peakBytes / 1e6;
  }

  /** @throws Error where the process ends without an answer */
  async ask<R extends Request>(request: R): Promise<Replies[R["op"]]> {
    const timer = setInterval(() => this.#observeMemory(), MEMORY_INTERVAL_MS);
    try {
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
      for (;;) {
        const { value, done } = await this.#answers.next();
        if (done) throw new Error(`${this.#name} ended while it was asked to ${request.op}.`);
        if (value.startsWith("{")) return JSON.parse(value);
        console.error(value); // libraries greet here
      }
    } finally {
      this.#observeMemory();
      clearInterval(timer);
    }
  }

  /** Lets the process end, which it does when it has nothing more to read. */
  async end(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    this.#lines.close();
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    await exited;
  }

  #observeMemory(): void {
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      const kilobytes = Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      this.#peakBytes = Math.max(this.#peakBytes, 1024 * kilobytes);
    } catch {
      // It has ended, or this system has no /proc.
    }
  }
}
