/** How much memory this process may still take, by everything that limits it. Linux only: elsewhere nothing is known. */

import { cgroupFolders, field, numberIn, type ReadText, readText, softLimit } from "./files.ts";

const KIB = 1024;
const MIB = 2 ** 20;
/** Version 1 writes the largest number of pages where there is no limit. */
const NO_LIMIT_BYTES = 2 ** 60;
/**
 * Allocators reserve more addresses than they use. In 31 processes the addresses grew by 1.5 times the resident
 * memory and 90 MiB at most.
 */
const ADDRESSES = { factor: 1.5, bytes: 96 * MIB };

export interface MemoryLimit {
  /** What limits, in words. */
  what: string;
  /** Bytes that may still be taken; cached files that the kernel would drop count as free. */
  freeBytes: number;
  /** Bytes that count against the limit if so many are used. */
  counted: (bytes: number) => number;
  /** Whether the kernel ends the process, and counts that, rather than refuse an allocation. */
  isKilled: boolean;
}

const asTheyAre = (bytes: number): number => bytes;
const asAddresses = (bytes: number): number => bytes * ADDRESSES.factor + ADDRESSES.bytes;

/** All limits that apply: of cgroups (versions 1 and 2), of the process (ulimit -v and -d), of the machine. */
export function memoryLimits(read: ReadText = readText): MemoryLimit[] {
  return [...cgroupLimits(read), ...processLimits(read), ...machineLimit(read)];
}

function cgroupLimits(read: ReadText): MemoryLimit[] {
  return cgroupFolders("memory", read).flatMap(({ version, folder }) => {
    const [limitFile, usedFile, prefix] =
      version === 1
        ? ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_"]
        : ["memory.max", "memory.current", ""];
    const limit = numberIn(`${folder}/${limitFile}`, read);
    const used = numberIn(`${folder}/${usedFile}`, read);
    if (limit === undefined || used === undefined || limit >= NO_LIMIT_BYTES) return [];
    const stat = read(`${folder}/memory.stat`);
    const files = ["active_file", "inactive_file"].reduce(
      (sum, name) => sum + (field(stat, `${prefix}${name}`) ?? 0),
      0,
    );
    const what = `the cgroup's limit of ${inMebibytes(limit)}`;
    return [{ what, freeBytes: limit - Math.max(0, used - files), counted: asTheyAre, isKilled: true }];
  });
}

function processLimits(read: ReadText): MemoryLimit[] {
  const status = read("/proc/self/status");
  return [
    ["Max address space", "VmSize", "ulimit -v"] as const,
    ["Max data size", "VmData", "ulimit -d"] as const,
  ].flatMap(([row, used, name]) => {
    const limit = softLimit(row, read);
    const usedKib = field(status, used);
    if (limit === undefined || usedKib === undefined) return [];
    const what = `${name} of ${inMebibytes(limit)}`;
    return [{ what, freeBytes: limit - usedKib * KIB, counted: asAddresses, isKilled: false }];
  });
}

function machineLimit(read: ReadText): MemoryLimit[] {
  const text = read("/proc/meminfo");
  const [available, swap, total] = ["MemAvailable", "SwapFree", "MemTotal"].map((name) => field(text, name));
  if (available === undefined) return [];
  const what = `this machine's memory of ${inMebibytes((total ?? 0) * KIB)}`;
  return [{ what, freeBytes: (available + (swap ?? 0)) * KIB, counted: asTheyAre, isKilled: true }];
}

/** Memory of this process that is no file's; undefined outside of Linux. */
export function residentBytes(read: ReadText = readText): number | undefined {
  const kib = field(read("/proc/self/status"), "RssAnon");
  return kib === undefined ? undefined : kib * KIB;
}

/** How often the kernel has ended a process of this machine for lack of memory; 0 where it does not tell. */
export const outOfMemoryKills = (read: ReadText = readText): number =>
  field(read("/proc/vmstat"), "oom_kill") ?? 0;

export const inMebibytes = (bytes: number): string => `${Math.max(0, Math.round(bytes / MIB))} MiB`;
