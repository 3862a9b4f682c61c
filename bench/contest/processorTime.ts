/** Processor time of everything that this process has started, from /proc: user and system time, all threads. */

import { readdirSync, readFileSync } from "node:fs";

/** Of /proc: what Linux has on every common machine. */
const TICKS_PER_SECOND = 100;
/** Readings that may be spoilt by processes that come or go meanwhile. */
const MOST_READINGS = 10;

/** One process, as /proc/PID/stat has it; times in ticks. */
export interface ProcessTimes {
  id: number;
  parent: number;
  startedAt: number;
  own: number;
  /** Of children that ended and were waited for, and of theirs. */
  ended: number;
}

/** @param text of /proc/PID/stat; the name in it may hold spaces and brackets */
export function processTimesOf(text: string): ProcessTimes {
  const id = Number.parseInt(text, 10);
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(/\s+/)
    .map(Number);
  const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0, startedAt = 0] = [
    1, 11, 12, 13, 14, 19,
  ].map((index) => fields[index]);
  return { id, parent, startedAt, own: user + system, ended: endedUser + endedSystem };
}

/** A process and all it has started that still runs; the process itself comes first. */
export function familyOf(root: number, processes: readonly ProcessTimes[]): ProcessTimes[] {
  const byParent = Map.groupBy(processes, ({ parent }) => parent);
  const family = processes.filter(({ id }) => id === root);
  for (const { id } of family) family.push(...(byParent.get(id) ?? []));
  return family;
}

/** Ticks of what the first of a family has started, without its own. */
export const ticksOf = (family: readonly ProcessTimes[]): number =>
  family.reduce((sum, { own, ended }, index) => sum + ended + (index === 0 ? 0 : own), 0);

/**
 * Starts counting the processor seconds of what `root` starts. What was once seen stays counted, also when a process
 * ends unseen by its parent, so ask every few seconds and before processes are ended.
 *
 * @param read what tells the processes at a time
 * @returns what tells the seconds so far
 * @throws Error where there is no /proc
 */
export function startProcessorMeter(
  root: number = process.pid,
  read: () => ProcessTimes[] = readProcesses,
): () => number {
  let lost = -ticksOf(settledFamily(root, read));
  let last = 0;
  return () => {
    const ticks = ticksOf(settledFamily(root, read));
    lost = Math.max(lost, last - ticks);
    last = ticks + lost;
    return last / TICKS_PER_SECOND;
  };
}

/** A process that ends during a reading is in it twice or not at all: reads until nothing has come or gone. */
function settledFamily(root: number, read: () => ProcessTimes[]): ProcessTimes[] {
  const namesOf = (family: readonly ProcessTimes[]) =>
    family.map(({ id, startedAt }) => `${id}/${startedAt}`).join();
  let family = familyOf(root, read());
  for (let reading = 1; reading < MOST_READINGS; reading++) {
    const again = familyOf(root, read());
    if (namesOf(again) === namesOf(family)) break;
    family = again;
  }
  return family;
}

function readProcesses(): ProcessTimes[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.flatMap((id) => {
    try {
      return [processTimesOf(readFileSync(`/proc/${id}/stat`, "utf8"))];
    } catch {
      return []; // has ended
    }
  });
}
