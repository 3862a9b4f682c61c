/** How much of the machine other programs take while something is measured, from /proc. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Of /proc: what Linux has on every common machine. */
const TICKS_PER_SECOND = 100;

/** Fields of a line of /proc/stat in which the processor works for somebody, another virtual machine included. */
const BUSY_FIELDS = [1, 2, 3, 6, 7, 8];

/**
 * Starts watching.
 *
 * @param processes ids of those that are measured, or what tells them at a time; this one is with them
 * @returns what tells the share of the machine that others took since, 0 to 1; 0 where there is no /proc
 */
export function watchOthers(processes: readonly number[] | (() => readonly number[])): () => number {
  const measured = typeof processes === "function" ? processes : () => processes;
  const startedAt = performance.now();
  const before = otherTicks(measured());
  return () => {
    const ticks = (performance.now() - startedAt) * (TICKS_PER_SECOND / 1000) * availableParallelism();
    return Math.max(0, otherTicks(measured()) - before) / ticks;
  };
}

function otherTicks(processes: readonly number[]): number {
  try {
    const all = fieldsOf(readFileSync("/proc/stat", "utf8").split("\n", 1)[0] as string);
    const busy = BUSY_FIELDS.reduce((sum, field) => sum + Number(all[field]), 0);
    return [process.pid, ...processes].reduce((rest, pid) => rest - ticksOf(pid), busy);
  } catch {
    return 0;
  }
}

/** User and system time of a process with all its threads. */
function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = fieldsOf(text.slice(text.lastIndexOf(")") + 2));
  return Number(fields[11]) + Number(fields[12]);
}

const fieldsOf = (line: string): string[] => line.trim().split(/\s+/);
