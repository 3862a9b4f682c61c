/**
 * A note on disk of the step that is under way. Whoever works on the same task on this machine next learns from it
 * that the process before ended in the middle, what the step was to take, and whether memory was the reason.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type ReadText, readText } from "./files.ts";
import { outOfMemoryKills } from "./memory.ts";

const noteSchema = z.object({
  pid: z.int(),
  /** When the process started, in ticks since the machine did: numbers of processes are used again. */
  startTicks: z.string(),
  /** What the step was estimated to take. */
  bytes: z.number(),
  images: z.int(),
  /** Of this machine, when the step began. */
  kills: z.number(),
  /** Whether an allocation may be refused, by a limit that is near: libraries abort then, and nobody counts that. */
  mayBeRefused: z.boolean(),
});
type Note = z.infer<typeof noteSchema>;
export type Step = Pick<Note, "bytes" | "images" | "mayBeRefused">;

/** Field 22 of /proc/PID/stat; the name before it may hold spaces. */
const startTicksOf = (pid: number, read: ReadText): string =>
  read(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ")[19] ?? "";

export class LastStep {
  readonly #file: string;
  readonly #read: ReadText;
  readonly #own: Pick<Note, "pid" | "startTicks">;

  /**
   * @param folder is made where it is missing
   * @param resource a search or a training
   */
  constructor(folder: string, resource: string, read: ReadText = readText) {
    this.#file = path.join(
      folder,
      `${createHash("sha256").update(resource).digest("hex").slice(0, 32)}.json`,
    );
    this.#read = read;
    this.#own = { pid: process.pid, startTicks: startTicksOf(process.pid, read) };
  }

  /** What a process that is no more was at when it ended for lack of memory; otherwise undefined. */
  diedAt(): { bytes: number; images: number; isKilled: boolean } | undefined {
    const note = this.#note();
    if (note === undefined || startTicksOf(note.pid, this.#read) === note.startTicks) return undefined;
    const isKilled = outOfMemoryKills(this.#read) > note.kills;
    if (!isKilled && !note.mayBeRefused) return undefined;
    return { bytes: note.bytes, images: note.images, isKilled };
  }

  /** Does not fail: without the note the next attempt knows less. */
  begin(step: Step): void {
    const note: Note = { ...this.#own, ...step, kills: outOfMemoryKills(this.#read) };
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true });
      writeFileSync(this.#file, JSON.stringify(note));
    } catch {
      // a folder that cannot be written
    }
  }

  end(): void {
    rmSync(this.#file, { force: true });
  }

  #note(): Note | undefined {
    try {
      return noteSchema.parse(JSON.parse(readFileSync(this.#file, "utf8")));
    } catch {
      return undefined; // none, or the machine went down while it was written
    }
  }
}
