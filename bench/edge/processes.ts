/** Processor time of the programs that this one started, from /proc. */

import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Of /proc: what Linux has on every common machine. */
export const ticksPerSecond = 100;

/** User and system time, in clock ticks, of every program of this name that this process or a child of it started. */
export const ticksOf = (program: string): number =>
  started()
    .filter(({ name }) => name.startsWith(program))
    .reduce((sum, { ticks }) => sum + ticks, 0);

/** Ids of what this process or a child of it started and that still runs; none where there is no /proc. */
export const startedProcesses = (): number[] =>
  started().flatMap(({ pid }) => (pid === process.pid ? [] : pid));

function started() {
  if (!existsSync("/proc/self/stat")) return [];
  const processes = readdirSync("/proc").flatMap((entry) => {
    const stat = /^\d+$/.test(entry) ? readStat(entry) : undefined;
    return stat === undefined ? [] : [stat];
  });
  const mine = new Set([process.pid]);
  for (let size = 0; size !== mine.size; ) {
    size = mine.size;
    for (const { pid, parent } of processes) if (mine.has(parent)) mine.add(pid);
  }
  return processes.filter(({ pid }) => mine.has(pid));
}

function readStat(pid: string) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = text.lastIndexOf(")");
    const fields = text.slice(end + 2).split(" ");
    return {
      pid: Number(pid),
      name: text.slice(text.indexOf("(") + 1, end),
      parent: Number(fields[1]),
      ticks: Number(fields[11]) + Number(fields[12]),
    };
  } catch {
    return undefined; // it ended meanwhile
  }
}
